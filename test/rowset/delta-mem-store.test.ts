import test from 'ava'
import fc from 'fast-check'
import { SeededRandom } from '../../src/base/seeded-random.ts'
import { ChunkPool, slabBytes } from '../../src/rowset/chunk-pool.ts'
import { deltaKeys } from '../../src/rowset/delta-keys.ts'
import { DeltaMemStore } from '../../src/rowset/delta-mem-store.ts'
import { deltaOps, deltaSchema } from '../../src/rowset/delta-schema.ts'
import { MemDeltaRun } from '../../src/rowset/mem-delta-run.ts'
import { MemRows } from '../../src/rowset/mem-rows.ts'
import type { DeltaRun } from '../../src/rowset/row-changes.ts'
import { sortRows } from '../../src/rowset/sort-rows.ts'
import type { ColumnVector } from '../../src/schema/column-vector.ts'
import { encodeKeys } from '../../src/schema/key-encoding.ts'
import { valueAt } from '../../src/schema/row-decoder.ts'
import type { ColumnSchema, ColumnValue, TableSchema } from '../../src/schema/table-schema.ts'
import { allPositions, byRowAndTime, RandomChanges, readRun, withoutOpIds } from './support/random-changes.ts'
import { batchOf, firstDifference, fixedKeySchema, schemaOf, variableKeySchema } from './support/random-table.ts'

const rowCount = 30_000

interface Filled {
  readonly store: DeltaMemStore
  readonly changes: RandomChanges
}

function fill(schema: TableSchema, seed: number, o: { chunks?: ChunkPool; blocks?: number; rowCount?: number } = {}): Filled {
  const store = new DeltaMemStore({ base: schema, chunks: o.chunks ?? new ChunkPool() })
  const changes = new RandomChanges(schema, seed, o.rowCount ?? rowCount)
  grow({ store, changes }, o.blocks ?? 12)
  return { store, changes }
}

function grow({ store, changes }: Filled, blocks: number): void {
  for (let i = 0; i < blocks; i++) {
    const { block, selection } = changes.block(i % 3 === 0 ? 1 : 400)
    store.append(block, selection)
  }
}

function prepared(schema: TableSchema, run: DeltaRun): DeltaRun {
  run.prepareSync(allPositions(schema))
  return run
}

for (const [name, schema] of [
  ['fixed', fixedKeySchema],
  ['variable', variableKeySchema],
] as const) {
  test(`with ${name} keys, a run has the changes of its rows and no others, as they were when it was opened`, (t) => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const filled = fill(schema, seed)
        const { store, changes } = filled
        for (let round = 0; round < 4; round++) {
          const [from, to] = changes.range()
          const run = store.open(from, to)
          const expected = withoutOpIds(changes.changesIn(from, to))
          t.is(store.countIn(from, to), expected.length)
          grow(filled, 4)
          t.is(firstDifference(readRun(schema, prepared(schema, run)), expected), undefined)
        }
      }),
      { numRuns: 8 },
    )
  })

  test(`with ${name} keys, each change leads to the one of its row before it, and is read without the others`, (t) => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const { store, changes } = fill(schema, seed)
        const positions = allPositions(schema)
        for (let row = 0; row < 40; row++) {
          const found = []
          for (let change = store.latestOf(row); change >= 0; change = store.previousOf(change)) {
            t.is(store.rowOf(change), row)
            const values: ColumnValue[] = []
            store.readRow(change, positions, values)
            const vectors: ColumnVector[] = []
            const indexes: number[] = []
            store.vectorsAt(change, positions, vectors, indexes)
            const same = positions.map((position) => {
              const column = { ...(schema.columns[position] as ColumnSchema), nullable: true }
              return valueAt(column, vectors[position] as ColumnVector, indexes[position] as number)
            })
            t.deepEqual(same, values)
            found.unshift({
              row,
              time: store.timeOf(change),
              op: store.opOf(change),
              opId: store.opIdOf(change),
              values: positions.map((position) => (store.isSetAt(change, position) ? values[position] : undefined)),
            })
          }
          t.is(firstDifference(found, changes.changesIn(row, row + 1)), undefined)
        }
      }),
      { numRuns: 8 },
    )
  })

  test(`with ${name} keys, a frozen store is thawed with every change, in order of row and time once sorted`, (t) => {
    const { store, changes } = fill(schema, 5)
    const rows = MemRows.thaw(structuredClone(store.freeze()))
    const run = prepared(schema, new MemDeltaRun(rows, deltaSchema(schema), sortRows(rows, 0, rows.rowCount)))
    t.is(firstDifference(readRun(schema, run), withoutOpIds(changes.changesIn(0, rowCount))), undefined)
    t.deepEqual(
      Array.from(run.rows, (row, i) => [row, run.times[i]]),
      changes.changesIn(0, rowCount).map(({ row, time }) => [row, time]),
    )
  })
}

test('changes of single rows come in the order of the rows asked for', (t) => {
  const { store, changes } = fill(fixedKeySchema, 8)
  const asked = Int32Array.of(7, 29_999, 3, 12_000, 0)
  const run = prepared(fixedKeySchema, store.openRows(asked))
  const expected = [...asked].flatMap((row) => changes.changesIn(row, row + 1))
  t.deepEqual(
    Array.from(run.rows, (row, i) => ({ row, time: run.times[i] })),
    expected.map(({ row, time }) => ({ row, time })),
  )
  t.is(firstDifference(readRun(fixedKeySchema, run), withoutOpIds([...expected].sort(byRowAndTime))), undefined)
})

test('changes carried over to another store, in blocks, are the same there', (t) => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const { store, changes } = fill(fixedKeySchema, seed, { rowCount: 500 })
      const cut = 1000 + changes.random.below(12)
      const target = new DeltaMemStore({ base: fixedKeySchema, chunks: new ChunkPool() })
      for (const block of store.blocks(store.changesSince(cut))) target.append(block)
      const later = changes.model.filter(({ opId }) => opId > cut)
      const run = prepared(fixedKeySchema, target.open(0, rowCount))
      t.is(firstDifference(readRun(fixedKeySchema, run), withoutOpIds([...later].sort(byRowAndTime))), undefined)
      t.deepEqual(
        [...target.changesSince()].map((change) => target.opIdOf(change)),
        later.map(({ opId }) => opId),
      )
      t.is(target.oldestOpId, later[0]?.opId)
    }),
    { numRuns: 8 },
  )
})

test('changes of one time that differ in op, op id or columns come in blocks of their own', (t) => {
  const table = schemaOf([{ kind: 'int32' }, { kind: 'string', nullable: true }, { kind: 'double' }], [0])
  const store = new DeltaMemStore({ base: table, chunks: new ChunkPool() })
  const { block } = batchOf(table, [[1, null, 0.5]])
  const kinds = [
    { op: 'update', opId: 1, positions: [0, 1] },
    { op: 'update', opId: 1, positions: [0, 2] },
    { op: 'update', opId: 2, positions: [0, 2] },
    { op: 'delete', opId: 2, positions: [0] },
  ] as const
  for (const [i, { op, opId, positions }] of [...kinds, kinds[0]].entries()) {
    for (const row of [2 * i, 2 * i + 1]) {
      const values = { rowCount: 1, columns: positions.map((position) => block.columns[position] as ColumnVector) }
      store.append({ op, opId, positions, timestamp: 5, rows: Int32Array.of(row), values })
    }
  }
  t.deepEqual(
    [...store.blocks(store.changesSince())].map(({ op, opId, positions, rows }) => ({ op, opId, positions, rows: [...rows] })),
    [...kinds, kinds[0]].map((kind, i) => ({ ...kind, positions: [...kind.positions], rows: [2 * i, 2 * i + 1] })),
  )
})

test('what a store says of itself is so of its changes', (t) => {
  const empty = new DeltaMemStore({ base: fixedKeySchema, chunks: new ChunkPool() })
  t.like(empty, {
    changeCount: 0,
    minTime: Infinity,
    maxTime: -Infinity,
    mayKill: false,
    oldestOpId: undefined,
    usedBytes: empty.usedBytes,
  })
  t.is(empty.countIn(0, 1e6), 0)
  t.is(prepared(fixedKeySchema, empty.open(0, 1e6)).column(10).length, 0)
  t.is(empty.latestOf(5), -1)

  const table = schemaOf([{ kind: 'int32' }, { kind: 'string', nullable: true }, { kind: 'double' }], [0])
  const store = new DeltaMemStore({ base: table, chunks: new ChunkPool() })
  const { block } = batchOf(table, [
    [1, null, 0.5],
    [2, 'b', 1.5],
  ])
  const [key, text] = block.columns as [ColumnVector, ColumnVector, ColumnVector]
  const rows = Int32Array.of(10, 20)
  store.append({ op: 'update', timestamp: 7, opId: 3, rows, values: { rowCount: 2, columns: [key, text] }, positions: [0, 1] })
  t.deepEqual(
    [0, 1, 2].map((position) => store.mayUpdate(position)),
    [false, true, false],
  )
  t.false(store.mayKill)
  const run = prepared(table, store.open(0, 100))
  t.true(run.isSet(1, 0), 'set to null')
  t.false(run.isSet(2, 0), 'not set')
  store.append({ op: 'delete', timestamp: 8, opId: 2, rows, values: { rowCount: 2, columns: [key] }, positions: [0] }, Int32Array.of(1))
  t.true(store.mayKill)
  t.like(store, { changeCount: 3, minTime: 7, maxTime: 8, newestTimestamp: 8, oldestOpId: 2 })
  t.is(store.opOf(store.latestOf(20)), deltaOps.delete)
  t.is(store.opOf(store.latestOf(10)), deltaOps.update)
})

test('a change that is not newer than the last of its row is refused, and so is any once the store is frozen', (t) => {
  const table = schemaOf([{ kind: 'int32' }], [0])
  const store = new DeltaMemStore({ base: table, chunks: new ChunkPool() })
  const { block } = batchOf(table, [[1]])
  const change = (row: number, timestamp: number) =>
    store.append({ op: 'delete', timestamp, opId: 1, rows: Int32Array.of(row), values: block, positions: [0] })
  change(5, 10)
  change(6, 9)
  t.throws(() => change(5, 10), { name: 'InvariantError' })
  t.throws(() => change(5, 9), { name: 'InvariantError' })
  t.is(store.changeCount, 2)
  store.freeze()
  t.throws(() => change(7, 11), { name: 'InvariantError' })
})

test('each row of a block of rows is found, however many of them have changed', (t) => {
  const table = schemaOf([{ kind: 'int32' }], [0])
  const store = new DeltaMemStore({ base: table, chunks: new ChunkPool() })
  const { block } = batchOf(
    table,
    Array.from({ length: 8192 }, (_, i) => [i]),
  )
  for (let step = 0; step < 8; step++) {
    const rows = Int32Array.from({ length: 1024 }, (_, i) => 8192 + i * 8 + step)
    store.append({ op: 'delete', timestamp: step + 1, opId: 1, rows, values: block, positions: [0] })
    const last = store.changeCount - 1024
    t.true(rows.every((row, i) => store.latestOf(row) === last + i))
    if (step < 7) t.is(store.latestOf(8192 + step + 1), -1)
  }
  for (let row = 8192; row < 16384; row++) if (store.rowOf(store.latestOf(row)) !== row) t.fail(`row ${row} is not found`)
  t.is(store.countIn(8192, 16384), 8192)
  t.is(store.countIn(8000, 8300), 108)
})

test('changes are counted right in any range, whether they are few in their block or many', (t) => {
  const table = schemaOf([{ kind: 'int32' }], [0])
  const store = new DeltaMemStore({ base: table, chunks: new ChunkPool() })
  const random = new SeededRandom(7)
  const changed: number[] = []
  // The first block gets many changes, the second few.
  for (let step = 0; step < 400; step++) {
    const row = step % 20 === 0 ? 8192 + random.below(8192) : random.below(8192)
    const { block } = batchOf(table, [[row]])
    store.append({ op: 'delete', timestamp: step + 1, opId: 1, rows: Int32Array.of(row), values: block, positions: [0] })
    changed.push(row)
    const size = 128 << random.below(8)
    const from = random.below(16384 / size) * size
    const ragged = random.below(size)
    for (const [first, end] of [
      [from, from + size],
      [from, from + ragged],
      [from + ragged, from + size],
      [0, 16384],
    ] as const) {
      const expected = changed.filter((other) => other >= first && other < end).length
      if (store.countIn(first, end) !== expected) t.fail(`${store.countIn(first, end)} of ${expected} in [${first} .. ${end})`)
    }
  }
  t.is(store.countIn(0, 8192), 380)
})

test('every byte of memory returns to the pool with the last reference, and every byte is counted before', (t) => {
  const chunks = new ChunkPool()
  const { store } = fill(fixedKeySchema, 11, { chunks, blocks: 40 })
  t.true(store.usedBytes > chunks.usedBytes, 'spans and the index')
  t.true(store.usedBytes < chunks.usedBytes + store.changeCount * 64 + slabBytes)
  store.retain()
  store.release()
  t.true(chunks.usedBytes > 0)
  store.release()
  t.is(chunks.usedBytes, 0)
  t.is(store.usedBytes, 0)
  t.throws(() => store.retain(), { name: 'InvariantError' })
  t.throws(() => store.release(), { name: 'InvariantError' })
})

test('what former users of the memory left there does not show where a column is not set', (t) => {
  const chunks = new ChunkPool()
  for (let round = 0; round < 4; round++) {
    const schema = round % 2 === 0 ? fixedKeySchema : variableKeySchema
    const { store, changes } = fill(schema, round, { chunks })
    const run = prepared(schema, store.open(0, rowCount))
    t.is(firstDifference(readRun(schema, run), withoutOpIds(changes.changesIn(0, rowCount))), undefined)
    for (const position of allPositions(schema)) {
      const vector = run.column(position)
      t.is(
        Array.from(run.rows, (_, i) => i).find((i) => vector.nulls?.[i] === 1 && !hasZeroAt(vector, i)),
        undefined,
      )
    }
    store.release()
  }
})

/** Whether a value is what a null has in its place. */
function hasZeroAt(vector: ColumnVector, i: number): boolean {
  if (vector.form === 'fixed') return Number(vector.values[i]) === 0
  return vector.form === 'bytes' && vector.offsets[i] === vector.offsets[i + 1]
}

test('an append that cannot get memory adds nothing, and the next one is as if it had not been', (t) => {
  const chunks = new ChunkPool()
  const filled = fill(fixedKeySchema, 3, { chunks, blocks: 6 })
  const { store, changes } = filled
  const { acquire } = chunks
  chunks.acquire = () => {
    throw new RangeError('Array buffer allocation failed')
  }
  for (let failed = false; !failed; ) {
    const before = changes.model.length
    const { block, selection } = changes.block(400)
    try {
      store.append(block, selection)
    } catch {
      failed = true
      changes.model.length = before
    }
    t.is(store.changeCount, changes.model.length)
  }
  chunks.acquire = acquire
  grow(filled, 3)
  const run = prepared(fixedKeySchema, store.open(0, rowCount))
  t.is(firstDifference(readRun(fixedKeySchema, run), withoutOpIds(changes.changesIn(0, rowCount))), undefined)
})

test('keys of changes are those of the delta schema', (t) => {
  const { schema } = deltaSchema(fixedKeySchema)
  const rows = Int32Array.of(0, 5, 2 ** 31 - 1, 7)
  const times = Float64Array.of(0, 2 ** 53 - 1, 2 ** 32, 1_700_000_000_000_000)
  const columns = [rows, times].map((values) => ({ form: 'fixed', length: 4, values, nulls: undefined }) as const)
  t.deepEqual(deltaKeys(rows, times), encodeKeys(schema, { rowCount: 4, columns }))
  t.deepEqual(deltaKeys(rows, 77), deltaKeys(rows, new Float64Array(4).fill(77)))
})
