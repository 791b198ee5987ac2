import test from 'ava'
import { GuardedEventBus } from '../../src/events/event-bus.ts'
import { inspectManifest } from '../../src/manifest/inspect-manifest.ts'
import { Manifest } from '../../src/manifest/manifest.ts'
import { Version } from '../../src/manifest/version.ts'
import { SimulatedClock } from '../../src/testing/simulated-clock.ts'
import { MemoryVfs } from '../../src/vfs/memory-vfs.ts'
import { edit, flush, table } from './edits.ts'

test('a manifest is described edit by edit; damage and a torn end are told apart', async (t) => {
  const vfs = new MemoryVfs()
  await vfs.makeDirectory('/db')
  const shared = { vfs, directory: '/db', clock: new SimulatedClock(), events: new GuardedEventBus() }
  const manifest = await Manifest.begin({ ...shared, nextFileNumber: () => 1, obsolete: () => {}, version: Version.empty })
  await manifest.append(edit({ tables: [table(1)] }))
  const before = manifest.sizeBytes
  await manifest.append(flush(7))
  await manifest.close()
  const bytes = await vfs.readFile(manifest.path)
  const whole = inspectManifest('MANIFEST-000001', bytes)
  t.deepEqual(
    whole.edits.map(({ reason }) => reason.kind),
    ['snapshot', 'create-table', 'flush-mem-rowset'],
  )
  t.deepEqual([whole.tables, whole.files, whole.validBytes, whole.problem], [1, 1, manifest.sizeBytes, undefined])

  const torn = inspectManifest('MANIFEST-000001', bytes.subarray(0, manifest.sizeBytes - 8))
  t.deepEqual([torn.files, torn.validBytes, torn.problem?.synced], [0, before, false])
  const damaged = bytes.slice()
  damaged[manifest.sizeBytes - 20] = 0
  t.is(inspectManifest('MANIFEST-000001', damaged).problem?.synced, true)
  t.throws(() => inspectManifest('CURRENT', bytes), { instanceOf: TypeError })
})
