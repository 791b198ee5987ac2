import test from 'ava'
import { FlushDeltaMemStoreOp } from '../../../plugins/flush/index.ts'
import type { MaintenanceOpStats } from '../../../src/plugin.ts'
import { openMemory } from '../../../src/testing/index.ts'
import { rowsFrom, small, turns } from '../../engine/kit.ts'
import { tabletWatch } from '../../tablet/support/compactions.ts'

/** A tablet with two rowsets that overlap; nothing happens to it by itself. */
async function twoRowSets() {
  const watch = tabletWatch()
  const db = await openMemory({ plugins: [watch.plugin] })
  db.maintenance.pause()
  const table = await db.createTable(small)
  for (const odd of [0, 1]) {
    await table.insert(Array.from({ length: 1000 }, (_, i) => ({ id: 2 * i + odd, text: 'x' })))
    await db.flush(table)
  }
  const [tablet] = watch.tablets as [(typeof watch.tablets)[0]]
  return { db, table, tablet }
}

test('rowsets that lie high over each other are merged in passes, no more than 64 at a time, until none overlap', async (t) => {
  await using db = await openMemory({ plugins: [['merging-compaction', { rowsetSize: '1KiB' }]] })
  db.maintenance.pause()
  const table = await db.createTable(small)
  const layers = 150
  for (let layer = 0; layer < layers; layer++) {
    await table.insert(Array.from({ length: 4 }, (_, i) => ({ id: layer + i * layers, text: `row ${layer + i * layers}` })))
    await db.flush(table)
  }
  const inputs: number[] = []
  db.events.on('compaction:begin', (begun) => inputs.push(begun.inputs.length))
  await db.compact(table, { kind: 'merging' })
  t.deepEqual(inputs.slice(0, 2), [64, 64], 'what no merge has made yet; then all, which no longer lie so high')
  const [tablet] = table.stats().tablets
  t.is(tablet?.height, 1)
  t.deepEqual(await table.scan({ order: 'key' }).toArray(), rowsFrom(0, 4 * layers))
})

test('rowsets that come while a compaction that was asked for is at work are left to those who come after', async (t) => {
  await using db = await openMemory()
  db.maintenance.pause()
  const table = await db.createTable(small)
  for (const first of [0, 1]) {
    await table.insert([first, first + 10, first + 20].map((id) => ({ id, text: 'x' })))
    await db.flush(table)
  }
  let compactions = 0
  let later: Promise<void> | undefined
  db.events.on('compaction:begin', () => {
    compactions++
    if (compactions === 1) later = table.insert(rowsFrom(2, 5)).then(() => db.flush(table))
  })
  await db.compact(table, { kind: 'merging' })
  t.is(compactions, 1)
  await later
  t.is(await table.count(), 11)
})

test('rowsets whose changes are flushed by turns, so that never all of them are free, are merged all the same', async (t) => {
  const { db, table, tablet } = await twoRowSets()
  await using _db = db
  const [one, other] = tablet.disk.rowsets as [(typeof tablet.disk.rowsets)[0], (typeof tablet.disk.rowsets)[0]]
  let flush = tablet.claims.take('flush', [one])
  const compacting = db.compact(table, { kind: 'merging' })
  let flushes = 1
  for (; flush && flushes < 100; flushes++) {
    await turns(3)
    const next = tablet.claims.take('flush', [flushes % 2 === 1 ? other : one])
    flush.release()
    flush = next
  }
  flush?.release()
  t.true(flushes < 100)
  await compacting
  t.is(tablet.disk.size, 1)
})

test('where changes always come to more than is urgent before a merge ends, it holds out for longer each time, and ends', async (t) => {
  const { db, table, tablet } = await twoRowSets()
  await using _db = db
  let merges = 0
  let op: FlushDeltaMemStoreOp | undefined
  /** What the manager would do now, but by a threshold that the changes exceed 12 times. */
  const flushIfUrgent = () => {
    const usedBytes = Math.max(...tablet.disk.rowsets.map((rowset) => tablet.changesOf(rowset)?.usedBytes ?? 0))
    op ??= new FlushDeltaMemStoreOp(tablet, { thresholdBytes: usedBytes / 12, maxAgeMs: 1000, compression: 'none' })
    const stats = { runnable: false } as MaintenanceOpStats
    op.updateStats(stats)
    if (stats.runnable) op.prepare()
  }
  db.events.on('compaction:begin', () => {
    if (++merges <= 10) void table.upsert(rowsFrom(0, 2000).map((row) => ({ ...row, text: `${merges}` }))).then(flushIfUrgent)
  })
  await db.compact(table, { kind: 'merging' })
  t.is(merges, 3, 'cancelled at 4 times the threshold, at 8 times, and not at 16')
  t.is(tablet.disk.size, 1)
  t.deepEqual(await table.get(7), { id: 7, text: '3' })
})
