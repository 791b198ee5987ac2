import test from 'ava'
import { lruBlockCache } from '../../plugins/lru-block-cache/index.ts'
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
