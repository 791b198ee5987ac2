import test from 'ava'
import { lruBlockCache } from '../../plugins/lru-block-cache/index.ts'
import { binary, defineTable, int32, string } from '../../src/index.ts'
import { openMemory, SeededRandom } from '../../src/testing/index.ts'

const rowCount = 2400
const wide = defineTable('wide', { columns: { id: int32(), note: string(), photo: binary() }, primaryKey: ['id'] })

const noteOf = (id: number) => `${id} `.repeat(300).slice(0, 1000)
const photoOf = (id: number) => new Uint8Array(1000).fill(id % 251)

test('rows read at once out of large blocks that nobody keeps are each the right one, beside scans', async (t) => {
  await using db = await openMemory({ plugins: [lruBlockCache({ capacity: '300KiB' })] })
  const table = await db.createTable(wide)
  db.maintenance.pause()
  for (let load = 0; load < 2; load++) {
    const rows = Array.from({ length: rowCount / 2 }, (_, i) => i * 2 + load)
    await table.insert(rows.map((id) => ({ id, note: noteOf(id), photo: photoOf(id) })))
    await db.flush(table)
  }
  await table.update(Array.from({ length: rowCount / 10 }, (_, i) => ({ id: i * 10, note: noteOf(i * 10 + 1) })))
  const isRight = (id: number, row: { note: string; photo: Uint8Array } | undefined) =>
    row?.note === noteOf(id % 10 === 0 ? id + 1 : id) && row.photo.length === 1000 && row.photo.every((byte) => byte === id % 251)

  const random = new SeededRandom(7)
  // Rows that a reader holds while others are read: nothing of them may lie in what is read into again.
  const held: [number, { note: string; photo: Uint8Array } | undefined][] = []
  const columns = ['note', 'photo'] as const
  const readSome = async () => {
    for (let i = 0; i < 60; i++) {
      const id = random.below(rowCount)
      const way = random.below(4)
      if (way === 0) held.push([id, table.getSync(id, { columns })])
      else if (way === 1) {
        const ids = [id, (id + 1) % rowCount, random.below(rowCount)]
        const rows = await table.getMany(ids, { columns })
        ids.forEach((each, k) => {
          held.push([each, rows[k]])
        })
      } else held.push([id, await table.get(id, { columns })])
    }
  }
  const scanSome = async () => {
    for (let i = 0; i < 4; i++)
      for await (const row of table.scan({ columns: ['id', 'note', 'photo'] })) if (!isRight(row.id, row)) t.fail(`row ${row.id} of a scan`)
  }
  await Promise.all([...Array.from({ length: 6 }, readSome), scanSome()])
  t.true(held.length > 360)
  t.deepEqual(
    held.filter(([id, row]) => !isRight(id, row)).map(([id]) => id),
    [],
  )
})
