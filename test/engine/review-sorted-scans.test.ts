import test from 'ava'
import { openMemory } from '../../src/testing/index.ts'
import { rowsFrom, small, turns } from './kit.ts'

test('scans in key order between inserts see every row, in order, whether sorting takes one slice or many', async (t) => {
  await using db = await openMemory()
  const table = await db.createTable(small)
  let next = 0
  for (const count of [17, 244, 1, 1, 9000, 3, 70_000, 5]) {
    const rows = rowsFrom(next, count)
    await table.insert(next % 2 === 0 ? rows : rows.reverse())
    next += count
    const scans = await Promise.all([table.scan({ order: 'key' }).toArray(), table.scan({ reverse: true, limit: 3 }).toArray()])
    t.deepEqual([scans[0].length, scans[0].findIndex(({ id }, i) => id !== i)], [next, -1])
    t.deepEqual(
      scans[1].map(({ id }) => id),
      [next - 1, next - 2, next - 3],
    )
  }
})

test('a scan in key order that is left while its rows are sorted lets go of them', async (t) => {
  await using db = await openMemory()
  const table = await db.createTable(small)
  await table.insert(rowsFrom(0, 100_000).reverse())
  const rows = table.scan({ order: 'key' })[Symbol.asyncIterator]()
  const first = rows.next()
  const left = rows.return?.()
  await db.flush()
  await first
  await left
  await turns(3)
  t.is(db.metrics().memory.heldBytes, 0)
  t.is(await table.count(), 100_000)
})
