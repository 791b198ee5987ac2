import test from 'ava'
import { defineTable, gt, int32, open } from '../../src/index.ts'
import { MemoryVfs, openMemory } from '../../src/testing/index.ts'

const numbers = defineTable('numbers', { columns: { n: int32() }, primaryKey: ['n'] })

test('a misspelt option or durability is refused, with the nearest name, and nothing is written', async (t) => {
  await using db = await openMemory()
  const table = (await db.createTable(numbers)) as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>
  const refused = async (call: Promise<unknown> | undefined, message: RegExp) => {
    const error = await t.throwsAsync(async () => call, { instanceOf: TypeError })
    t.regex(error?.message ?? '', message)
  }
  await refused(
    table['insert']?.({ n: 1 }, { durabilty: 'sync' }),
    /insert has no option "durabilty"; there are durability, signal, ifExists\. Did you mean "durability"/,
  )
  await refused(table['insert']?.({ n: 1 }, { durability: 'snc' }), /durability is 'sync', 'write' or 'interval'; got "snc"/)
  await refused(table['insertColumns']?.({ n: Int32Array.of(1) }, { durabilty: 'sync' }), /durability/)
  await refused(table['get']?.(1, { colums: ['n'] }), /Did you mean "columns"/)
  await refused(table['getMany']?.([1], { colums: ['n'] }), /Did you mean "columns"/)
  await refused(table['count']?.({ wher: 1 }), /Did you mean "where"/)
  await refused(table['insert']?.({ n: 1 }, 'sync'), /options of insert are an object/)
  const anyDb = db as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>
  await refused(anyDb['createTable']?.(numbers, { ifNotExist: true }), /Did you mean "ifNotExists"/)
  await refused(anyDb['close']?.({ flsh: true }), /Did you mean "flush"/)
  await refused(table['count']?.(gt('n', 1)), /count has no option "op"; there are where, snapshot/)
  await refused(table['updateWhere']?.(undefined, {}), /as in updateWhere\(eq\(/)
  await refused(table['deleteWhere']?.(undefined), /as in deleteWhere\(eq\(/)
  await refused(anyDb['compact']?.({ kind: 'full' }), /A table is named by .*; got an object \(Object\)/)
  await refused(anyDb['alterTable']?.('numbers'), /^alterTable\("numbers"\) takes an object; got undefined/)
  const { changes } = table as unknown as { changes(o?: unknown): AsyncIterable<unknown> }
  const firstChange = async (o: unknown) => changes.call(table, o)[Symbol.asyncIterator]().next()
  for (const wrong of [undefined, {}, { from: 'yesterday' }])
    await refused(firstChange(wrong), /^from is a snapshot, a Date, a number of milliseconds since 1970, or \{ timestamp \}; got/)
  const batch = db.batch()
  t.throws(() => batch.insert(table as never, { n: 1 } as never, { ifExists: 'replace' as never }), {
    instanceOf: TypeError,
    message: `ifExists is 'error' or 'skip'; got "replace".`,
  })
  batch.insert(table as never, { n: 1 } as never)
  await refused(batch.commit({ durability: 'snc' as never }), /durability is 'sync', 'write' or 'interval'; got "snc"/)
  t.is(await table['count']?.(), 0)
})

test('a setting of the configuration given as an option of open is refused, and says where it belongs', async (t) => {
  const loose = open as unknown as (...args: unknown[]) => Promise<unknown>
  const vfs = new MemoryVfs()
  const directory = '/nowhere/that/open/made'
  await t.throwsAsync(loose(directory, { durability: 'sync' }), {
    instanceOf: TypeError,
    message: 'Settings belong to the configuration, open({ directory, durability, … }); got "durability" as an option.',
  })
  await t.throwsAsync(loose(directory, { durablity: 'sync' }), {
    instanceOf: TypeError,
    message: /directory, durability, … }\); got "durablity"/,
  })
  await t.throwsAsync(loose(directory, { confgure: () => {} }), {
    instanceOf: TypeError,
    message: /there is configure\. Did you mean "configure"/,
  })
  await t.throwsAsync(loose(directory, 'sync'), { instanceOf: TypeError, message: /options of open are an object/ })
  await t.throwsAsync(openMemory({}, { vfs, readOnly: true } as never), {
    instanceOf: TypeError,
    message: /got "readOnly" as an option/,
  })
  t.deepEqual([...vfs.snapshot().keys()], [])
})

test('a database that is not there: what to do depends on how it was opened', async (t) => {
  await t.throwsAsync(openMemory({ readOnly: true }), { code: 'DATABASE_NOT_FOUND', message: /open it once without readOnly/ })
  await t.throwsAsync(openMemory({ createIfMissing: false }), { code: 'DATABASE_NOT_FOUND', message: /open with createIfMissing: true/ })
})
