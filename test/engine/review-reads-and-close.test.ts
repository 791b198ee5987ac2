import test from 'ava'
import { systemClock } from '../../src/base/system-clock.ts'
import { MemoryVfs, openMemory } from '../../src/testing/index.ts'
import { outcome, rowsFrom, small, turns } from './kit.ts'

const keys = Array.from({ length: 20 }, (_, id) => id)

async function withRows(o: { flushed: number; inMemory: number }) {
  // A call that is delayed waits for turns of the event loop.
  const vfs = new MemoryVfs({ clock: { ...systemClock, sleep: () => turns(400) } })
  const first = await openMemory({}, { vfs })
  const made = await first.createTable(small)
  await made.insert(rowsFrom(0, o.flushed))
  await first.close({ flush: true })
  const db = await openMemory({}, { vfs })
  const table = db.table(small)
  await table.insert(rowsFrom(o.flushed, o.inMemory))
  return { vfs, db, table }
}

test('point reads under way when the database is closed give the row or DATABASE_CLOSED, never no row', async (t) => {
  const { vfs, db, table } = await withRows({ flushed: 10, inMemory: 10 })
  using _ = vfs.inject({ op: ['open', 'read'], delayMs: 1 })
  const many = outcome(table.getMany(keys))
  const each = keys.map((key) => outcome(table.get(key)))
  await db.close()
  const found = await many
  t.true(found === 'DATABASE_CLOSED' || (Array.isArray(found) && found.every((row, id) => row?.id === id)), JSON.stringify(found))
  for (const [id, answer] of (await Promise.all(each)).entries()) {
    t.true(answer === 'DATABASE_CLOSED' || (answer as { id: number } | undefined)?.id === id, `${id}: ${JSON.stringify(answer)}`)
  }
})

test('point reads under way when their table is dropped give the row or TABLE_NOT_FOUND, never no row', async (t) => {
  const { vfs, db, table } = await withRows({ flushed: 10, inMemory: 10 })
  using _ = vfs.inject({ op: ['open', 'read'], delayMs: 1 })
  const many = outcome(table.getMany(keys))
  await db.dropTable(table)
  const found = await many
  t.true(found === 'TABLE_NOT_FOUND' || (Array.isArray(found) && found.every((row, id) => row?.id === id)), JSON.stringify(found))
  await db.close()
})

test('a scan that is read on after the database was closed ends with DATABASE_CLOSED', async (t) => {
  const { db, table } = await withRows({ flushed: 50_000, inMemory: 10 })
  const later = table.scan()
  const sorted = table.scan({ order: 'key' })
  const begun = table.scan().batches()[Symbol.asyncIterator]()
  await begun.next()
  await db.close()
  t.is(await outcome(later.toArray()), 'DATABASE_CLOSED')
  t.is(await outcome(sorted.toArray()), 'DATABASE_CLOSED')
  const rest = async () => {
    while (!(await begun.next()).done);
  }
  t.is(await outcome(rest()), 'DATABASE_CLOSED')
  await turns(2)
  t.is(await outcome(table.count()), 'DATABASE_CLOSED')
})

test('getMany says undefined for a key without a row, and leaves no hole', async (t) => {
  const { db, table } = await withRows({ flushed: 2, inMemory: 1 })
  const found = await table.getMany([5, 0, 7, 2])
  t.deepEqual(
    found.map((row) => row?.id ?? 'none'),
    ['none', 0, 'none', 2],
  )
  await db.close()
})
