/** `updateWhere` and `deleteWhere` beside other writes. */
import test, { type ExecutionContext } from 'ava'
import { type Database, eq, gte } from '../../src/index.ts'
import { openMemory } from '../../src/testing/index.ts'
import { outcome, type SmallTable, small, turns } from './kit.ts'

/** Several row groups, so that a scan lets others write. */
const rowCount = 20_000

async function filled(t: ExecutionContext): Promise<{ db: Database; table: SmallTable }> {
  const db = await openMemory()
  t.teardown(() => db.close())
  db.maintenance.pause()
  const table = await db.createTable(small)
  await table.insert(Array.from({ length: rowCount }, (_, id) => ({ id, text: 'free' })))
  await db.flush()
  return { db, table }
}

/** Changes one row after another, a turn each, for as long as something is under way, but not for ever. */
async function meanwhile(under: Promise<unknown>, write: (n: number) => Promise<unknown>): Promise<number> {
  let ended = false
  const end = () => {
    ended = true
  }
  under.then(end, end)
  let n = 0
  for (; !ended && n < 2000; n++) {
    await write(n)
    await turns(1)
  }
  return n
}

test('a write to all rows that match comes to an end beside writes that keep changing these rows', async (t) => {
  const { table } = await filled(t)
  const stop = new AbortController()
  t.teardown(() => stop.abort())
  const updating = table.updateWhere(gte('id', 0), { text: 'all' }, { signal: stop.signal })
  const written = await meanwhile(updating, (n) => table.update({ id: rowCount - 1 - n, text: 'one' }))
  t.true(written < 2000)
  t.is(await updating, rowCount)
  const deleting = table.deleteWhere(gte('id', 0), { signal: stop.signal })
  t.true(
    (await meanwhile(deleting, (n) => table.upsert({ id: rowCount + n, text: 'new' }).then(() => table.update({ id: n, text: 'one' })))) <
      2000,
  )
  t.true((await deleting) >= rowCount)
  t.is(await table.count({ where: eq('text', 'all') }), 0)
})

test('what was called before is seen, though nobody has waited for it', async (t) => {
  const { table } = await filled(t)
  const inserting = table.insert(Array.from({ length: rowCount }, (_, i) => ({ id: rowCount + i, text: 'free' })))
  t.is(await table.updateWhere(eq('text', 'free'), { text: 'taken' }), 2 * rowCount)
  await inserting
  t.is(await table.count({ where: eq('text', 'free') }), 0)
})

test('one that waits for what was called before is aborted by its signal at once', async (t) => {
  const { table } = await filled(t)
  const inserting = table.insert(Array.from({ length: rowCount }, (_, i) => ({ id: rowCount + i, text: 'free' })))
  let inserted = false
  const seen = inserting.then(() => {
    inserted = true
  })
  const stop = new AbortController()
  const updating = outcome(table.updateWhere(eq('text', 'free'), { text: 'taken' }, { signal: stop.signal }))
  stop.abort()
  t.is(await updating, 'ABORTED')
  t.false(inserted)
  await seen
})

test('rows that match no more when the turn has come are left, and those that match by then are not', async (t) => {
  const { table } = await filled(t)
  const updating = table.updateWhere(eq('text', 'free'), { text: 'taken' })
  await table.update({ id: rowCount - 1, text: 'gone' })
  await table.insert({ id: rowCount, text: 'free' })
  t.is(await updating, rowCount)
  t.deepEqual(await table.getMany([0, rowCount - 1, rowCount]), [
    { id: 0, text: 'taken' },
    { id: rowCount - 1, text: 'gone' },
    { id: rowCount, text: 'taken' },
  ])
})

test('of several that want the same rows at once, each row is taken by one', async (t) => {
  const { table } = await filled(t)
  const names = ['a', 'b', 'c', 'd']
  const taken = await Promise.all(names.map((text) => table.updateWhere(eq('text', 'free'), { text })))
  t.is(
    taken.reduce((sum, count) => sum + count, 0),
    rowCount,
  )
  for (const [i, text] of names.entries()) t.is(await table.count({ where: eq('text', text) }), taken[i] ?? -1)
})

test('one that is aborted, or whose table is dropped, in its turn is rejected, and writes go on', async (t) => {
  const { db, table } = await filled(t)
  const other = await db.createTable({ ...small, name: 'other' })
  const begin = async (signal?: AbortSignal) => {
    const updating = table.updateWhere(gte('id', 0), { text: 'all' }, signal ? { signal } : {})
    const ending = outcome(updating)
    await table.update({ id: rowCount - 1, text: 'one' })
    return ending
  }
  for (let after = 0; after < 40; after += 3) {
    const stop = new AbortController()
    const ending = begin(stop.signal)
    await turns(after)
    stop.abort()
    const ended = await ending
    t.true(ended === 'ABORTED' || ended === rowCount, `${ended}`)
    t.is(await other.insert({ id: after, text: 'goes on' }), 1)
  }
  const ending = begin()
  await turns(4)
  await db.dropTable(table)
  t.true([rowCount, 'TABLE_NOT_FOUND'].includes(await ending))
  t.is(await other.insert({ id: 100, text: 'goes on' }), 1)
})
