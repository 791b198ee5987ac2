/** `db.compact`, called while something else is done to the table. */
import test from 'ava'
import { type Database, int32 } from '../../src/index.ts'
import { openMemory } from '../../src/testing/index.ts'
import { outcome, rowsFrom, type SmallTable, small, turns } from './kit.ts'

const kinds = ['full', 'merging', 'minor-delta', 'major-delta'] as const

/** Rows with changes in several files. */
async function changedTable(db: Database): Promise<SmallTable> {
  db.maintenance.pause()
  const table = await db.createTable(small)
  for (let round = 0; round < 4; round++) {
    await table.upsert(rowsFrom(0, 3000).map((row) => ({ ...row, text: `round ${round}` })))
    await db.flush()
  }
  return table
}

test('compactions of a table that are asked for at the same time do not cancel each other', async (t) => {
  for (const first of kinds) {
    for (const second of kinds) {
      await using db = await openMemory()
      const table = await changedTable(db)
      const one = outcome(db.compact(table, { kind: first }))
      await turns(3)
      const other = outcome(db.compact(table, { kind: second }))
      t.deepEqual([await one, await other], [undefined, undefined], `${first}, and then ${second}`)
      t.is(await table.count(), 3000)
    }
  }
})

test('a compaction that an alteration of the table cancels is done afterwards', async (t) => {
  for (let after = 0; after < 24; after += 3) {
    await using db = await openMemory()
    const table = await changedTable(db)
    const compacting = outcome(db.compact(table))
    await turns(after)
    await db.alterTable(table, { addColumns: { n: int32().default(7) } })
    t.is(await compacting, undefined, `altered after ${after} turns`)
    t.deepEqual(
      db
        .table('small')
        .stats()
        .tablets.flatMap(({ rowsets }) => rowsets.map(({ deltas }) => deltas.redo.files)),
      [0],
    )
    t.deepEqual(await table.get(5), { id: 5, text: 'round 3', n: 7 } as never)
  }
})

test('a compaction that waits for another one is aborted by its signal at once', async (t) => {
  await using db = await openMemory()
  const table = await changedTable(db)
  let isFirstDone = false
  const first = db.compact(table).then(() => {
    isFirstDone = true
  })
  const stop = new AbortController()
  const second = outcome(db.compact(table, { kind: 'merging', signal: stop.signal }))
  await turns(2)
  stop.abort()
  t.is(await second, 'ABORTED')
  t.false(isFirstDone)
  await first
})
