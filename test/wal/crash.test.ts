import test from 'ava'
import type { Random } from '../../src/base/random.ts'
import { SeededRandom } from '../../src/base/seeded-random.ts'
import { GuardedEventBus } from '../../src/events/event-bus.ts'
import { fileNumberAbove, listDatabaseFiles } from '../../src/manifest/database-files.ts'
import { Manifest } from '../../src/manifest/manifest.ts'
import { recoverManifest } from '../../src/manifest/manifest-recovery.ts'
import { Version } from '../../src/manifest/version.ts'
import type { VersionEdit } from '../../src/manifest/version-edit.ts'
import { SimulatedClock } from '../../src/testing/simulated-clock.ts'
import { MemoryVfs } from '../../src/vfs/memory-vfs.ts'
import { Wal } from '../../src/wal/wal.ts'
import { recoverWal } from '../../src/wal/wal-recovery.ts'
import { edit, file, table } from '../manifest/edits.ts'
import { asynchronous, blocking, directory, keysOf, place, rows } from './log-kit.ts'

/*
 * A database without tables: its "memory" is a list of op ids, a flush writes them into the manifest itself (as the
 * key of a file that need not exist). What it must find after a crash is a beginning of what it wrote, with everything
 * that it was told is safe.
 */
interface Story {
  /** Ops in the order in which they were written. */
  ops: number[]
  /** How many of them the operating system was said to have, and the disk. */
  written: number
  synced: number
}

const opsOf = (version: Version) =>
  [...version.files.values()].flatMap(({ minKeyHex }) => minKeyHex.split(',').map(Number)).sort((a, b) => a - b)

/** Opens, checks what is there against the story, and goes on with it. */
async function live(vfs: MemoryVfs, story: Story, random: Random, check: (found: number[]) => void): Promise<void> {
  await vfs.makeDirectory(directory)
  const recovered = await recoverManifest({ vfs, directory, mode: 'strict' })
  const version = recovered?.version ?? Version.empty
  const flushed = version.tablet(1, 0).state.flushedCut
  const memory: number[] = []
  const log = await recoverWal({
    vfs,
    directory,
    mode: 'strict',
    readOnly: false,
    ...(recovered && {
      manifest: {
        fileNumber: recovered.fileNumber,
        sizeBytes: recovered.sizeBytes,
        lastOpId: version.lastOpId,
        logSyncedThrough: version.logSyncedThrough,
        logNeededFrom: version.logNeededFrom,
      },
    }),
    onBatch: (batch) => {
      if (keysOf(batch)[0] !== batch.opId) throw new Error('rows of another batch')
      if (batch.opId > flushed) memory.push(batch.opId)
    },
  })
  check([...opsOf(version), ...memory])
  story.ops = [...opsOf(version), ...memory]
  story.written = story.synced = story.ops.length

  let next = Math.max(version.nextFileNumber, fileNumberAbove(await listDatabaseFiles(vfs, directory)))
  const shared = { vfs, directory, clock: new SimulatedClock(), events: new GuardedEventBus(), nextFileNumber: () => next++ }
  const removals: Promise<void>[] = []
  const remove = ({ path }: { path: string }) => removals.push(vfs.remove(path).catch(() => {}))
  const previous = recovered && { fileNumber: recovered.fileNumber, path: recovered.path }
  const manifest = await Manifest.begin({ ...shared, version, obsolete: remove, rotateAtBytes: 2500, ...(previous && { previous }) })
  let lastOpId = Math.max(version.lastOpId, log.lastOpId)
  const policy = random.below(2) === 0 ? blocking() : asynchronous()
  const witness = () => ({ fileNumber: manifest.fileNumber, sizeBytes: manifest.sizeBytes })
  const wal = await Wal.open({
    ...shared,
    segments: log.segments,
    lastOpId,
    segmentBytes: 700,
    fragmentBytes: 160,
    manifest: witness,
    policy,
  })
  const counters = (o: Partial<VersionEdit>) => edit({ nextFileNumber: next, lastOpId, logSyncedThrough: wal.syncedOpId, ...o })
  if (!version.tables.has(1)) await manifest.append(counters({ tables: [table(1)] }))

  for (let i = 0; i < 12; i++) {
    wal.begin(++lastOpId, lastOpId)
    wal.section('insert', place, rows(lastOpId, 1 + random.below(12)))
    wal.end()
    story.ops.push(lastOpId)
    await wal.commit()
    memory.push(lastOpId)
    story.written = story.ops.length
    if (random.below(3) === 0) {
      const count = story.ops.length
      await wal.sync()
      story.synced = Math.max(story.synced, count)
    }
    if (random.below(4) === 0) {
      const cut = lastOpId
      await wal.syncThrough(cut)
      const fileNumber = next++
      const added = file(fileNumber, { minKeyHex: memory.join(','), flushedThroughOp: cut })
      const tablets = [{ tableId: 1, tablet: 0, flushedGeneration: cut, flushedCut: cut, historyHorizon: 0 }]
      const reason = { kind: 'flush-mem-rowset', tableId: 1, tablet: 0, generation: cut, cut } as const
      const { logNeededFrom } = await manifest.append(counters({ reason, addedFiles: [added], tablets }), () => wal.positionOf(cut + 1))
      story.synced = story.ops.length
      memory.length = 0
      if (logNeededFrom) wal.takeObsolete(logNeededFrom).forEach(remove)
    }
  }
  await wal.sync()
  await manifest.append(counters({ reason: { kind: 'close' } }))
  story.synced = story.ops.length
  await wal.close()
  await manifest.close()
  await Promise.all(removals)
}

const nothingSaid = () => {}
const newStory = (): Story => ({ ops: [], written: 0, synced: 0 })

for (const mode of ['kill', 'power'] as const) {
  test(`a ${mode === 'kill' ? 'kill' : 'power cut'} at any call leaves a beginning of what was written, with all that was said to be safe`, async (t) => {
    const whole = new MemoryVfs()
    await live(whole, newStory(), new SeededRandom(1), nothingSaid)
    await live(whole, newStory(), new SeededRandom(2), nothingSaid)
    for (let call = 1; call <= whole.callCount; call++) {
      const random = new SeededRandom(call)
      let vfs = new MemoryVfs()
      const story = newStory()
      vfs.crashAtCall(call, { share: random })
      await live(vfs, story, new SeededRandom(1), nothingSaid)
        .then(() => live(vfs, story, new SeededRandom(2), nothingSaid))
        .catch(() => {})
      // Crashes again while it recovers or goes on, then lives on in peace.
      for (const again of [1 + random.below(80), 1 + random.below(80), undefined]) {
        vfs = vfs.crash(mode === 'kill' ? { mode } : { mode, random })
        const { ops, written, synced } = { ...story, ops: [...story.ops] }
        const safe = mode === 'kill' ? written : synced
        if (again !== undefined) vfs.crashAtCall(again, { share: random })
        const check = (found: number[]) => {
          t.deepEqual(found, ops.slice(0, found.length), `crash at call ${call}, then ${again}`)
          t.true(found.length >= safe, `crash at call ${call}, then ${again}: ${found.length} of ${safe} batches`)
        }
        const life = live(vfs, story, random, check)
        if (again === undefined) await t.notThrowsAsync(life, `crash at call ${call}`)
        else await life.catch((error: unknown) => vfs.crashed || t.fail(`crash at call ${call}, then ${again}: ${error}`))
      }
    }
  })
}
