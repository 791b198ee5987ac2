import test from 'ava'
import { SeededRandom } from '../../src/base/seeded-random.ts'
import { GuardedEventBus } from '../../src/events/event-bus.ts'
import { listDatabaseFiles } from '../../src/manifest/database-files.ts'
import { Manifest, type ManifestOptions } from '../../src/manifest/manifest.ts'
import { recoverManifest } from '../../src/manifest/manifest-recovery.ts'
import { Version } from '../../src/manifest/version.ts'
import type { VersionEdit } from '../../src/manifest/version-edit.ts'
import { SimulatedClock } from '../../src/testing/simulated-clock.ts'
import { MemoryVfs } from '../../src/vfs/memory-vfs.ts'
import { edit, file, flush, table } from './edits.ts'

const directory = '/db'

async function freshVfs(): Promise<MemoryVfs> {
  const vfs = new MemoryVfs({ random: new SeededRandom(1) })
  await vfs.makeDirectory(directory)
  return vfs
}

function options(vfs: MemoryVfs, o: Partial<ManifestOptions> = {}, firstNumber = 1): ManifestOptions {
  let next = firstNumber
  return {
    vfs,
    directory,
    clock: new SimulatedClock(),
    events: new GuardedEventBus(),
    nextFileNumber: () => next++,
    obsolete: () => {},
    ...o,
  }
}

const read = (vfs: MemoryVfs, mode: 'strict' | 'salvage' = 'strict') => recoverManifest({ vfs, directory, mode })
const numbers = (version: Version | undefined) => [...(version?.files.keys() ?? [])]

async function begun(vfs: MemoryVfs, o: Partial<ManifestOptions> = {}): Promise<Manifest> {
  const manifest = await Manifest.begin({ ...options(vfs, o), version: Version.empty })
  await manifest.append(edit({ tables: [table(1)] }))
  return manifest
}

test('an empty directory holds no database', async (t) => {
  t.is(await read(await freshVfs()), undefined)
  t.is(await recoverManifest({ vfs: new MemoryVfs(), directory: '/none', mode: 'strict' }), undefined)
})

test('what was appended is read back, edits in order', async (t) => {
  const vfs = await freshVfs()
  const manifest = await begun(vfs)
  const versions = await Promise.all([manifest.append(flush(7)), manifest.append(flush(8)), manifest.append(edit({ removedFiles: [7] }))])
  t.deepEqual(versions.map(numbers), [[7], [7, 8], [8]])
  t.is(manifest.version, versions[2])
  const kinds: VersionEdit['reason']['kind'][] = []
  const recovered = await recoverManifest({ vfs, directory, mode: 'strict', onEdit: ({ reason }) => kinds.push(reason.kind) })
  t.deepEqual(recovered?.version.snapshotEdit(0), manifest.version.snapshotEdit(0))
  t.is(recovered?.sizeBytes, manifest.sizeBytes)
  t.deepEqual(kinds, ['snapshot', 'create-table', 'flush-mem-rowset', 'flush-mem-rowset', 'create-table'])
  await manifest.close()
})

test('an edit resolves only when it is durable: a power cut after that never loses it', async (t) => {
  for (let seed = 0; seed < 30; seed++) {
    const vfs = await freshVfs()
    const manifest = await begun(vfs)
    await manifest.append(flush(7))
    manifest.append(flush(8)).catch(() => {})
    const after = vfs.crash({ mode: 'power', random: new SeededRandom(seed) })
    const recovered = await read(after)
    t.true(recovered?.version.files.has(7), `seed ${seed}`)
  }
})

test('edits that wait together share one sync', async (t) => {
  const syncs: string[] = []
  const vfs = new MemoryVfs({ onCall: (call) => call.op === 'sync' && syncs.push(call.path) })
  await vfs.makeDirectory(directory)
  const manifest = await begun(vfs)
  syncs.length = 0
  await Promise.all(Array.from({ length: 50 }, (_, i) => manifest.append(flush(i + 10))))
  t.true(syncs.length <= 2, `${syncs.length} syncs`)
})

test('an edit that does not fit is refused, and those around it are not harmed', async (t) => {
  const vfs = await freshVfs()
  const manifest = await begun(vfs)
  const first = manifest.append(flush(7))
  await t.throwsAsync(manifest.append(edit({ removedFiles: [99] })), { message: /file 99/ })
  await first
  await manifest.append(flush(8))
  t.deepEqual(numbers((await read(vfs))?.version), [7, 8])
})

test('a new manifest is begun past a size; CURRENT follows, and the old one is given away', async (t) => {
  const vfs = await freshVfs()
  const events = new GuardedEventBus()
  const seen: string[] = []
  events.on('manifest:created', ({ fileNumber }) => seen.push(`created ${fileNumber}`))
  const obsolete: string[] = []
  const manifest = await begun(vfs, {
    events,
    rotateAtBytes: 4000,
    obsolete: ({ path, fileNumber }) => obsolete.push(`${fileNumber} ${path}`),
  })
  for (let i = 0; i < 20; i++) await manifest.append(flush(10 + i))
  await manifest.close()
  t.true(manifest.fileNumber > 1)
  t.deepEqual(seen.slice(0, 2), ['created 1', 'created 2'])
  t.is(obsolete[0], '1 /db/MANIFEST-000001')
  const recovered = await read(vfs)
  t.is(recovered?.fileNumber, manifest.fileNumber)
  t.is(recovered?.version.files.size, 20)
})

test('a full disk rejects the edits that found it full, and later ones succeed', async (t) => {
  const vfs = await freshVfs()
  const manifest = await begun(vfs)
  const fault = vfs.inject({ op: 'append', path: /MANIFEST/, error: 'ENOSPC', share: 0.5, times: 1 })
  const results = await Promise.allSettled([manifest.append(flush(7)), manifest.append(flush(8))])
  t.deepEqual(
    results.map((r) => r.status === 'rejected' && r.reason.code),
    ['DISK_FULL', 'DISK_FULL'],
  )
  fault[Symbol.dispose]()
  t.is(manifest.version.files.size, 0)
  await manifest.append(flush(7))
  t.deepEqual(numbers((await read(vfs))?.version), [7])
})

test('after a failed sync nothing is written any more', async (t) => {
  const vfs = await freshVfs()
  const manifest = await begun(vfs)
  vfs.inject({ op: 'sync', error: 'EIO', times: 1, nth: 1 })
  await t.throwsAsync(manifest.append(flush(7)), { code: 'WRITES_STOPPED' })
  await t.throwsAsync(manifest.append(flush(8)), { code: 'WRITES_STOPPED' })
  t.is(manifest.stopped?.code, 'WRITES_STOPPED')
  t.is(manifest.version.files.size, 0, 'what may not be durable is not installed')
})

test('any prefix that ends on an edit is a valid manifest', async (t) => {
  const vfs = await freshVfs()
  const manifest = await begun(vfs)
  const ends = new Map([[manifest.sizeBytes, 0]])
  for (let i = 1; i <= 5; i++) {
    await manifest.append(flush(10 + i))
    ends.set(manifest.sizeBytes, i)
  }
  for (const [end, count] of ends) {
    const copy = vfs.clone()
    copy.truncateTo(manifest.path, end)
    t.is((await read(copy))?.version.files.size, count)
  }
})

test('damage to a synced edit is CORRUPTION that says where; salvage ends the manifest there', async (t) => {
  const vfs = await freshVfs()
  const manifest = await begun(vfs)
  await manifest.append(flush(7))
  const start = manifest.sizeBytes
  await manifest.append(flush(8))
  await manifest.close()
  // The mark of the sync before lies between the two edits.
  vfs.mutate(manifest.path, start + 32 + 50, 4)
  const error = await t.throwsAsync(read(vfs), { code: 'CORRUPTION' })
  t.regex(error?.message ?? '', new RegExp(`MANIFEST-000001 is damaged at offset ${start + 32}: .*salvage`))
  t.deepEqual(numbers((await read(vfs, 'salvage'))?.version), [7])
})

test('an edit cut short by a crash is passed over', async (t) => {
  const vfs = await freshVfs()
  const manifest = await begun(vfs)
  await manifest.append(flush(7))
  const { size } = { size: (await vfs.stat(manifest.path))?.sizeBytes as number }
  vfs.inject({ op: 'sync', crash: true })
  await t.throwsAsync(manifest.append(flush(8)))
  const after = vfs.crash({ mode: 'kill' })
  after.truncateTo(manifest.path, size + 100)
  const recovered = await read(after)
  t.deepEqual(numbers(recovered?.version), [7])
  t.is(recovered?.cut?.offset, size)
})

test('a byte flipped anywhere in manifest or CURRENT is found, or changes nothing', async (t) => {
  const vfs = await freshVfs()
  const manifest = await begun(vfs)
  for (let i = 1; i <= 4; i++) await manifest.append(flush(10 + i))
  await manifest.close()
  const random = new SeededRandom(20261123)
  for (const name of ['MANIFEST-000001', 'CURRENT']) {
    const size = (await vfs.stat(`/db/${name}`))?.sizeBytes as number
    for (let i = 0; i < 300; i++) {
      const offset = name === 'CURRENT' ? i % size : random.below(size)
      const copy = vfs.clone()
      copy.mutate(`/db/${name}`, offset, 1 << random.below(8))
      try {
        t.is((await read(copy))?.version.files.size, 4, `${name} at ${offset}`)
      } catch (error) {
        t.true(['CORRUPTION', 'FORMAT_UNSUPPORTED'].includes((error as { code: string }).code), `${name} at ${offset}: ${error}`)
      }
    }
  }
})

test('a manifest of a newer format is FORMAT_UNSUPPORTED', async (t) => {
  const vfs = await freshVfs()
  await (await begun(vfs)).close()
  const { crc32 } = await import('../../src/base/crc32.ts')
  const header = (await vfs.readFile('/db/MANIFEST-000001')).slice(0, 32)
  const before = header.slice()
  header[8] = 2
  new DataView(header.buffer).setUint32(28, crc32(header.subarray(0, 28)), true)
  header.forEach((byte, i) => byte !== before[i] && vfs.mutate('/db/MANIFEST-000001', i, byte ^ (before[i] as number)))
  await t.throwsAsync(read(vfs), { code: 'FORMAT_UNSUPPORTED', message: /format version 2.*newer Varve/ })
})

test('data without CURRENT was a database: CORRUPTION; an unfinished creation was not', async (t) => {
  const vfs = await freshVfs()
  await (await begun(vfs)).close()
  await vfs.remove('/db/CURRENT')
  t.is(await read(vfs), undefined)
  await (await vfs.create('/db/000002.sst')).close()
  await t.throwsAsync(read(vfs), { code: 'CORRUPTION', message: /CURRENT is missing/ })
})

test('a manifest that CURRENT names and that is missing is CORRUPTION', async (t) => {
  const vfs = await freshVfs()
  await (await begun(vfs)).close()
  await vfs.remove('/db/MANIFEST-000001')
  await t.throwsAsync(read(vfs), { code: 'CORRUPTION', message: /MANIFEST-000001, which CURRENT names, is missing/ })
})

/** Opens, edits with rotations, opens again; tells which edits were acknowledged. */
async function life(vfs: MemoryVfs, acknowledged: number[]): Promise<void> {
  await vfs.makeDirectory(directory)
  for (let opening = 0; opening < 3; opening++) {
    const files = await listDatabaseFiles(vfs, directory)
    const recovered = await recoverManifest({ vfs, directory, mode: 'strict', files })
    const first = Math.max(recovered?.version.nextFileNumber ?? 1, ...files.map((f) => (f.fileNumber ?? 0) + 1))
    const removals: Promise<void>[] = []
    const o = options(vfs, { rotateAtBytes: 1500, obsolete: ({ path }) => removals.push(vfs.remove(path).catch(() => {})) }, first)
    const previous = recovered && { fileNumber: recovered.fileNumber, path: recovered.path }
    const manifest = await Manifest.begin({ ...o, version: recovered?.version ?? Version.empty, ...(previous && { previous }) })
    if (!manifest.version.tables.has(1)) await manifest.append(edit({ tables: [table(1)], nextFileNumber: 1 }))
    for (let i = 0; i < 4; i++) {
      const number = 500 + opening * 4 + i
      if (manifest.version.files.has(number)) continue
      await manifest.append(flush(number, { addedFiles: [file(number)] }))
      acknowledged.push(number)
    }
    await manifest.close()
    await Promise.all(removals)
  }
}

test('a crash at any call, by kill or power cut, loses no acknowledged edit', async (t) => {
  const whole = new MemoryVfs()
  await life(whole, [])
  const random = new SeededRandom(3)
  for (let call = 1; call <= whole.callCount; call++) {
    for (const mode of ['kill', 'power'] as const) {
      const vfs = new MemoryVfs()
      vfs.crashAtCall(call, { share: random })
      const acknowledged: number[] = []
      await life(vfs, acknowledged).catch(() => {})
      const after = vfs.crash(mode === 'kill' ? { mode } : { mode, random })
      const recovered = await read(after)
      const found = numbers(recovered?.version)
      t.deepEqual(
        acknowledged.filter((n) => !found.includes(n)),
        [],
        `call ${call}, ${mode}`,
      )
      t.true(found.length <= acknowledged.length + 1, `call ${call}, ${mode}`)
      await t.notThrowsAsync(life(after, []), `call ${call}, ${mode}`)
    }
  }
})

test('whatever a power cut takes while a new manifest is begun, one that says the same is in force', async (t) => {
  const vfs = await freshVfs()
  const old = await begun(vfs)
  await old.append(flush(7))
  await old.close()
  const again = async (disk: MemoryVfs) => {
    const recovered = await read(disk)
    await Manifest.begin({ ...options(disk, {}, 2), version: recovered?.version as Version })
  }
  const whole = vfs.clone()
  await again(whole)
  for (let call = 1; call <= whole.callCount; call++) {
    const disk = vfs.clone()
    disk.crashAtCall(call, { share: 1 })
    await again(disk).catch(() => {})
    for (let seed = 0; seed < 20; seed++) {
      const recovered = await read(disk.clone().crash({ mode: 'power', random: new SeededRandom(seed) }))
      t.deepEqual(numbers(recovered?.version), [7], `call ${call}, seed ${seed}`)
    }
  }
})

test('an edit rejected for a full disk never comes back, not even after a power cut', async (t) => {
  const vfs = await freshVfs()
  const manifest = await begun(vfs)
  const fault = vfs.inject({ op: 'append', path: /MANIFEST/, error: 'ENOSPC', share: 1, times: 1 })
  await t.throwsAsync(manifest.append(flush(7)), { code: 'DISK_FULL' })
  fault[Symbol.dispose]()
  for (let seed = 0; seed < 200; seed++) {
    const recovered = await read(vfs.clone().crash({ mode: 'power', random: new SeededRandom(seed) }))
    t.deepEqual(numbers(recovered?.version), [], `seed ${seed}`)
  }
})

test('a manifest that CURRENT cannot be made to name keeps no file open; the one before stays in force or the new one is', async (t) => {
  for (const fault of [{ op: 'rename' }, { op: 'syncDirectory', nth: 2 }] as const) {
    const vfs = await freshVfs()
    const first = await begun(vfs)
    await first.append(flush(7))
    await first.close()
    const open = new Set<string>()
    const watched = vfs.create.bind(vfs)
    vfs.create = async (path) => {
      const file = await watched(path)
      const close = file.close.bind(file)
      open.add(path)
      file.close = () => {
        open.delete(path)
        return close()
      }
      return file
    }
    vfs.inject({ ...fault, error: 'EIO', times: 1 })
    const version = (await read(vfs))?.version as Version
    await t.throwsAsync(Manifest.begin({ ...options(vfs, {}, 2), version }), { code: 'EIO' }, fault.op)
    t.deepEqual([...open], [], fault.op)
    t.deepEqual(numbers((await read(vfs))?.version), [7], fault.op)
  }
})

test('an edit is completed with where the log is needed from, knowing the edits that wait before it', async (t) => {
  const vfs = await freshVfs()
  const manifest = await begun(vfs)
  const seen: number[][] = []
  const needs = (opId: number, segment: number) => (next: Version) => {
    seen.push(numbers(next))
    return { opId, segment }
  }
  const appended = [manifest.append(flush(7), needs(8, 3)), manifest.append(flush(8), needs(9, 4)), manifest.append(flush(9))]
  t.deepEqual(seen, [[7], [7, 8]], 'asked within the call')
  t.is(manifest.version.logNeededFrom, undefined, 'nothing is promised before it is durable')
  const versions = await Promise.all(appended)
  t.deepEqual(
    versions.map(({ logNeededFrom }) => logNeededFrom),
    [
      { opId: 8, segment: 3 },
      { opId: 9, segment: 4 },
      { opId: 9, segment: 4 },
    ],
    'an edit that says nothing leaves what was promised',
  )
  await manifest.append(flush(10), () => ({ opId: 5, segment: 2 }))
  t.deepEqual(manifest.version.logNeededFrom, { opId: 9, segment: 4 }, 'it only rises')
  t.deepEqual((await read(vfs))?.version.logNeededFrom, manifest.version.logNeededFrom)
})

test('an edit that was rejected promises nothing, and those after it do not build on it', async (t) => {
  const vfs = await freshVfs()
  const manifest = await begun(vfs)
  const fault = vfs.inject({ op: 'append', path: /MANIFEST/, error: 'ENOSPC', times: 1 })
  await t.throwsAsync(
    manifest.append(flush(7), () => ({ opId: 8, segment: 3 })),
    { code: 'DISK_FULL' },
  )
  fault[Symbol.dispose]()
  let asked: number[] = []
  await manifest.append(flush(8), (next) => {
    asked = numbers(next)
    return { opId: 2, segment: 1 }
  })
  t.deepEqual(asked, [8])
  t.deepEqual(manifest.version.logNeededFrom, { opId: 2, segment: 1 })
})

test('what the log is needed from outlives the manifest that said it', async (t) => {
  const vfs = await freshVfs()
  const manifest = await begun(vfs, { rotateAtBytes: 1500 })
  await manifest.append(flush(7), () => ({ opId: 8, segment: 3 }))
  for (let i = 8; i < 20; i++) await manifest.append(flush(i))
  t.true(manifest.fileNumber > 1)
  t.deepEqual((await read(vfs))?.version.logNeededFrom, { opId: 8, segment: 3 })
})
