import test from 'ava'
import fc from 'fast-check'
import { ChunkPool, slabBytes } from '../../src/rowset/chunk-pool.ts'
import { RowGather } from '../../src/rowset/mem-gather.ts'
import { MemRows } from '../../src/rowset/mem-rows.ts'
import { MemRowSet } from '../../src/rowset/mem-rowset.ts'
import type { ColumnVector, KeyBlock } from '../../src/schema/column-vector.ts'
import { valueAt } from '../../src/schema/row-decoder.ts'
import type { ColumnSchema, ColumnValue, TableSchema } from '../../src/schema/table-schema.ts'
import {
  batchOf,
  byKey,
  expectedRows,
  firstDifference,
  fixedKeySchema,
  type ModelRow,
  openRange,
  RandomTable,
  readBatches,
  schemaOf,
  variableKeySchema,
} from './support/random-table.ts'

interface Filled {
  readonly store: MemRowSet
  readonly model: readonly ModelRow[]
  readonly table: RandomTable
}

/** A store that took random batches, some of them in part, at timestamps 1, 2, 3 … but for a few that are older. */
function fill(schema: TableSchema, seed: number, o: { chunks?: ChunkPool; batches?: number; longStrings?: boolean } = {}): Filled {
  const table = new RandomTable(schema, seed, { longStrings: o.longStrings ?? false })
  const { random } = table
  const store = new MemRowSet({ schema, generation: 1, chunks: o.chunks ?? new ChunkPool() })
  const model: ModelRow[] = []
  for (let i = 0; i < (o.batches ?? 8); i++) {
    const { block, keys, hashes, rows, keyHexes } = table.batch(random.below(1500))
    const timestamp = random.below(5) === 0 ? 1 + random.below(i + 1) : i + 1
    const taken = rows.map((_, row) => row).filter(() => i % 2 === 0 || random.below(3) > 0)
    const selection = i % 2 === 0 ? {} : { selection: Int32Array.from(taken) }
    const first = store.append(block, keys, hashes, { timestamp, opId: 100 + i, ...selection })
    if (first !== model.length) throw new Error(`rows begin at ${first} instead of ${model.length}`)
    for (const row of taken) model.push({ row: rows[row] as ModelRow['row'], keyHex: keyHexes[row] as string, timestamp })
  }
  return { store, model, table }
}

/** The row of each key, −1 for none. */
function findAll(store: MemRowSet, keys: KeyBlock, hashes: Uint32Array): number[] {
  return Array.from(hashes, (hash, i) => store.find(keys, i, hash))
}

for (const [name, schema] of [
  ['fixed', fixedKeySchema],
  ['variable', variableKeySchema],
] as const) {
  test(`with ${name} keys, every row is found by its key and read back, and no other key is found`, (t) => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const { store, model, table } = fill(schema, seed)
        t.is(store.rowCount, model.length)
        const positions = schema.columns.map((_, position) => position)
        const { keys, hashes } = batchOf(
          schema,
          model.map(({ row }) => row),
        )
        const read = (row: number) => {
          const out: ColumnValue[] = []
          store.readRow(row, positions, out)
          return out
        }
        t.is(
          firstDifference(
            findAll(store, keys, hashes),
            model.map((_, row) => row),
          ),
          undefined,
        )
        t.is(
          firstDifference(
            model.map((_, row) => read(row)),
            model.map(({ row }) => row),
          ),
          undefined,
        )
        t.is(
          firstDifference(
            model.map((_, row) => Buffer.from(store.keyBytes(row)).toString('hex')),
            model.map(({ keyHex }) => keyHex),
          ),
          undefined,
        )
        const absent = table.batch(500)
        t.true(findAll(store, absent.keys, absent.hashes).every((row) => row === -1))
      }),
      { numRuns: 4 },
    )
  })

  test(`with ${name} keys, vectors of a row show what its values are`, (t) => {
    const { store, model } = fill(schema, 11)
    const positions = schema.columns.map((_, position) => position).reverse()
    const vectors: ColumnVector[] = []
    const indexes: number[] = []
    for (let row = 0; row < model.length; row += 7) {
      store.vectorsAt(row, positions, vectors, indexes)
      const shown = positions.map((position, i) =>
        valueAt(schema.columns[position] as ColumnSchema, vectors[i] as ColumnVector, indexes[i] as number),
      )
      t.deepEqual(
        shown,
        positions.map((position) => model[row]?.row[position] as ColumnValue),
      )
    }
  })

  test(`with ${name} keys, a scan sees the rows of its snapshot and range, in either order`, async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const { store, model, table } = fill(schema, seed)
        const { random } = table
        for (let round = 0; round < 4; round++) {
          const timestamp = random.below(10)
          const rowCount = random.below(3) === 0 ? random.below(model.length + 1) : model.length
          const range = randomRange(model, random)
          const expected = expectedRows(model.slice(0, rowCount), { timestamp, range })
          const anyOrder = { timestamp, rowCount, range }
          t.is(firstDifference(readBatches(schema, store.batches(anyOrder)).sort(byKey), expected), undefined, 'any order')
          const inOrder = { ...anyOrder, sorted: true, limitHint: random.below(40) }
          // A scan that was not prepared sorts, blocking, when it begins.
          if (random.below(2) === 0) await store.prepareScan(inOrder)
          t.is(firstDifference(readBatches(schema, store.batches(inOrder)), expected), undefined, 'key order')
          t.is(
            firstDifference(
              readBatches(schema, store.batches({ ...inOrder, reverse: true }), { reverse: true }),
              expected.slice().reverse(),
            ),
            undefined,
            'reverse',
          )
          t.is(firstDifference(readBatches(schema, store.batches(anyOrder)).sort(byKey), expected), undefined, 'any order, with runs')
        }
      }),
      { numRuns: 4 },
    )
  })

  test(`with ${name} keys, a job that thaws the cloned description reads the same rows`, (t) => {
    const chunks = new ChunkPool()
    for (const seed of [5, 6]) {
      const { store, model } = fill(schema, seed, { chunks, longStrings: true })
      const frozen = structuredClone(store.freeze())
      const rows = MemRows.thaw(frozen)
      const ids = Int32Array.from(model.keys()).reverse()
      const gather = new RowGather(rows, ids, 0, ids.length)
      const columns = schema.columns.map((_, position) => gather.column(position))
      const shown = model.map((_, i) => columns.map((vector, position) => valueAt(schema.columns[position] as ColumnSchema, vector, i)))
      t.is(
        firstDifference(
          shown.reverse(),
          model.map(({ row }) => row),
        ),
        undefined,
      )
      t.is(
        firstDifference(
          [...gather.timestamps()].reverse(),
          model.map(({ timestamp }) => timestamp),
        ),
        undefined,
      )
      store.release()
    }
  })
}

function randomRange(model: readonly ModelRow[], random: RandomTable['random']) {
  const bound = () => {
    if (model.length === 0 || random.below(3) === 0) return undefined
    const bytes = Buffer.from((model[random.below(model.length)] as ModelRow).keyHex, 'hex')
    return new Uint8Array(bytes.subarray(0, 1 + random.below(bytes.length)))
  }
  return { lower: bound(), upper: bound() }
}

test('strings and keys that straddle spans of memory come back whole', (t) => {
  const schema = schemaOf([{ kind: 'string' }, { kind: 'string' }], [0])
  const text = (i: number, length: number) => `${i}-${'abcdefghij'.repeat(length).slice(0, length)}`
  const rows = Array.from({ length: 900 }, (_, i) => [text(i, 1 + (i % 1900)), text(i, 3000 + i)])
  const { block, keys, hashes } = batchOf(schema, rows)
  const store = new MemRowSet({ schema, generation: 1, chunks: new ChunkPool() })
  store.append(block, keys, hashes, { timestamp: 1, opId: 1 })
  t.true(store.usedBytes > 2_500_000, 'several spans are needed, or nothing straddles')
  t.true(findAll(store, keys, hashes).every((row, i) => row === i))
  const scanned = readBatches(schema, store.batches({ timestamp: 1, range: openRange, sorted: true }))
  t.is(
    firstDifference(
      scanned.map(({ row }) => row),
      rows.slice().sort((a, b) => ((a[0] as string) < (b[0] as string) ? -1 : 1)),
    ),
    undefined,
  )
})

test('int64 columns show doubles while values fit them, and 64-bit integers where they do not', (t) => {
  const schema = schemaOf([{ kind: 'int32' }, { kind: 'int64' }], [0])
  const store = new MemRowSet({ schema, generation: 1, chunks: new ChunkPool() })
  const append = (from: number, values: readonly bigint[], timestamp: number) => {
    const { block, keys, hashes } = batchOf(
      schema,
      values.map((value, i) => [from + i, value]),
    )
    store.append(block, keys, hashes, { timestamp, opId: timestamp })
  }
  const scan = (rowCount: number) => {
    const [batch] = [...store.batches({ timestamp: 9, range: openRange, rowCount })]
    const vector = batch?.column(1)
    return vector?.form === 'fixed' ? vector.values : undefined
  }
  append(0, [1n, -(2n ** 53n), 2n ** 53n - 1n], 1)
  const before = scan(3)
  t.deepEqual(before, Float64Array.of(1, -(2 ** 53), 2 ** 53 - 1))
  append(3, [2n ** 53n + 1n, -(2n ** 63n)], 2)
  append(5, [7n], 3)
  t.deepEqual(scan(6), BigInt64Array.of(1n, -(2n ** 53n), 2n ** 53n - 1n, 2n ** 53n + 1n, -(2n ** 63n), 7n))
  t.deepEqual(scan(3), before, 'rows before the first wide value still fit doubles')
  t.deepEqual(before, Float64Array.of(1, -(2 ** 53), 2 ** 53 - 1), "a batch in somebody's hands does not change")
})

test('columns of fixed width are views of shared memory, not copies', (t) => {
  const { store } = fill(fixedKeySchema, 3)
  for (const batch of store.batches({ timestamp: 99, range: openRange })) {
    const vector = batch.column(4)
    t.true(vector.form === 'fixed' && vector.values.buffer instanceof SharedArrayBuffer)
  }
})

test('a scan goes on reading its rows after the store was dropped, until it lets go', (t) => {
  const chunks = new ChunkPool()
  const { store, model } = fill(fixedKeySchema, 21, { chunks })
  const batches = store.batches({ timestamp: 99, range: openRange })
  store.retain()
  store.release()
  const other = fill(fixedKeySchema, 22, { chunks })
  t.is(firstDifference(readBatches(fixedKeySchema, batches).sort(byKey), expectedRows(model, { timestamp: 99 })), undefined)
  const usedBytes = chunks.usedBytes
  store.release()
  t.true(chunks.usedBytes < usedBytes)
  other.store.release()
  t.is(chunks.usedBytes, 0)
  t.throws(() => store.retain(), { name: 'InvariantError' })
})

test('memory of a former store does not show through in a new one', (t) => {
  const chunks = new ChunkPool()
  fill(fixedKeySchema, 31, { chunks, longStrings: true }).store.release()
  fill(variableKeySchema, 32, { chunks, longStrings: true }).store.release()
  const { store, model } = fill(fixedKeySchema, 33, { chunks, longStrings: true })
  t.is(
    firstDifference(
      readBatches(fixedKeySchema, store.batches({ timestamp: 99, range: openRange })).sort(byKey),
      expectedRows(model, { timestamp: 99 }),
    ),
    undefined,
  )
})

test('an append that cannot get memory adds nothing, and the next one is as if it had not been', (t) => {
  const chunks = new ChunkPool()
  const { store, model, table } = fill(fixedKeySchema, 41, { chunks, batches: 3, longStrings: true })
  const acquire = chunks.acquire.bind(chunks)
  const rows = [...model]
  for (let failAt = 0; failAt < 4; failAt++) {
    const batch = table.batch(1200)
    const foundCount = () => findAll(store, batch.keys, batch.hashes).filter((row) => row >= 0).length
    let calls = 0
    chunks.acquire = (size) => {
      if (calls++ === failAt) throw new RangeError('no memory')
      return acquire(size)
    }
    let failed = false
    try {
      store.append(batch.block, batch.keys, batch.hashes, { timestamp: 50, opId: 50 })
    } catch {
      failed = true
    }
    chunks.acquire = acquire
    t.is(foundCount(), failed ? 0 : 1200)
    if (failed) {
      t.is(store.rowCount, rows.length)
      store.append(batch.block, batch.keys, batch.hashes, { timestamp: 50, opId: 50 })
    }
    batch.rows.forEach((row, i) => rows.push({ row, keyHex: batch.keyHexes[i] as string, timestamp: 50 }))
    t.is(foundCount(), 1200)
  }
  t.is(
    firstDifference(
      readBatches(fixedKeySchema, store.batches({ timestamp: 99, range: openRange })).sort(byKey),
      expectedRows(rows, { timestamp: 99 }),
    ),
    undefined,
  )
})

test('the oldest op id is the least that was appended, whatever the order', (t) => {
  const table = new RandomTable(variableKeySchema, 1)
  const store = new MemRowSet({ schema: variableKeySchema, generation: 4, chunks: new ChunkPool() })
  t.deepEqual([store.oldestOpId, store.newestTimestamp], [undefined, Number.NEGATIVE_INFINITY])
  for (const [opId, timestamp] of [
    [7, 70],
    [5, 90],
    [9, 80],
  ] as const) {
    const { block, keys, hashes } = table.batch(3)
    store.append(block, keys, hashes, { opId, timestamp })
  }
  const empty = table.batch(0)
  store.append(empty.block, empty.keys, empty.hashes, { opId: 1, timestamp: 1 })
  t.deepEqual([store.oldestOpId, store.newestTimestamp, store.generation], [5, 90, 4])
})

test('a frozen store refuses rows', (t) => {
  const { store, table } = fill(variableKeySchema, 2)
  store.freeze()
  const { block, keys, hashes } = table.batch(1)
  t.throws(() => store.append(block, keys, hashes, { timestamp: 1, opId: 1 }), { name: 'InvariantError' })
})

test('a store with a few rows takes a few slabs, not chunks', (t) => {
  const chunks = new ChunkPool()
  const table = new RandomTable(variableKeySchema, 1)
  const store = new MemRowSet({ schema: variableKeySchema, generation: 1, chunks })
  t.is(chunks.usedBytes, 0)
  const { block, keys, hashes } = table.batch(20)
  store.append(block, keys, hashes, { timestamp: 1, opId: 1 })
  t.true(chunks.usedBytes <= 4 * slabBytes)
  t.true(store.usedBytes >= chunks.usedBytes)
})

test('a store counts every byte that it took from the pool', (t) => {
  const chunks = new ChunkPool()
  const { store } = fill(fixedKeySchema, 51, { chunks, longStrings: true })
  const plainBytes = store.usedBytes - chunks.usedBytes
  t.true(plainBytes >= 0 && plainBytes < slabBytes, `${plainBytes} bytes beside the pool's`)
  store.release()
  t.is(store.usedBytes, 0)
})

test('scans of a narrow range look through all rows only until sorting them has paid', async (t) => {
  const { store, model, table } = fill(fixedKeySchema, 61, { batches: 10 })
  const lower = Buffer.from((model[5] as ModelRow).keyHex, 'hex').subarray(0, 8)
  const upper = Uint8Array.from(lower)
  upper[7] = (upper[7] as number) + 1
  const o = { timestamp: 99, range: { lower: new Uint8Array(lower), upper } }
  const expected = expectedRows(model, o)
  let looking = 0
  while (store.prepareScan(o) === undefined && looking < 100) {
    t.deepEqual(readBatches(fixedKeySchema, store.batches(o)).sort(byKey), expected)
    looking++
  }
  t.true(looking >= 10 && looking < 100, `${looking} scans without order`)
  await store.prepareScan({ ...o, sorted: true })
  const batches = [...store.batches(o)]
  t.deepEqual([batches.length, batches[0]?.sorted, batches[0]?.rowCount], [1, true, expected.length])

  const late = table.batch(50)
  store.append(late.block, late.keys, late.hashes, { timestamp: 50, opId: 50 })
  t.is(store.prepareScan(o), undefined, 'a few new rows are looked through')
  const all = [...model, ...late.rows.map((row, i) => ({ row, keyHex: late.keyHexes[i] as string, timestamp: 50 }))]
  t.deepEqual(readBatches(fixedKeySchema, store.batches(o)).sort(byKey), expectedRows(all, o))
})

test('several ordered scans at once, and a blocking one among them, all see everything in order', async (t) => {
  const { store, model, table } = fill(variableKeySchema, 71, { batches: 10 })
  const o = { timestamp: 99, range: openRange, sorted: true }
  const first = store.prepareScan(o)
  const second = store.prepareScan(o)
  t.truthy(first)
  const late = table.batch(900)
  store.append(late.block, late.keys, late.hashes, { timestamp: 50, opId: 50 })
  const all = [...model, ...late.rows.map((row, i) => ({ row, keyHex: late.keyHexes[i] as string, timestamp: 50 }))]
  const third = store.prepareScan(o)
  const expected = expectedRows(all, o)
  t.is(firstDifference(readBatches(variableKeySchema, store.batches(o)), expected), undefined, 'blocking')
  await Promise.all([first, second, third])
  t.is(firstDifference(readBatches(variableKeySchema, store.batches(o)), expected), undefined, 'afterwards')
  t.is(store.prepareScan(o), undefined)
})

test('a block without nulls leaves none behind where nulls of another store lay', (t) => {
  const schema = schemaOf([{ kind: 'int32' }, { kind: 'int32', nullable: true }], [0])
  const chunks = new ChunkPool()
  const append = (store: MemRowSet, from: number, value: number | null, count: number) => {
    const { block, keys, hashes } = batchOf(
      schema,
      Array.from({ length: count }, (_, i) => [from + i, value]),
    )
    store.append(block, keys, hashes, { timestamp: 1, opId: 1 })
  }
  const former = new MemRowSet({ schema, generation: 1, chunks })
  append(former, 0, null, 100)
  former.release()
  const store = new MemRowSet({ schema, generation: 2, chunks })
  append(store, 0, null, 1)
  append(store, 1, 7, 99)
  t.is(chunks.createdCount, 1)
  const out: ColumnValue[] = []
  for (let row = 0; row < 100; row++) {
    store.readRow(row, [1], out)
    t.is(out[0] as ColumnValue, row === 0 ? null : 7)
  }
})

test('the lowest and the highest key there can be lie in every range that is open on their side', (t) => {
  const schema = schemaOf([{ kind: 'int32' }], [0])
  const values = [-(2 ** 31), -1, 0, 2 ** 31 - 1]
  const { block, keys, hashes } = batchOf(
    schema,
    values.map((value) => [value]),
  )
  const store = new MemRowSet({ schema, generation: 1, chunks: new ChunkPool() })
  store.append(block, keys, hashes, { timestamp: 1, opId: 1 })
  const zero = Uint8Array.of(0x80, 0, 0, 0)
  for (const sorted of [false, true]) {
    const scan = (lower?: Uint8Array, upper?: Uint8Array) =>
      readBatches(schema, store.batches({ timestamp: 1, range: { lower, upper }, sorted })).map(({ row }) => row[0])
    t.deepEqual(scan(zero, undefined), [0, 2 ** 31 - 1])
    t.deepEqual(scan(undefined, zero), [-(2 ** 31), -1])
    t.deepEqual(scan(zero, Uint8Array.of(255, 255, 255, 255)), [0])
  }
})
