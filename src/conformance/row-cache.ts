import assert from 'node:assert/strict'
import type { KeyBlock } from '../schema/column-vector.ts'
import { binary, bool, double, float, int8, int16, int32, int64, string, timestamp } from '../schema/columns.ts'
import { hashKeys, keysOf } from '../schema/key-encoding.ts'
import { defineTable, schemaFromDefinition } from '../schema/table-definition.ts'
import type { ColumnValue, TableSchema } from '../schema/table-schema.ts'
import type { CachedRow, CachedRows, RowCache } from '../tablet/row-cache.ts'
import type { ConformanceTest } from './block-cache.ts'

const capacityBytes = 4 << 20

/**
 * What every row cache must do, whichever rows it prefers to keep. `make` returns an empty cache of the capacity given,
 * in bytes. Nothing here depends on which rows go, nor on which are taken in once the cache is full; while it has room,
 * it takes in what it is offered. It may count up to 1 KiB a row, and 64 KiB a tablet, beside what the values take.
 */
export function rowCache(test: ConformanceTest, make: (capacityBytes: number) => RowCache): void {
  test('an empty cache has nothing, uses nothing and knows its capacity', async () => {
    const cache = make(capacityBytes)
    assert.match(cache.name, /\S/)
    const users = usersOf(cache)
    assert.equal(users.get(1), undefined)
    users.delete(1)
    users.rows.release()
    assert.equal(cache.usedBytes, 0)
    assert.equal(cache.capacityBytes, capacityBytes)
    assert.equal(cache.stats().entries, 0)
  })

  test('a row that was put is got, its values, nulls and the order of its properties, whatever kinds its columns have', async () => {
    const rows = new Rows(make(capacityBytes), allKinds)
    const [full, low, empty] = allKindsRows()
    for (const row of [full, low, empty]) rows.put(row)
    for (const row of [full, low, empty]) {
      assert.deepEqual(rows.get(row['i32']), row)
      assert.deepEqual(Object.keys(rows.get(row['i32']) ?? {}), Object.keys(row))
    }
  })

  for (const [form, schema, keys] of keyForms) {
    test(`rows are found by keys of ${form}, and by none that look alike`, async () => {
      const rows = new Rows(make(capacityBytes), schema)
      keys.forEach((key, n) => rows.put({ ...key, n }))
      keys.forEach((key, n) => assert.deepEqual(rows.get(key), { ...key, n }))
      rows.delete(keys[1])
      keys.forEach((key, n) => assert.deepEqual(rows.get(key), n === 1 ? undefined : { ...key, n }))
    })
  }

  test('a row given is not kept, and a row got is a new one: whoever changes either changes nothing here', async () => {
    const rows = new Rows(make(capacityBytes), blobs)
    const given = { id: 1, plain: Uint8Array.of(1, 2, 3), buffer: Buffer.from([4, 5, 6]) as Uint8Array }
    rows.put(given)
    given.plain.fill(9)
    given.buffer.fill(9)
    const first = rows.get(1) as { id: number; plain: Uint8Array; buffer: Uint8Array }
    assert.deepEqual([...first.plain, ...first.buffer], [1, 2, 3, 4, 5, 6])
    first.plain.fill(8)
    first.buffer.fill(8)
    first.id = 7
    const second = rows.get(1) as typeof first
    assert.notEqual(second, first)
    assert.deepEqual([second.id, ...second.plain, ...second.buffer], [1, 1, 2, 3, 4, 5, 6])
  })

  test('a block of keys that is used again for others does not change what was put', async () => {
    for (const [, schema, [first, second]] of keyForms) {
      const rows = make(capacityBytes).open(schema)
      const keys = keysOf(schema, [first])
      const hash = hashKeys(keys)[0] as number
      rows.put(keys, 0, hash, { ...first, n: 1 })
      const others = keysOf(schema, [second])
      if (keys.form === 'fixed' && others.form === 'fixed') keys.words.set(others.words)
      else if (keys.form === 'variable') keys.bytes.fill(0xee)
      assert.deepEqual(rows.get(keysOf(schema, [first]), 0, hash), { ...first, n: 1 })
    }
  })

  test('keys whose hashes are equal are told apart, and one of them goes without the others', async () => {
    const rows = make(capacityBytes).open(users)
    const keys = keysOf(users, numbersTo(60))
    for (const hash of [0, 1, 0x7fffffff, 0x80000000, 0xffffffff]) {
      for (let i = 0; i < 60; i++) rows.put(keys, i, hash, userRow(i))
      for (let i = 0; i < 60; i += 3) rows.delete(keys, i, hash)
      for (let i = 0; i < 60; i++) assert.deepEqual(rows.get(keys, i, hash), i % 3 === 0 ? undefined : userRow(i))
    }
  })

  test('the rows of a tablet are its own', async () => {
    const cache = make(capacityBytes)
    const tablets = [usersOf(cache), usersOf(cache), new Rows(cache, blobs)] as const
    tablets[0].put(userRow(1))
    assert.equal(tablets[1].get(1), undefined)
    assert.equal(tablets[2].get(1), undefined)
    tablets[1].put({ ...userRow(1), name: 'another' })
    assert.deepEqual(tablets[0].get(1), userRow(1))
    tablets[1].delete(1)
    assert.deepEqual(tablets[0].get(1), userRow(1))
  })

  test('putting a key again replaces its row and counts it once; a row that is refused leaves none behind', async () => {
    const cache = make(capacityBytes)
    const rows = usersOf(cache)
    rows.put(userRow(1))
    const usedBytes = cache.usedBytes
    const longer = { id: 1, name: `${userRow(1).name}${'x'.repeat(1000)}` }
    rows.put(longer)
    assert.deepEqual(rows.get(1), longer)
    assert.equal(cache.stats().entries, 1)
    const grownBytes = cache.usedBytes - usedBytes
    assert.ok(grownBytes >= 1000 && grownBytes <= 4000, `1,000 characters more count ${grownBytes} bytes`)
    rows.put({ id: 1, name: 'x'.repeat(capacityBytes + 1) })
    assert.equal(rows.get(1), undefined)
    assert.equal(cache.stats().entries, 0)
  })

  test('as many rows as there is room for are all kept, and those that are forgotten are gone', async () => {
    const cache = make(64 << 20)
    const rows = usersOf(cache)
    const count = 20_000
    for (let id = 0; id < count; id++) rows.put(userRow(id))
    assert.equal(cache.stats().entries, count)
    for (let id = 0; id < count; id++) assert.deepEqual(rows.get(id), userRow(id))
    for (let id = 0; id < count; id += 3) rows.delete(id)
    for (let id = 0; id < count; id++) assert.deepEqual(rows.get(id), id % 3 === 0 ? undefined : userRow(id))
    rows.delete(count + 1)
    for (let id = 0; id < count; id += 3) rows.put(userRow(id))
    for (let id = 0; id < count; id++) assert.deepEqual(rows.get(id), userRow(id))
    assert.equal(cache.stats().evicted, 0)
  })

  test('a cache never counts more than its capacity, and counts at least what its values keep alive', async () => {
    const cache = make(capacityBytes)
    const rows = usersOf(cache)
    for (let id = 0; id < 30_000; id++) {
      rows.put(userRow(id, (id * 7919) % 900))
      assert.ok(cache.usedBytes <= capacityBytes, `${cache.usedBytes} > ${capacityBytes}`)
    }
    let heldBytes = 0
    let found = 0
    for (let id = 0; id < 30_000; id++) {
      const row = rows.get(id)
      if (row === undefined) continue
      assert.deepEqual(row, userRow(id, (id * 7919) % 900))
      heldBytes += (row['name'] as string).length
      found++
    }
    assert.equal(cache.stats().entries, found)
    assert.ok(heldBytes <= cache.usedBytes)
    assert.ok(heldBytes > capacityBytes / 8, `a full cache holds rows, not air: ${heldBytes} bytes of text`)
    const { inserted, evicted, entries } = cache.stats()
    assert.ok(evicted > 0)
    assert.equal(inserted - evicted, entries)
  })

  test('a string counts by what it takes in memory, whatever its characters', async () => {
    const cache = make(capacityBytes)
    const rows = usersOf(cache)
    rows.put({ id: 1, name: '' })
    const usedBytes = cache.usedBytes
    rows.put({ id: 1, name: 'я'.repeat(5000) })
    assert.ok(cache.usedBytes - usedBytes >= 10_000)
  })

  test('a cache of no capacity keeps nothing and does not mind', async () => {
    const cache = make(0)
    const rows = usersOf(cache)
    for (let id = 0; id < 50; id++) rows.put(userRow(id))
    for (let id = 0; id < 50; id++) assert.equal(rows.get(id), undefined)
    rows.delete(1)
    rows.rows.release()
    assert.equal(cache.usedBytes, 0)
    assert.equal(cache.stats().entries, 0)
  })

  test('a tablet that is released has nothing and counts nothing, others keep theirs, and it may be used again', async () => {
    const cache = make(capacityBytes)
    const [first, second] = [usersOf(cache), usersOf(cache)]
    for (let id = 0; id < 1000; id++) first.put(userRow(id))
    const usedBytes = cache.usedBytes
    for (let id = 0; id < 1000; id++) second.put(userRow(id))
    second.rows.release()
    assert.equal(cache.usedBytes, usedBytes)
    assert.equal(cache.stats().entries, 1000)
    for (let id = 0; id < 1000; id++) {
      assert.equal(second.get(id), undefined)
      assert.deepEqual(first.get(id), userRow(id))
    }
    second.rows.release()
    second.put(userRow(5))
    assert.deepEqual(second.get(5), userRow(5))
    first.rows.release()
    second.rows.release()
    assert.equal(cache.usedBytes, 0)
    assert.equal(cache.stats().entries, 0)
  })

  test('resize lets go of what is beyond the new capacity at once, and growing makes room', async () => {
    const cache = make(capacityBytes)
    const tablets = [usersOf(cache), usersOf(cache)] as const
    for (let id = 0; id < 3000; id++) for (const rows of tablets) rows.put(userRow(id, 100))
    for (const bytes of [capacityBytes / 2, capacityBytes / 5, capacityBytes / 16]) {
      cache.resize(bytes)
      assert.equal(cache.capacityBytes, bytes)
      assert.ok(cache.usedBytes <= bytes, `${cache.usedBytes} > ${bytes}`)
      for (let id = 0; id < 3000; id++) for (const rows of tablets) assert.deepEqual(rows.get(id) ?? userRow(id, 100), userRow(id, 100))
      const { inserted, evicted, entries } = cache.stats()
      assert.equal(inserted - evicted, entries)
    }
    cache.resize(capacityBytes)
    for (let id = 3000; id < 3500; id++) tablets[0].put(userRow(id, 100))
    for (let id = 3000; id < 3500; id++) assert.deepEqual(tablets[0].get(id), userRow(id, 100))
    cache.resize(0)
    assert.equal(cache.usedBytes, 0)
    assert.equal(cache.stats().entries, 0)
    cache.resize(capacityBytes)
    tablets[0].put(userRow(1))
    assert.deepEqual(tablets[0].get(1), userRow(1))
  })

  test('hits, misses, insertions and entries are counted, and what a resize takes away as evicted', async () => {
    const cache = make(capacityBytes)
    const rows = usersOf(cache)
    for (let id = 0; id < 3; id++) rows.put(userRow(id))
    rows.get(0)
    rows.get(0)
    rows.get(9)
    rows.delete(1)
    assert.deepEqual({ ...cache.stats() }, { hits: 2, misses: 1, inserted: 3, evicted: 0, entries: 2 })
    cache.resize(0)
    assert.deepEqual({ ...cache.stats() }, { hits: 2, misses: 1, inserted: 3, evicted: 2, entries: 0 })
  })

  test('rows that are read again and again stay, though many more are read once', async () => {
    const cache = make(capacityBytes)
    const rows = usersOf(cache)
    for (let id = 0; id < 500; id++) rows.put(userRow(id, 100))
    let missed = 0
    for (let id = 500; id < 200_000; id++) {
      const hot = id % 500
      if (rows.get(hot) === undefined) {
        missed++
        rows.put(userRow(hot, 100))
      }
      rows.put(userRow(id, 100))
    }
    assert.ok(missed < 500, `500 rows in use had to be read again ${missed} times`)
  })

  test('a tablet whose rows are read after others have filled the cache has its rows kept too', async () => {
    const cache = make(capacityBytes)
    const first = usersOf(cache)
    for (let id = 0; id < 60_000; id++) first.put(userRow(id))
    const late = usersOf(cache)
    let hits = 0
    for (let round = 0; round < 40; round++) {
      hits = 0
      for (let id = 0; id < 3000; id++) {
        if (late.get(id) === undefined) late.put(userRow(id))
        else hits++
      }
    }
    assert.ok(hits > 1500, `of 3,000 rows ${hits} were here in the last of 40 rounds`)
  })
}

/** Rows of one tablet by the keys that an application gives. */
class Rows {
  readonly rows: CachedRows
  readonly #schema: TableSchema

  constructor(cache: RowCache, schema: TableSchema) {
    this.rows = cache.open(schema)
    this.#schema = schema
  }

  get(key: unknown): CachedRow | undefined {
    return this.rows.get(...this.#probe(key))
  }

  put(row: CachedRow): void {
    this.rows.put(...this.#probe(row), row)
  }

  delete(key: unknown): void {
    this.rows.delete(...this.#probe(key))
  }

  /** Not the first of its block, as when many keys are read at once. */
  #probe(key: unknown): [keys: KeyBlock, i: number, hash: number] {
    const keys = keysOf(this.#schema, [key, key])
    return [keys, 1, hashKeys(keys)[1] as number]
  }
}

const users = schemaFromDefinition(defineTable('users', { columns: { id: int32(), name: string() }, primaryKey: ['id'] }), { tableId: 1 })
const blobs = schemaFromDefinition(
  defineTable('blobs', { columns: { id: int32(), plain: binary(), buffer: binary() }, primaryKey: ['id'] }),
  { tableId: 2 },
)
const allKinds = schemaFromDefinition(
  defineTable('all_kinds', {
    columns: {
      text: string().nullable(),
      flag: bool().nullable(),
      i8: int8().nullable(),
      i16: int16().nullable(),
      i32: int32(),
      wide: int64().nullable(),
      whole: int64({ mode: 'number' }).nullable(),
      single: float().nullable(),
      twice: double().nullable(),
      at: timestamp().nullable(),
      bytes: binary().nullable(),
      certain: bool(),
      'a "name"\u2028b': string(),
    },
    primaryKey: ['i32'],
  }),
  { tableId: 3 },
)

type KeyForm = [form: string, schema: TableSchema, keys: readonly Record<string, ColumnValue>[]]
const keyForms: readonly KeyForm[] = [
  [
    'one word',
    schemaFromDefinition(defineTable('one', { columns: { a: int32(), n: int32() }, primaryKey: ['a'] }), { tableId: 4 }),
    [0, 1, -1, 2 ** 31 - 1, -(2 ** 31)].map((a) => ({ a })),
  ],
  [
    'many words',
    schemaFromDefinition(
      defineTable('many', { columns: { a: int64(), b: bool(), c: int32(), d: timestamp(), n: int32() }, primaryKey: ['a', 'b', 'c', 'd'] }),
      { tableId: 5 },
    ),
    [
      { a: 1n, b: true, c: 2, d: 3 },
      { a: 1n, b: false, c: 2, d: 3 },
      { a: 1n, b: true, c: 2, d: 4 },
      { a: -(2n ** 63n), b: true, c: 2, d: 3 },
    ],
  ],
  [
    'no fixed length',
    schemaFromDefinition(defineTable('variable', { columns: { a: string(), b: binary(), n: int32() }, primaryKey: ['a', 'b'] }), {
      tableId: 6,
    }),
    [
      { a: '', b: Uint8Array.of() },
      { a: '', b: Uint8Array.of(0) },
      { a: '\0', b: Uint8Array.of() },
      { a: 'żółć', b: Uint8Array.of(255, 128, 0, 1) },
      { a: 'x'.repeat(2000), b: Uint8Array.of(1) },
      { a: 'x'.repeat(2000), b: Uint8Array.of(2) },
    ],
  ],
]

function usersOf(cache: RowCache): Rows {
  return new Rows(cache, users)
}

function userRow(id: number, length = 0): { id: number; name: string } {
  return { id, name: `user ${id}`.padEnd(length, '.') }
}

function numbersTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i)
}

/** One with a value in each column, one with the values at the other end, one of nulls wherever they may be. */
function allKindsRows(): [Record<string, ColumnValue>, Record<string, ColumnValue>, Record<string, ColumnValue>] {
  const nameless = 'a "name"\u2028b'
  const full = {
    text: 'zażółć 🙂',
    flag: true,
    i8: 127,
    i16: -32_768,
    i32: 1,
    wide: 2n ** 63n - 1n,
    whole: Number.MAX_SAFE_INTEGER,
    single: Math.fround(0.1),
    twice: Number.POSITIVE_INFINITY,
    at: 1_700_000_000_123,
    bytes: Uint8Array.of(0, 255),
    certain: false,
    [nameless]: 'x',
  }
  const low = {
    text: '',
    flag: false,
    i8: 0,
    i16: 0,
    i32: 0,
    wide: 0n,
    whole: 0,
    single: Number.NaN,
    twice: -0,
    at: 0,
    bytes: Uint8Array.of(),
    certain: true,
    [nameless]: '',
  }
  const empty = {
    text: null,
    flag: null,
    i8: null,
    i16: null,
    i32: 2,
    wide: null,
    whole: null,
    single: null,
    twice: null,
    at: null,
    bytes: null,
    certain: true,
    [nameless]: '',
  }
  return [full, low, empty]
}
