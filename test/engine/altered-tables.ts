/** What tests of altered tables have in common. */
import type { ExecutionContext } from 'ava'
import type { AnyTable, Database } from '../../src/index.ts'
import { rowsFrom, small } from './kit.ts'

export type Rows = Record<string, unknown>[]

/** Rows of a scan, by id. */
export async function rowsOf(table: AnyTable, o: object = {}): Promise<Rows> {
  return ((await table.scan(o).toArray()) as Rows).sort((a, b) => (a['id'] as number) - (b['id'] as number))
}

/** What a scan, a point read and an aggregate of each row say must be the same. */
export async function sameByEveryRead(t: ExecutionContext, table: AnyTable, expected: Rows, o: object = {}): Promise<void> {
  t.deepEqual(await rowsOf(table, o), expected)
  const ids = expected.map(({ id }) => id)
  t.deepEqual(await table.getMany(ids as never[], o), expected)
  for (const [i, id] of ids.entries()) t.deepEqual(table.getSync(id as never, o), expected[i])
  t.is(await table.count(o), expected.length)
}

/** A table with rows in memory, on disk, changed in memory, changed on disk, dead, and with history that a snapshot sees. */
export async function inEveryPlace(db: Database): Promise<AnyTable> {
  const table = db.table((await db.createTable(small)).name)
  await table.insert(rowsFrom(0, 5))
  await db.flush()
  await table.update({ id: 1, text: 'changed in a file' })
  await table.delete(2)
  await db.flush()
  await table.update({ id: 3, text: 'changed in memory' })
  await table.insert(rowsFrom(10, 3))
  await table.update({ id: 11, text: 'changed where it was inserted' })
  await table.delete([4, 12])
  return table
}

/** Its rows, by id. */
export const inEveryPlaceRows = [
  { id: 0, text: 'row 0' },
  { id: 1, text: 'changed in a file' },
  { id: 3, text: 'changed in memory' },
  { id: 10, text: 'row 10' },
  { id: 11, text: 'changed where it was inserted' },
]
