import test from 'ava'
import { MemoryVfs } from '../../src/vfs/memory-vfs.ts'
import { inspectWal } from '../../src/wal/inspect-wal.ts'
import { openWal, place, put, rows } from './log-kit.ts'

async function closedLog(): Promise<Uint8Array> {
  const vfs = new MemoryVfs()
  const wal = await openWal(vfs, { fragmentBytes: 256, manifest: () => ({ fileNumber: 9, sizeBytes: 500 }) })
  await put(wal, 1)
  await put(wal, 2, rows(200, 20))
  await wal.close()
  return vfs.readFile('/db/000001.wal')
}

test('a segment is described frame by frame and batch by batch', async (t) => {
  const bytes = await closedLog()
  const { header, frames, batches, problem, validBytes } = await inspectWal('000001.wal', bytes)
  t.deepEqual(header, { fileNumber: 1, predecessor: 0, predecessorSyncedBytes: 0, firstOpId: 1 })
  t.deepEqual([...new Set(frames.map(({ type }) => type))], ['record', 'fragment', 'commit', 'synced'])
  t.deepEqual(frames.at(-1)?.mark, { manifestNumber: 9, manifestBytes: 500, predecessorBytes: 0 })
  t.is(
    frames.reduce((end, { sizeBytes }) => end + sizeBytes, 64),
    bytes.length,
  )
  t.deepEqual(
    batches.map(({ opId, timestamp, sections }) => ({ opId, timestamp, sections })),
    [
      { opId: 1, timestamp: 10, sections: [{ kind: 'insert', ...place, rows: 3 }] },
      { opId: 2, timestamp: 20, sections: [{ kind: 'insert', ...place, rows: 20 }] },
    ],
  )
  t.deepEqual([problem, validBytes], [undefined, bytes.length])
})

test('damage is told apart from a torn end', async (t) => {
  const bytes = await closedLog()
  const damaged = bytes.slice()
  damaged[100] = (damaged[100] as number) ^ 1
  const { problem } = await inspectWal('000001.wal', damaged)
  t.deepEqual(problem && [problem.offset, problem.synced], [64, true])
  const torn = await inspectWal('000001.wal', bytes.subarray(0, 200))
  t.deepEqual(torn.problem && [torn.problem.offset, torn.problem.synced], [64, false])
  t.is((await inspectWal('000001.wal', bytes.subarray(0, 20))).header, undefined)
})

test('a file of another name is a misuse', async (t) => {
  await t.throwsAsync(inspectWal('CURRENT', new Uint8Array()), { instanceOf: TypeError })
})
