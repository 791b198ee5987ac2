/** Calls that name keys several times, each time with the same columns. */
import test from 'ava'
import { type Database, defineTable, hashPartition, int32, string, type Table } from '../../src/index.ts'
import { openMemory, SeededRandom } from '../../src/testing/index.ts'
import { outcome } from './kit.ts'

const columns = { id: int32(), name: string().default('nobody'), count: int32().nullable(), needed: int32() }
const definitions = [
  defineTable('whole', { columns, primaryKey: ['id'] }),
  defineTable('parts', { columns, primaryKey: ['id'], partitionBy: hashPartition(['id'], 3) }),
] as const
type AnyTable = Table<(typeof definitions)[number]>
type Row = { id: number; name: string; count: number | null; needed: number }

/** Does to a map what the call does to a table, row after row; returns how many rows changed. */
const plainly = {
  skip(state: Map<number, Row>, rows: readonly Row[]): number {
    const absent = rows.filter(({ id }) => !state.has(id))
    for (const row of absent) if (!state.has(row.id)) state.set(row.id, row)
    return new Set(absent.map(({ id }) => id)).size
  },
  upsert(state: Map<number, Row>, rows: readonly Omit<Row, 'name'>[]): void {
    for (const row of rows) state.set(row.id, { name: 'nobody', ...state.get(row.id), ...row })
  },
  update(state: Map<number, Row>, rows: readonly { id: number; count: number | null }[]): number {
    const present = rows.filter(({ id }) => state.has(id))
    for (const row of present) state.set(row.id, { ...(state.get(row.id) as Row), ...row })
    return new Set(present.map(({ id }) => id)).size
  },
  delete(state: Map<number, Row>, ids: readonly number[]): number {
    return [...new Set(ids)].filter((id) => state.delete(id)).length
  },
}

async function requireSame(t: import('ava').ExecutionContext, table: AnyTable, state: ReadonlyMap<number, Row>): Promise<void> {
  const rows = await table.scan().toArray()
  t.deepEqual(
    rows.sort((a, b) => a.id - b.id),
    [...state.values()].map((row) => ({ ...row })).sort((a, b) => a.id - b.id),
  )
}

for (const definition of definitions) {
  test(`rows of one call that name the same key apply in order: ${definition.name}, few rows and many, in memory and flushed`, async (t) => {
    const seed = Number(process.env['VARVE_SEED'] ?? 20_261_123)
    t.log(`seed ${seed}`)
    const random = new SeededRandom(seed)
    await using database: Database = await openMemory()
    const table: AnyTable = await database.createTable(definition)
    const state = new Map<number, Row>()
    for (let call = 0; call < 40; call++) {
      // The last calls are of several slices.
      const count = call >= 37 ? 5000 : 1 + random.below(12)
      const ids = Array.from({ length: count }, () => random.below(count + 4))
      const number = (): number => random.below(1000)
      const kind = random.below(4)
      if (kind === 0) {
        const rows = ids.map((id) => ({ id, name: `n${number()}`, count: number(), needed: number() }))
        t.is(await table.insert(rows, { ifExists: 'skip' }), plainly.skip(state, rows))
      } else if (kind === 1) {
        const rows = ids.map((id) => ({ id, count: random.below(3) === 0 ? null : number(), needed: number() }))
        await table.upsert(rows)
        plainly.upsert(state, rows)
      } else if (kind === 2) {
        const rows = ids.map((id) => ({ id, count: random.below(3) === 0 ? null : number() }))
        t.is(await table.update(rows), plainly.update(state, rows))
      } else {
        const some = ids.slice(0, Math.ceil(count / 3))
        t.is(await table.delete(some), plainly.delete(state, some))
      }
      await requireSame(t, table, state)
      if (call % 9 === 8) await database.flush()
    }
  })
}

test('a call that upserts a key twice without a column that a new row needs is refused as a whole', async (t) => {
  await using database = await openMemory()
  const table = await database.createTable(definitions[0])
  const incomplete = [
    { id: 1, count: 1 },
    { id: 1, count: 2 },
  ]
  t.is(await outcome(table.upsert(incomplete as never)), 'INVALID_VALUE')
  t.is(await table.count(), 0)
  await table.insert({ id: 1, needed: 5 })
  await table.upsert(incomplete as never)
  t.like(await table.get(1), { id: 1, count: 2, needed: 5 })
})

test('a call whose rows of one key set other columns keeps what each of them sets', async (t) => {
  await using database = await openMemory()
  const table = await database.createTable(definitions[0])
  await table.insert({ id: 1, needed: 5 })
  t.is(
    await table.update([
      { id: 1, count: 1, name: 'first' },
      { id: 1, count: 2 },
    ]),
    1,
  )
  t.like(await table.get(1), { count: 2, name: 'first' })
})
