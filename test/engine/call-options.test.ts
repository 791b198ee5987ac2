import test from 'ava'
import { defineTable, gt, int32, open, string } from '../../src/index.ts'
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
  const { scan } = table as unknown as { scan(o?: unknown): { toArray(): Promise<unknown> } }
  for (const wrong of [5, null]) await refused(scan.call(table, wrong).toArray(), /options of scan are an object/)
  await refused(scan.call(table, { wher: 1 }).toArray(), /scan has no option "wher".*Did you mean "where"/)
  await refused(table['aggregate']?.(5), /options of aggregate are an object/)
  await refused(table['aggregate']?.(null), /options of aggregate are an object/)
  const anyDb = db as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>
  await refused(anyDb['createTable']?.(numbers, { ifNotExist: true }), /Did you mean "ifNotExists"/)
  await refused(anyDb['close']?.({ flsh: true }), /Did you mean "flush"/)
  await refused(table['count']?.(gt('n', 1)), /count has no option "op"; there are where, snapshot/)
  await refused(table['updateWhere']?.(undefined, {}), /as in updateWhere\(eq\(/)
  await refused(table['deleteWhere']?.(undefined), /as in deleteWhere\(eq\(/)
  await refused(anyDb['compact']?.({ kind: 'full' }), /A table is named by .*; got an object \(Object\)/)
  const service = db.service.bind(db) as (token: unknown) => unknown
  for (const wrong of [undefined, 'BlockCache', {}])
    t.throws(() => service(wrong), { instanceOf: TypeError, message: /service takes a token/ })
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

test('a signal that is none is refused, and nothing is written: an AbortController given for its signal would cancel nothing', async (t) => {
  await using db = await openMemory()
  const table = await db.createTable(numbers)
  const controller = { signal: new AbortController() as unknown as AbortSignal }
  const loose = table as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>
  const calls: [string, () => unknown][] = [
    ['insert', () => table.insert({ n: 1 }, controller)],
    ['insertColumns', () => table.insertColumns({ n: Int32Array.of(1) }, controller)],
    ['get', () => table.get(1, controller)],
    ['getMany', () => table.getMany([1], controller)],
    ['scan', () => table.scan(controller).toArray()],
    ['count', () => table.count(controller)],
    ['aggregate', () => table.aggregate({ select: {}, ...controller })],
    ['ingest', () => table.ingest([], controller)],
    ['compact', () => db.compact(table, controller)],
    ['checkpoint', () => db.checkpoint('/copy', controller)],
  ]
  for (const [name, call] of calls) {
    const message = `The signal of ${name} is an AbortSignal; it got something else. Give its signal: controller.signal.`
    await t.throwsAsync(async () => call(), { instanceOf: TypeError, message }, name)
  }
  await t.throwsAsync(loose['insert']?.({ n: 1 }, { signal: 'stop' }) ?? Promise.resolve(), {
    instanceOf: TypeError,
    message: /is an AbortSignal/,
  })
  t.is(await table.count({ signal: new AbortController().signal }), 0)
})

test('reads without an object of options say what they take', async (t) => {
  await using db = await openMemory()
  const loose = (await db.createTable(numbers)) as unknown as Record<string, (...args: unknown[]) => never>
  const scan = async (o: unknown) => (loose['scan']?.(o) as unknown as { toArray(): Promise<unknown> }).toArray()
  for (const wrong of [null, 5]) await t.throwsAsync(scan(wrong), { instanceOf: TypeError, message: /options of scan are an object; got/ })
  for (const wrong of [undefined, null, 5])
    await t.throwsAsync(async () => loose['aggregate']?.(wrong), {
      instanceOf: TypeError,
      message: /options of aggregate are an object; got/,
    })
})

test('keyOf refuses what is no row, and a row without its key', async (t) => {
  await using db = await openMemory()
  const pairs = defineTable('pairs', { columns: { a: string(), b: int32() }, primaryKey: ['a', 'b'] })
  const table = await db.createTable(pairs)
  t.deepEqual(table.keyOf({ a: 'x', b: 1 }), { a: 'x', b: 1 })
  for (const wrong of [null, undefined, 5])
    t.throws(() => table.keyOf(wrong as never), { instanceOf: TypeError, message: /keyOf takes a row of table pairs; got/ })
  const error = t.throws(() => table.keyOf({ a: 'x' } as never), { code: 'INVALID_VALUE', message: /pairs\.b: the value is missing/ })
  t.like(error, { context: { table: 'pairs', column: 'b' } })
})

test('what is no token is no service', async (t) => {
  await using db = await openMemory()
  for (const wrong of [undefined, null, 'BlockCache', {}])
    t.throws(() => db.service(wrong as never), { instanceOf: TypeError, message: /service takes a token, as varve\/plugin exports them/ })
})

test('a name that nothing has is answered with the names that there are', async (t) => {
  await using db = await openMemory()
  t.throws(() => db.table('values'), {
    code: 'TABLE_NOT_FOUND',
    message: 'No table is called values. There are none yet: createTable makes them.',
  })
  const table = await db.createTable(numbers)
  t.throws(() => db.table('values'), { code: 'TABLE_NOT_FOUND', message: 'No table is called values. There are numbers.' })
  await t.throwsAsync(table.get(1, { columns: ['zz'] as never }), { message: 'Table numbers has no column "zz"; there are n.' })
})
