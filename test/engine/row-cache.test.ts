import test, { type ExecutionContext } from 'ava'
import { clockRowCache } from '../../plugins/clock-row-cache/index.ts'
import {
  binary,
  type Database,
  type DatabaseConfig,
  defineTable,
  double,
  hashPartition,
  int32,
  int64,
  string,
  timestamp,
} from '../../src/index.ts'
import { type CachedRows, definePlugin, RowCache } from '../../src/plugin.ts'
import { MemoryVfs, openMemory } from '../../src/testing/index.ts'
import { rowsFrom, small } from './kit.ts'

const MiB = 2 ** 20

/** Opens, inserts rows 0 to 999 and flushes them. */
async function openSmall(t: ExecutionContext, config: Partial<DatabaseConfig> = {}) {
  const db = await openMemory(config)
  t.teardown(() => db.close())
  const table = await db.createTable(small)
  await table.insert(rowsFrom(0, 1000))
  await db.flush()
  return { db, table }
}

function countsOf(db: Database) {
  const { hits, misses, inserted, entries } = db.metrics().rowCache ?? {}
  return { hits, misses, inserted, entries }
}

test('the second get of a row is a hit, whichever call asks', async (t) => {
  const { db, table } = await openSmall(t)
  t.deepEqual(countsOf(db), { hits: 0, misses: 0, inserted: 0, entries: 0 })
  t.deepEqual(await table.get(5), { id: 5, text: 'row 5' })
  t.deepEqual(countsOf(db), { hits: 0, misses: 1, inserted: 1, entries: 1 })
  t.deepEqual(await table.get(5), { id: 5, text: 'row 5' })
  t.deepEqual(await table.get({ id: 5 }), { id: 5, text: 'row 5' })
  t.deepEqual(table.getSync(5), { id: 5, text: 'row 5' })
  t.deepEqual(countsOf(db), { hits: 3, misses: 1, inserted: 1, entries: 1 })
  t.deepEqual(table.getSync(6), { id: 6, text: 'row 6' })
  const asked = [6, 7, 5, 2000, 7]
  t.deepEqual(await table.getMany(asked), [rowsFrom(6)[0], rowsFrom(7)[0], rowsFrom(5)[0], undefined, rowsFrom(7)[0]])
  t.deepEqual(countsOf(db), { hits: 6, misses: 4, inserted: 3, entries: 3 })
  const { usedBytes = 0, capacityBytes = 0 } = db.metrics().rowCache ?? {}
  t.true(usedBytes > 0 && usedBytes < capacityBytes)
  t.is(capacityBytes, db.metrics().memory.limitBytes / 4)
})

test('rows in memory, keys without a row, reads of some columns and scans put nothing there', async (t) => {
  const { db, table } = await openSmall(t)
  await table.insert(rowsFrom(5000))
  t.deepEqual(await table.get(5000), rowsFrom(5000)[0])
  t.is(await table.get(9999), undefined)
  t.deepEqual(await table.get(5, { columns: ['text'] }), { text: 'row 5' })
  t.is((await table.scan().toArray()).length, 1001)
  t.is(countsOf(db).inserted, 0)
  await table.get(5)
  t.deepEqual(await table.get(5, { columns: ['text'] }), { text: 'row 5' })
  t.is(countsOf(db).hits, 0)
})

test('reads at an older snapshot are right, and neither use nor fill the cache', async (t) => {
  const { db, table } = await openSmall(t)
  const snapshot = db.snapshot()
  await table.insert(rowsFrom(1000, 1000))
  await db.flush()
  for (let round = 0; round < 2; round++) {
    t.is(await table.get(1500, { snapshot }), undefined)
    t.is(table.getSync(1500, { snapshot }), undefined)
    t.deepEqual(await table.getMany([1500, 500], { snapshot }), [undefined, rowsFrom(500)[0]])
  }
  t.deepEqual(countsOf(db), { hits: 0, misses: 0, inserted: 0, entries: 0 })
  t.deepEqual(await table.get(1500), rowsFrom(1500)[0])
  t.deepEqual(await table.get(1500), rowsFrom(1500)[0])
  t.is(countsOf(db).hits, 1)
  t.is(await table.get(1500, { snapshot }), undefined, 'though the row is in the cache')
  t.is(await table.get(1500, { asOf: 0 }), undefined)
  const newest = db.snapshot()
  t.deepEqual(await table.get(1500, { snapshot: newest }), rowsFrom(1500)[0])
  t.is(countsOf(db).hits, 2, 'a snapshot of the newest state sees the same')
  await table.insert(rowsFrom(3000))
  t.deepEqual(await table.get(1500, { snapshot: newest }), rowsFrom(1500)[0])
  t.is(countsOf(db).hits, 2)
  snapshot.close()
  newest.close()
})

test('a read that began before a write and ends after it fills nothing', async (t) => {
  const { db, table } = await openSmall(t, { plugins: [['lru-block-cache', { capacity: 0 }]] })
  const [row] = await Promise.all([table.get(5), table.insert(rowsFrom(5000))])
  t.deepEqual(row, { id: 5, text: 'row 5' })
  t.is(countsOf(db).inserted, 0)
  await table.get(5)
  t.is(countsOf(db).inserted, 1)
})

test('who reads while a write is half applied fills nothing', async (t) => {
  const { db, table } = await openSmall(t, { memory: { limit: '8MiB' } })
  const seen: (number | undefined)[] = []
  db.events.on('memory:pressure', () => {
    if (seen.length > 0) return
    t.deepEqual(table.getSync(5), { id: 5, text: 'row 5' })
    seen.push(countsOf(db).inserted)
  })
  const text = 'x'.repeat(1000)
  for (let batch = 0; seen.length === 0 && batch < 100; batch++)
    await table.insert(rowsFrom(10_000 + batch * 200, 200).map(({ id }) => ({ id, text })))
  t.deepEqual(seen, [0])
})

test('without the plugin every read answers, and the metrics say nothing of rows', async (t) => {
  const { db, table } = await openSmall(t, { disable: ['clock-row-cache'] })
  for (let round = 0; round < 2; round++) {
    t.deepEqual(await table.get(5), { id: 5, text: 'row 5' })
    t.deepEqual(table.getSync(999), { id: 999, text: 'row 999' })
    t.deepEqual(await table.getMany([1, 2000]), [{ id: 1, text: 'row 1' }, undefined])
    t.is((await table.scan({ gte: 990 }).toArray()).length, 10)
    t.is(await table.count(), 1000)
  }
  t.is(db.metrics().rowCache, undefined)
  t.throws(() => db.service(RowCache), { code: 'SERVICE_NOT_FOUND' })
  await db.dropTable('small')
})

test('another row cache takes its place by one entry of the configuration, and is asked', async (t) => {
  const asked: string[] = []
  const none: CachedRows = {
    get() {
      asked.push('get')
      return undefined
    },
    put: () => asked.push('put'),
    delete: () => asked.push('delete'),
    release: () => asked.push('release'),
  }
  const forgetful = definePlugin({
    name: 'forgetful',
    provides: [RowCache],
    bind(module) {
      module.provide(RowCache, [], () => ({
        name: 'forgetful',
        capacityBytes: 0,
        usedBytes: 0,
        resize: () => undefined,
        open: () => none,
        stats: () => ({ hits: 0, misses: 0, inserted: 0, evicted: 0, entries: 0 }),
      }))
    },
  })
  const { db, table } = await openSmall(t, { plugins: [forgetful] })
  t.deepEqual(await table.get(5), { id: 5, text: 'row 5' })
  t.deepEqual(asked, ['get', 'put'])
  t.is(db.service(RowCache).name, 'forgetful')
  await db.dropTable('small')
  t.deepEqual(asked, ['get', 'put', 'release'])
})

const documents = defineTable('documents', {
  columns: { name: string(), at: timestamp(), size: int64().nullable(), weight: double().nullable(), body: binary() },
  primaryKey: ['name', 'at'],
})

test('who changes a row that was returned, or its binary value, does not change the next read', async (t) => {
  await using db = await openMemory()
  const table = await db.createTable(documents)
  const given = { name: 'a', at: 1, size: 5n, weight: null, body: Uint8Array.of(1, 2, 3) }
  const stored = { ...given, body: Uint8Array.of(1, 2, 3) }
  await table.insert(given)
  await db.flush()
  given.body.fill(9)
  for (let round = 0; round < 4; round++) {
    const read = round % 2 === 0 ? await table.get({ name: 'a', at: 1 }) : table.getSync({ name: 'a', at: 1 })
    t.deepEqual(read, stored)
    if (!read) return
    read.body.fill(round)
    read.size = 99n
    read.weight = round
    read.name = 'changed'
  }
  t.is(countsOf(db).hits, 3)
})

test('rows of every partition are found again, and each key is answered by its own', async (t) => {
  const spread = defineTable('spread', {
    columns: { group: string(), id: int32(), text: string() },
    primaryKey: ['group', 'id'],
    partitionBy: hashPartition(['id'], 5),
  })
  await using db = await openMemory()
  const table = await db.createTable(spread)
  const rows = rowsFrom(0, 500).map((row) => ({ group: `g${row.id % 3}`, ...row }))
  await table.insert(rows)
  await db.flush()
  for (let round = 0; round < 2; round++) {
    for (const row of rows) t.deepEqual(await table.get({ group: row.group, id: row.id }), row)
    t.deepEqual(await table.getMany(rows.map(({ group, id }) => ({ group, id }))), rows)
  }
  t.is(countsOf(db).inserted, 500)
  t.is(countsOf(db).hits, 1500)
})

test('the bytes of a dropped table are released, those of others stay, and a table of its name begins anew', async (t) => {
  const { db, table } = await openSmall(t)
  const other = await db.createTable(defineTable('other', { columns: { id: int32(), text: string() }, primaryKey: ['id'] }))
  await other.insert(rowsFrom(0, 100))
  await db.flush()
  await other.getMany(Array.from({ length: 100 }, (_, id) => id))
  const usedBytes = db.metrics().rowCache?.usedBytes ?? 0
  t.true(usedBytes > 0)
  await table.getMany(Array.from({ length: 1000 }, (_, id) => id))
  t.true((db.metrics().rowCache?.usedBytes ?? 0) > usedBytes)
  await db.dropTable('small')
  t.is(db.metrics().rowCache?.usedBytes, usedBytes)
  t.is(countsOf(db).entries, 100)
  const again = await db.createTable(small)
  await again.insert([{ id: 5, text: 'another' }])
  await db.flush()
  for (let round = 0; round < 2; round++) t.deepEqual(await again.get(5), { id: 5, text: 'another' })
  t.is(await again.get(6), undefined)
})

test('a closed database holds no rows, and a read-only one caches as well', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory({}, { vfs })
  const table = await db.createTable(small)
  await table.insert(rowsFrom(0, 100))
  await db.flush()
  await table.getMany([1, 2, 3])
  const cache = db.service(RowCache)
  t.true(cache.usedBytes > 0)
  await db.close()
  t.is(cache.usedBytes, 0)
  t.throws(() => table.getSync(1), { code: 'DATABASE_CLOSED' })
  t.is(cache.usedBytes, 0)
  const reader = await openMemory({ readOnly: true }, { vfs })
  t.teardown(() => reader.close())
  const again = await reader.table(small)
  for (let round = 0; round < 2; round++) t.deepEqual(await again.get(7), { id: 7, text: 'row 7' })
  t.is(countsOf(reader).hits, 1)
})

test('its capacity is an option, and never above the memory limit', async (t) => {
  const capacityWith = async (config: Partial<DatabaseConfig>) => {
    await using db = await openMemory(config)
    return db.metrics().rowCache?.capacityBytes
  }
  t.is(await capacityWith({ plugins: [clockRowCache({ capacity: '3MiB' })] }), 3 * MiB)
  t.is(await capacityWith({ plugins: [['clock-row-cache', { capacity: 0 }]] }), 0)
  t.is(await capacityWith({ memory: { limit: '64MiB' } }), 16 * MiB)
  t.true(((await capacityWith({ memory: { limit: '64MiB' }, plugins: [clockRowCache({ capacity: '1GiB' })] })) ?? 0) <= 64 * MiB)
  await t.throwsAsync(openMemory({ plugins: [['clock-row-cache', { capasity: 1 }]] }), { message: /capasity[\s\S]*capacity/ })
  const { db, table } = await openSmall(t, { plugins: [clockRowCache({ capacity: 0 })] })
  for (let round = 0; round < 2; round++) t.deepEqual(await table.get(5), { id: 5, text: 'row 5' })
  t.deepEqual(countsOf(db), { hits: 0, misses: 2, inserted: 0, entries: 0 })
})
