import test from 'ava'
import { lruBlockCache } from '../../plugins/lru-block-cache/index.ts'
import { eq } from '../../src/index.ts'
import { openMemory } from '../../src/testing/index.ts'
import { rowsFrom, small } from './kit.ts'

test('awaiting a million warm gets lets timers and messages through', async (t) => {
  await using db = await openMemory()
  const table = await db.createTable(small)
  await table.insert(rowsFrom(0, 1000))
  let timers = 0
  let messages = 0
  const timer = setInterval(() => timers++, 1)
  const { port1, port2 } = new MessageChannel()
  port1.on('message', () => {
    messages++
    port2.postMessage(0)
  })
  port2.postMessage(0)
  for (let i = 0; i < 1_000_000; i++) await table.get(i % 1000)
  clearInterval(timer)
  port1.close()
  t.true(timers > 0)
  t.true(messages > 0)
})

test('awaiting inserts in a row lets timers through', async (t) => {
  await using db = await openMemory()
  const table = await db.createTable(small)
  let timers = 0
  const timer = setInterval(() => timers++, 1)
  for (let i = 0; i < 20_000; i++) await table.insert({ id: i, text: '' })
  for (let i = 0; i < 20; i++) await table.getMany(Array.from({ length: 2000 }, (_, k) => k))
  clearInterval(timer)
  t.true(timers > 0)
})

test('awaiting refused inserts in a row lets timers through', async (t) => {
  await using db = await openMemory()
  const table = await db.createTable(small)
  await table.insert({ id: 0, text: '' })
  let timers = 0
  let refused = 0
  const timer = setInterval(() => timers++, 1)
  for (let i = 0; i < 10_000; i++) await table.insert({ id: 0, text: '' }).catch(() => refused++)
  clearInterval(timer)
  t.is(refused, 10_000)
  t.true(timers > 0)
})

test('whatever is awaited in a row without touching a disk, answered or refused, lets timers through', async (t) => {
  const db = await openMemory()
  const table = await db.createTable(small)
  await table.insert(rowsFrom(0, 100))
  const loose = table as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>
  const now = Date.now()
  const calls: Record<string, () => Promise<unknown> | undefined> = {
    getMany: () => table.getMany([1]),
    'getMany of nothing': () => table.getMany([]),
    count: () => table.count(),
    'changes, none': async () => {
      for await (const _ of table.changes({ from: now + 1e9 }));
    },
    'changes, one': async () => {
      for await (const _ of table.changes({ from: 0 })) break
    },
    'updateWhere of none': () => table.updateWhere(eq('id', -1), { text: '' }),
    'deleteWhere of none': () => table.deleteWhere(eq('id', -1)),
    'insertColumns of none': () => table.insertColumns({ id: new Int32Array(0), text: [] }),
    'ingest of nothing': () => table.ingest([]),
    sync: () => db.sync(),
    createTable: () => db.createTable(small, { ifNotExists: true }),
    'alterTable to the same': () => db.alterTable(table, {}),
    'getMany refused': () => table.getMany(['x' as never]),
    'count refused': () => table.count({ where: 5 as never }),
    'aggregate refused': () => table.aggregate({ select: { n: 5 as never } }),
    'changes refused': async () => {
      for await (const _ of table.changes({} as never));
    },
    'upsert refused': () => loose['upsert']?.({ id: 'x' }),
    'update refused': () => loose['update']?.({ id: 'x' }),
    'delete refused': () => loose['delete']?.('x'),
    'updateWhere refused': () => loose['updateWhere']?.(),
    'deleteWhere refused': () => loose['deleteWhere']?.(),
    'insertColumns refused': () => loose['insertColumns']?.({ id: ['x'] }),
    'ingest refused': () => loose['ingest']?.(5),
    'createTable refused': () => db.createTable(small),
    'alterTable refused': () => db.alterTable('other', {}),
    'dropTable refused': () => db.dropTable('other'),
    'flush refused': () => db.flush('other'),
    'compact refused': () => db.compact('other'),
    'checkpoint refused': () => db.checkpoint(''),
    'close refused': () => db.close({ timeoutMs: -1 }),
  }
  const starving: string[] = []
  const tryAll = async (suffix: string) => {
    for (const [name, call] of Object.entries(calls)) {
      let timers = 0
      const timer = setInterval(() => timers++, 1)
      // By the clock, not by number: a timer that gets through ends the wait.
      for (const endMs = performance.now() + 2000; timers === 0 && performance.now() < endMs; ) await call()?.catch(() => undefined)
      clearInterval(timer)
      if (timers === 0) starving.push(`${name}${suffix}`)
    }
  }
  await tryAll('')
  await db.flush()
  await tryAll(', flushed')
  await db.close()
  await tryAll(', closed')
  t.deepEqual(starving, [])
})

for (const capacity of ['1KiB', '16KiB'] as const) {
  test(`with a cache of ${capacity}, smaller than a block, gets, inserts and scans come to an end and are right`, async (t) => {
    await using db = await openMemory({ plugins: [lruBlockCache({ capacity })] })
    const table = await db.createTable(small)
    for (let part = 0; part < 4; part++) {
      const ids = rowsFrom(part, 1).map(() => Int32Array.from({ length: 9000 }, (_, i) => i * 4 + part))[0] as Int32Array
      await table.insertColumns({ id: ids, text: Array.from(ids, (id) => `row ${id}`) })
      await db.flush()
    }
    for (let id = 5; id < 36_000; id += 2111) {
      t.is((await table.get(id))?.text, `row ${id}`)
      t.is(table.getSync(id)?.text, `row ${id}`)
    }
    t.deepEqual(
      (await table.getMany([3, 36_001, 20_000])).map((row) => row?.text),
      ['row 3', undefined, 'row 20000'],
    )
    await t.throwsAsync(
      table.insert([
        { id: 36_100, text: '' },
        { id: 777, text: '' },
      ]),
      { code: 'KEY_EXISTS' },
    )
    t.is(await table.insert(rowsFrom(50_000, 6000)), 6000)
    t.is(await table.count(), 42_000)
    t.is((await table.scan({ order: 'key', gte: 100, lt: 200 }).toArray()).length, 100)
  })
}
