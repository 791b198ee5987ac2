import test from 'ava'
import { defineTable, int32, int64, string, VarveError } from '../../src/index.ts'
import { MemoryVfs, openMemory, SimulatedClock } from '../../src/testing/index.ts'

const texts = defineTable('texts', { columns: { id: int32(), text: string() }, primaryKey: ['id'] })
const counters = defineTable('counters', { columns: { id: int32(), n: int32() }, primaryKey: ['id'] })

test('a batch that expects a row sees what a write in the same group does to it', async (t) => {
  const clock = new SimulatedClock()
  const vfs = new MemoryVfs({ clock })
  const db = await openMemory({}, { vfs, clock })
  const table = await db.createTable(counters)
  const fat = await db.createTable(texts)
  await table.insert([
    { id: 1, n: 0 },
    { id: 2, n: 0 },
  ])
  const snapshot = db.snapshot()
  // The log is slow, so that what follows the first write waits, and is logged as one group.
  vfs.inject({ op: 'append', path: /wal$/, times: 1, nth: 1, delayMs: 100 })
  const first = fat.insert([1, 2, 3].map((id) => ({ id, text: 'x'.repeat(300_000) })))
  const second = table.update({ id: 1, n: 1 })
  const third = db.batch({ snapshot }).expect(table, [1]).update(table, { id: 2, n: 5 }).commit()
  const outcome = third.then(
    () => 'committed',
    (error: unknown) => (error instanceof VarveError ? error.code : String(error)),
  )
  for (let left = 50; left > 0; left--) await clock.advance(10)
  t.is(await first, 3)
  t.is(await second, 1)
  t.is(await outcome, 'WRITE_CONFLICT')
  t.like(await table.get(2), { n: 0 })
  await db.close()
})

test('a batch is committed while its snapshot is open: what has changed since might be forgotten afterwards', async (t) => {
  const clock = new SimulatedClock()
  await using db = await openMemory({ history: { retentionMs: 0 } }, { clock })
  db.maintenance.pause()
  const table = await db.createTable(counters)
  await table.insert([
    { id: 1, n: 0 },
    { id: 2, n: 0 },
  ])
  await db.flush()
  const snapshot = db.snapshot()
  const batch = db.batch({ snapshot }).expect(table, 1).update(table, { id: 2, n: 5 })
  snapshot.close()
  await table.delete(1)
  await clock.advance(1)
  await db.compact(table)
  await t.throwsAsync(batch.commit(), { code: 'SNAPSHOT_CLOSED' })
  t.like(await table.get(2), { n: 0 })
})

test('a batch that is under way keeps what its snapshot kept, though the snapshot is closed at once', async (t) => {
  const clock = new SimulatedClock()
  const vfs = new MemoryVfs({ clock })
  await using db = await openMemory({ history: { retentionMs: 0 } }, { vfs, clock })
  db.maintenance.pause()
  const table = await db.createTable(counters)
  await table.insert([
    { id: 1, n: 0 },
    { id: 2, n: 0 },
  ])
  await db.flush()
  const snapshot = db.snapshot()
  await table.delete(1)
  await clock.advance(1)
  // The log is slow, so that the batch waits.
  vfs.inject({ op: 'append', path: /wal$/, times: 1, nth: 1, delayMs: 100 })
  const other = await db.createTable(texts)
  const first = other.insert([1, 2, 3].map((id) => ({ id, text: 'x'.repeat(300_000) })))
  const committed = t.throwsAsync(db.batch({ snapshot }).expect(table, 1).update(table, { id: 2, n: 5 }).commit(), {
    code: 'WRITE_CONFLICT',
  })
  snapshot.close()
  const compacted = db.compact(table, { kind: 'merging' })
  for (let left = 50; left > 0; left--) await clock.advance(10)
  await Promise.all([first, committed, compacted])
})

test('a conflict names the key by its columns, of one or of several', async (t) => {
  await using db = await openMemory()
  const pairs = defineTable('pairs', { columns: { a: string(), b: int64(), n: int32() }, primaryKey: ['a', 'b'] })
  const one = await db.createTable(counters)
  const two = await db.createTable(pairs)
  await one.insert({ id: 1, n: 0 })
  await two.insert({ a: 'x', b: 5n, n: 0 })
  using snapshot = db.snapshot()
  await one.update({ id: 1, n: 1 })
  await two.update({ a: 'x', b: 5n, n: 1 })
  const first = await t.throwsAsync(db.batch({ snapshot }).update(one, { id: 1, n: 2 }).commit(), { code: 'WRITE_CONFLICT' })
  t.regex(first?.message ?? '', /^Table counters: the row of the key \(id = 1\) has changed since the snapshot/)
  t.like((first as VarveError).context, { table: 'counters', key: { id: 1 } })
  const second = await t.throwsAsync(db.batch({ snapshot }).delete(two, { a: 'x', b: 5n }).commit(), { code: 'WRITE_CONFLICT' })
  t.regex(second?.message ?? '', /the row of the key \(a = x, b = 5\)/)
  t.deepEqual((second as VarveError).context['key'], { a: 'x', b: 5n })
})
