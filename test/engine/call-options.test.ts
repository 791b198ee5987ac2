import test from 'ava'
import { defineTable, int32 } from '../../src/index.ts'
import { openMemory } from '../../src/testing/index.ts'

const numbers = defineTable('numbers', { columns: { n: int32() }, primaryKey: ['n'] })

test('a misspelt option or durability is refused, with the nearest name, and nothing is written', async (t) => {
  await using db = await openMemory()
  const table = (await db.createTable(numbers)) as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>
  const refused = async (call: Promise<unknown> | undefined, message: RegExp) => {
    const error = await t.throwsAsync(async () => call, { instanceOf: TypeError })
    t.regex(error?.message ?? '', message)
  }
  await refused(table['insert']?.({ n: 1 }, { durabilty: 'sync' }), /insert has no option "durabilty"\. Did you mean "durability"/)
  await refused(table['insert']?.({ n: 1 }, { durability: 'snc' }), /durability is 'sync', 'write' or 'interval'; got snc/)
  await refused(table['insertColumns']?.({ n: Int32Array.of(1) }, { durabilty: 'sync' }), /durability/)
  await refused(table['get']?.(1, { colums: ['n'] }), /Did you mean "columns"/)
  await refused(table['getMany']?.([1], { colums: ['n'] }), /Did you mean "columns"/)
  await refused(table['count']?.({ wher: 1 }), /Did you mean "where"/)
  await refused(table['insert']?.({ n: 1 }, 'sync'), /options of insert are an object/)
  const anyDb = db as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>
  await refused(anyDb['createTable']?.(numbers, { ifNotExist: true }), /Did you mean "ifNotExists"/)
  await refused(anyDb['close']?.({ flsh: true }), /Did you mean "flush"/)
  t.is(await table['count']?.(), 0)
})
