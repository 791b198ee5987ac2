import test from 'ava'
import { openMemory } from '../../../src/testing/index.ts'
import { rowsFrom, small } from '../../engine/kit.ts'

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
