import test from 'ava'
import type { Database } from '../../src/index.ts'
import { openMemory } from '../../src/testing/index.ts'
import { outcome, rowsFrom, small } from './kit.ts'

type Loose = { [K in keyof Database]: (...args: unknown[]) => unknown }

test('what is no table is a TypeError that says what to give', async (t) => {
  await using db = await openMemory()
  const loose = db as unknown as Loose
  for (const wrong of [undefined, null, {}, 5, { name: 'x' }, { name: 'x', columns: null }]) {
    await t.throwsAsync(loose.createTable(wrong) as Promise<unknown>, {
      instanceOf: TypeError,
      message: /createTable takes what defineTable/,
    })
    t.throws(() => loose.table(wrong), { instanceOf: TypeError, message: /table takes what defineTable/ })
  }
  await t.throwsAsync(loose.createTable('x') as Promise<unknown>, { instanceOf: TypeError, message: /createTable takes what defineTable/ })
  for (const wrong of [null, {}, 5]) {
    await t.throwsAsync(loose.dropTable(wrong) as Promise<unknown>, { instanceOf: TypeError, message: /A table is named by/ })
    await t.throwsAsync(loose.flush(wrong) as Promise<unknown>, { instanceOf: TypeError, message: /A table is named by/ })
  }
})

test('a wrong timeout closes nothing', async (t) => {
  const db = await openMemory()
  const table = await db.createTable(small)
  for (const timeoutMs of [Number.NaN, -1]) {
    await t.throwsAsync(db.close({ timeoutMs }), { instanceOf: TypeError, message: /timeoutMs/ })
  }
  t.is(await table.insert(rowsFrom(1)), 1)
  t.is(await outcome(db.close()), undefined)
})

test('a table that takes the name of a dropped one is another, whatever the order in which the calls end', async (t) => {
  await using db = await openMemory()
  const first = await db.createTable(small)
  await first.insert(rowsFrom(1))
  const [, second] = await Promise.all([db.dropTable('small'), db.createTable(small)])
  t.not(second, first)
  t.is(await second.count(), 0)
  t.is(await second.insert(rowsFrom(1)), 1)
  t.is(await outcome(first.insert(rowsFrom(2))), 'TABLE_NOT_FOUND')
  t.is(db.table('small') as unknown, second)
})
