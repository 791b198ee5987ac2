import test from 'ava'
import fc from 'fast-check'
import type { FileMeta } from '../../src/manifest/version-edit.ts'
import { ChunkPool } from '../../src/rowset/chunk-pool.ts'
import { DiskRowSet, notInMemory } from '../../src/rowset/disk-rowset.ts'
import { flushRows } from '../../src/rowset/flush-rows.ts'
import { LookupMisses } from '../../src/rowset/lookup-misses.ts'
import { MemRowSet } from '../../src/rowset/mem-rowset.ts'
import type { ColumnVector } from '../../src/schema/column-vector.ts'
import { valueAt } from '../../src/schema/row-decoder.ts'
import type { ColumnSchema, ColumnValue, TableSchema } from '../../src/schema/table-schema.ts'
import { FileHandles } from '../../src/sstable/file-handles.ts'
import { MemoryVfs } from '../../src/vfs/memory-vfs.ts'
import { ForgetfulCache, MapCache } from './support/caches.ts'
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
  variableKeySchema,
} from './support/random-table.ts'

const path = '000007.sst'

/** A file of random rows, inserted at timestamps 1 to 5, and the model of it in key order. */
async function writtenTable(schema: TableSchema, seed: number, rowCount = 1500) {
  const table = new RandomTable(schema, seed)
  const store = new MemRowSet({ schema, generation: 1, chunks: new ChunkPool() })
  const model: ModelRow[] = []
  for (let i = 0; i < 5; i++) {
    const { block, keys, hashes, rows, keyHexes } = table.batch(rowCount / 5)
    store.append(block, keys, hashes, { timestamp: i + 1, opId: i + 1 })
    rows.forEach((row, at) => model.push({ row, keyHex: keyHexes[at] as string, timestamp: i + 1 }))
  }
  const vfs = new MemoryVfs()
  const { rowsets: written } = await flushRows({
    frozen: store.freeze(),
    rowsPerOutput: rowCount,
    outputs: [{ path }],
    vfs: vfs.handle(),
    rowsPerGroup: 128,
  })
  const summary = written[0]?.base
  if (summary === undefined) throw new Error('nothing was written')
  const { rows, sizeBytes, minTimestamp, maxTimestamp } = summary
  const meta: FileMeta = {
    fileNumber: 7,
    role: 'base',
    tableId: 1,
    tablet: 0,
    rowset: 7,
    sizeBytes,
    rows,
    minTimestamp,
    maxTimestamp,
    flushedThroughOp: 5,
    minKeyHex: Buffer.from(summary.minKey).toString('hex'),
    maxKeyHex: Buffer.from(summary.maxKey).toString('hex'),
  }
  return { table, vfs, meta, model: model.sort(byKey) }
}

function open(schema: TableSchema, vfs: MemoryVfs, meta: FileMeta, o: { cache?: MapCache | ForgetfulCache; onReleased?: () => void } = {}) {
  return new DiskRowSet({
    meta,
    schema,
    path,
    cache: o.cache ?? new MapCache(),
    files: new FileHandles(vfs),
    ...(o.onReleased && { onReleased: o.onReleased }),
  })
}

/** Asks again until the answer is there; more than four rounds would be an endless retry. */
async function settled<R>(ask: (misses: LookupMisses) => R | undefined, blocking: boolean): Promise<R> {
  const misses = new LookupMisses()
  for (let round = 0; round < 5; round++) {
    const answer = ask(misses)
    if (answer !== undefined) return answer
    if (blocking) misses.loadSync()
    else await misses.load()
  }
  throw new Error('the look-up gets no further')
}

for (const [name, schema] of [
  ['fixed', fixedKeySchema],
  ['variable', variableKeySchema],
] as const) {
  for (const [cacheName, makeCache] of [
    ['all', () => new MapCache()],
    ['nothing', () => new ForgetfulCache()],
  ] as const) {
    test(`with ${name} keys and a cache that keeps ${cacheName}, look-ups come to the right answer in a few rounds`, async (t) => {
      await fc.assert(
        fc.asyncProperty(fc.integer(), fc.boolean(), async (seed, blocking) => {
          const { table, vfs, meta, model } = await writtenTable(schema, seed)
          const rowset = open(schema, vfs, meta, { cache: makeCache() })
          const { random } = table
          const absent = table.batch(40)
          const present = Array.from({ length: 60 }, () => random.below(model.length))
          const asked = [...absent.rows.map((row) => ({ row, at: -1 })), ...present.map((at) => ({ row: (model[at] as ModelRow).row, at }))]
          const { keys, hashes } = batchOf(
            schema,
            asked.map(({ row }) => row),
          )

          const out = new Int32Array(asked.length)
          await settled((misses) => rowset.probe(keys, hashes, undefined, out, misses) === 0 || undefined, blocking)
          t.deepEqual(
            [...out],
            asked.map(({ at }) => at),
          )

          const first = await settled((misses) => answer(rowset.findFirst(keys, hashes, asked.length, misses)), blocking)
          t.is(first, 40)
          t.is(await settled((misses) => answer(rowset.findFirst(keys, hashes, 40, misses)), blocking), -1)

          for (let i = 35; i < 45; i++) {
            t.is(await settled((misses) => answer(rowset.find(keys, i, hashes[i] as number, misses)), blocking), asked[i]?.at as number)
          }
          for (let i = 0; i < 10; i++) {
            const at = random.below(model.length)
            const { row, timestamp } = model[at] as ModelRow
            t.deepEqual(await settled((misses) => readVectors(rowset, schema, at, misses), blocking), row as ColumnValue[])
            const asOf = random.below(7)
            t.is(await settled((misses) => rowset.isVisible(at, asOf, misses), blocking), timestamp <= asOf)
          }
        }),
        { numRuns: 3 },
      )
    })
  }

  test(`with ${name} keys, a scan sees the rows of its snapshot and range, forwards and backwards`, async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const { table, vfs, meta, model } = await writtenTable(schema, seed)
        const { random } = table
        const rowset = open(schema, vfs, meta)
        for (let round = 0; round < 8; round++) {
          const o = { timestamp: random.below(7), range: randomRange(model, random), sorted: true }
          await rowset.prepareScan(o)
          const expected = expectedRows(model, o)
          t.is(firstDifference(readBatches(schema, rowset.batches(o)), expected), undefined)
          t.is(
            firstDifference(readBatches(schema, rowset.batches({ ...o, reverse: true }), { reverse: true }), expected.reverse()),
            undefined,
          )
        }
      }),
      { numRuns: 4 },
    )
  })
}

function answer(found: number): number | undefined {
  return found === notInMemory ? undefined : found
}

function readVectors(rowset: DiskRowSet, schema: TableSchema, row: number, misses: LookupMisses): ColumnValue[] | undefined {
  const vectors: ColumnVector[] = []
  const positions = schema.columns.map((_, position) => position)
  const index = rowset.vectorsAt(row, positions, vectors, misses)
  return index < 0 ? undefined : schema.columns.map((column: ColumnSchema, i) => valueAt(column, vectors[i] as ColumnVector, index))
}

function randomRange(model: readonly ModelRow[], random: RandomTable['random']) {
  const bound = () => {
    if (random.below(3) === 0) return undefined
    const bytes = Buffer.from((model[random.below(model.length)] as ModelRow).keyHex, 'hex')
    return new Uint8Array(bytes.subarray(0, 1 + random.below(bytes.length)))
  }
  return { lower: bound(), upper: bound() }
}

test('a scan reads only the columns that it asks for, and keys only where a bound cuts a group', async (t) => {
  const { vfs, meta, model } = await writtenTable(fixedKeySchema, 5)
  const cache = new MapCache()
  const rowset = open(fixedKeySchema, vfs, meta, { cache })
  const lower = new Uint8Array(Buffer.from((model[200] as ModelRow).keyHex, 'hex'))
  const o = { timestamp: 9, range: { lower, upper: undefined } }
  await rowset.prepareScan(o)
  const batches = [...rowset.batches(o)]
  t.is(batches.length, 11)
  for (const batch of batches) await batch.prepare({ columns: [4] })
  // One block a group, and for the first group the three key columns and the keys made of them.
  t.is(cache.size, 11 + 3 + 1)
  t.deepEqual(
    batches.map((batch) => batch.selection()?.length),
    [56, ...new Array(10).fill(undefined)],
  )
  t.is(batches[0]?.prepare({ columns: [4] }), undefined)
})

test('bounds that are the first or the last key of a group, or of the file, cut exactly there', async (t) => {
  const { vfs, meta, model } = await writtenTable(fixedKeySchema, 12)
  const rowset = open(fixedKeySchema, vfs, meta)
  const keyAt = (i: number) => new Uint8Array(Buffer.from((model[i] as ModelRow).keyHex, 'hex'))
  const places = [0, 1, 127, 128, 129, 1279, 1280, 1498, 1499]
  for (const from of places) {
    for (const to of places) {
      const range = { lower: keyAt(from), upper: keyAt(to) }
      const rows = readBatches(fixedKeySchema, rowset.batches({ timestamp: 9, range }))
      t.is(firstDifference(rows, expectedRows(model.slice(from, to), { timestamp: 9 })), undefined, `from ${from} to ${to}`)
    }
  }
})

test('a group that no snapshot row lies in is left out without reading it', async (t) => {
  const { vfs, meta } = await writtenTable(variableKeySchema, 6)
  const rowset = open(variableKeySchema, vfs, meta)
  t.deepEqual([...rowset.batches({ timestamp: 0, range: openRange })], [])
})

test('what was loaded stays with a batch though the cache keeps nothing', async (t) => {
  const { vfs, meta, model } = await writtenTable(fixedKeySchema, 8)
  const rowset = open(fixedKeySchema, vfs, meta, { cache: new ForgetfulCache() })
  const rows = readBatches(fixedKeySchema, rowset.batches({ timestamp: 3, range: openRange }))
  t.is(firstDifference(rows, expectedRows(model, { timestamp: 3 })), undefined)
})

test('the file is released once, when the last user lets go', async (t) => {
  const { vfs, meta } = await writtenTable(variableKeySchema, 9)
  let released = 0
  const rowset = open(variableKeySchema, vfs, meta, { onReleased: () => released++ })
  await rowset.warm()
  rowset.retain()
  rowset.release()
  t.is(released, 0)
  rowset.release()
  t.is(released, 1)
  t.throws(() => rowset.release(), { name: 'InvariantError' })
  t.throws(() => rowset.retain(), { name: 'InvariantError' })
})

test('a read that fails rejects, and succeeds when asked again', async (t) => {
  const { vfs, meta, model } = await writtenTable(variableKeySchema, 10)
  const rowset = open(variableKeySchema, vfs, meta)
  const { keys, hashes } = batchOf(variableKeySchema, [(model[3] as ModelRow).row])
  const misses = new LookupMisses()
  t.is(rowset.find(keys, 0, hashes[0] as number, misses), notInMemory)
  const fault = vfs.inject({ op: 'read', error: 'EIO' })
  await t.throwsAsync(misses.load(), { code: 'EIO' })
  fault[Symbol.dispose]()
  t.is(await settled((again) => answer(rowset.find(keys, 0, hashes[0] as number, again)), false), 3)
})

test('a rowset dropped while a look-up loads stays until it has loaded, and one dropped before is left alone', async (t) => {
  const { vfs, meta, model } = await writtenTable(variableKeySchema, 13)
  let released = 0
  const rowset = open(variableKeySchema, vfs, meta, { onReleased: () => released++ })
  const { keys, hashes } = batchOf(variableKeySchema, [(model[3] as ModelRow).row])
  const misses = new LookupMisses()
  rowset.find(keys, 0, hashes[0] as number, misses)
  const loading = misses.load()
  rowset.release()
  t.is(released, 0)
  await loading
  t.is(released, 1)
  await misses.load()
  misses.loadSync()
  t.is(released, 1)
  t.false(rowset.tryRetain())
})
