import test from 'ava'
import type { TabletStats } from '../../src/index.ts'
import { MemoryVfs, openMemory } from '../../src/testing/index.ts'
import { filesOf, rowsFrom, small } from './kit.ts'

test('stats tell where changes lie, from memory to delta files, and count every file', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory({}, { vfs })
  t.teardown(() => db.close())
  db.maintenance.pause()
  const table = await db.createTable(small)
  const only = (): TabletStats => table.stats().tablets[0] as TabletStats
  await table.insert(rowsFrom(0, 100))
  await table.update([
    { id: 1, text: 'one' },
    { id: 2, text: 'two' },
  ])
  t.like(table.stats(), { rows: 100, memoryRows: 100, memoryChanges: 2, diskRows: 0, diskBytes: 0 })
  t.deepEqual([only().height, only().rowsets.length], [0, 0])

  await db.flush()
  t.like(table.stats(), { rows: 100, memoryRows: 0, memoryChanges: 0, diskRows: 100 })
  await table.delete([5, 6, 7])
  t.is(table.stats().memoryChanges, 3)
  const [inMemory] = only().rowsets
  t.deepEqual([inMemory?.deltas.redo.changes, inMemory?.deltas.memory.changes], [0, 3])
  t.true((inMemory?.deltas.memory.sizeBytes ?? 0) > 0)

  await db.flush()
  await table.update({ id: 8, text: 'eight' })
  await db.flush()
  const [flushed] = only().rowsets
  t.like(flushed?.deltas, { redo: { files: 2, changes: 4 }, memory: { changes: 0, sizeBytes: 0 } })
  const files = [...filesOf(vfs, '.sst'), ...filesOf(vfs, '.delta')]
  t.is(
    table.stats().diskBytes,
    files.reduce((sum, path) => sum + (vfs.snapshot().get(path)?.length ?? 0), 0),
  )
})

test('height counts rowsets over the data, and rowsets are told by first key', async (t) => {
  const db = await openMemory()
  t.teardown(() => db.close())
  db.maintenance.pause()
  const table = await db.createTable(small)
  const flushed = async (ids: readonly number[]) => {
    await table.insert(ids.map((id) => ({ id, text: `row ${id}` })))
    await db.flush()
    const [tablet] = table.stats().tablets as [TabletStats]
    return { height: tablet.height, first: tablet.rowsets.map(({ minKey }) => minKey) }
  }
  const even = Array.from({ length: 1000 }, (_, i) => 2 * i)
  t.deepEqual(await flushed([5000]), { height: 1, first: ['5000'] })
  t.deepEqual(await flushed([9000]), { height: 1, first: ['5000', '9000'] })
  // A single key has no width beside rowsets that do.
  t.deepEqual(await flushed(even), { height: 1, first: ['0', '5000', '9000'] })
  const { height, first } = await flushed(even.map((id) => id + 1))
  t.deepEqual(first, ['0', '1', '5000', '9000'])
  t.true(height > 1.99 && height < 2, `${height}`)
})
