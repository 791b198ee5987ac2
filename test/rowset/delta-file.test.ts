import test from 'ava'
import fc from 'fast-check'
import type { FileMeta } from '../../src/manifest/version-edit.ts'
import { ChunkPool } from '../../src/rowset/chunk-pool.ts'
import { DeltaFile } from '../../src/rowset/delta-file.ts'
import type { DeltaFileSummary, DeltaFileWriteOptions } from '../../src/rowset/delta-file-writer.ts'
import { DeltaMemStore } from '../../src/rowset/delta-mem-store.ts'
import { deltaOps, deltaPositions } from '../../src/rowset/delta-schema.ts'
import { RowGather } from '../../src/rowset/mem-gather.ts'
import { MemRows } from '../../src/rowset/mem-rows.ts'
import type { DeltaRun } from '../../src/rowset/row-changes.ts'
import { sortRows } from '../../src/rowset/sort-rows.ts'
import { deltaFileRows, type PlainChange, writeDeltaFile } from '../../src/rowset/write-delta-file.ts'
import type { FixedVector, RowBlock } from '../../src/schema/column-vector.ts'
import type { TableSchema } from '../../src/schema/table-schema.ts'
import { sliceBlock } from '../../src/schema/vector-ops.ts'
import { FileHandles } from '../../src/sstable/file-handles.ts'
import { MemoryVfs } from '../../src/vfs/memory-vfs.ts'
import { ForgetfulCache, MapCache } from './support/caches.ts'
import { allPositions, byRowAndTime, RandomChanges, readRun, withoutOpIds } from './support/random-changes.ts'
import { firstDifference, fixedKeySchema, schemaOf, variableKeySchema } from './support/random-table.ts'

const path = '000013.delta'
const rowCount = 30_000

interface Written {
  readonly vfs: MemoryVfs
  readonly meta: FileMeta
  readonly summary: DeltaFileSummary
}

async function write(schema: TableSchema, blocks: Iterable<RowBlock>, o: DeltaFileWriteOptions = {}): Promise<Written> {
  const vfs = new MemoryVfs()
  const summary = await writeDeltaFile(await vfs.create(path), schema, blocks, o)
  return { vfs, meta: metaOf(summary), summary }
}

function metaOf({ minKey, maxKey, ...summary }: DeltaFileSummary): FileMeta {
  const hex = (key: Uint8Array) => Buffer.from(key).toString('hex')
  const place = { fileNumber: 13, role: 'redo', tableId: 1, tablet: 0, rowset: 7, flushedThroughOp: 5 } as const
  return { ...place, ...summary, minKeyHex: hex(minKey), maxKeyHex: hex(maxKey) }
}

function open(base: TableSchema, { vfs, meta }: Written, o: { cache?: MapCache; onReleased?: () => void } = {}): DeltaFile {
  return new DeltaFile({ meta, base, path, cache: new MapCache(), files: new FileHandles(vfs), ...o })
}

/** Random changes, in order of row and time. */
function randomChanges(schema: TableSchema, seed: number, blocks = 12): RandomChanges {
  const changes = new RandomChanges(schema, seed, rowCount)
  for (let i = 0; i < blocks; i++) changes.block(300)
  changes.model.sort(byRowAndTime)
  return changes
}

async function prepare(run: DeltaRun, positions: readonly number[], blocking: boolean): Promise<DeltaRun> {
  if (blocking) run.prepareSync(positions)
  else await run.prepare(positions)
  return run
}

function changesOf(rows: readonly [row: number, time: number][]): PlainChange[] {
  return rows.map(([row, time]) => ({ row, time, op: deltaOps.update, values: [row, time % 2 === 0 ? null : `at ${time}`, undefined] }))
}

const small = schemaOf([{ kind: 'int32' }, { kind: 'string', nullable: true }, { kind: 'double' }], [0])

for (const [name, schema] of [
  ['fixed', fixedKeySchema],
  ['variable', variableKeySchema],
] as const) {
  for (const [cacheName, makeCache] of [
    ['all', () => new MapCache()],
    ['nothing', () => new ForgetfulCache()],
  ] as const) {
    test(`with ${name} keys and a cache that keeps ${cacheName}, runs have the changes of their rows and no others`, async (t) => {
      await fc.assert(
        fc.asyncProperty(fc.integer(), fc.boolean(), async (seed, blocking) => {
          const changes = randomChanges(schema, seed)
          const { random } = changes
          const rows = deltaFileRows(schema, changes.model)
          const cut = random.below(rows.rowCount)
          const parts = [sliceBlock(rows, 0, cut), sliceBlock(rows, cut, rows.rowCount)]
          const file = open(schema, await write(schema, parts, { rowsPerGroup: 1 + random.below(200) }), { cache: makeCache() })
          const single = (changes.model[random.below(changes.model.length)] as { row: number }).row
          for (const [from, to] of [changes.range(), changes.range(), [0, 8192], [single, single + 1], [0, rowCount]] as const) {
            const run = await prepare(file.open(from, to), allPositions(schema), blocking)
            const expected = withoutOpIds(changes.changesIn(from, to))
            t.is(run.count, expected.length)
            t.is(firstDifference(readRun(schema, run), expected), undefined)
            t.true(to - from === 1 || file.countIn(from, to) === expected.length)
          }
        }),
        { numRuns: 6 },
      )
    })
  }

  test(`with ${name} keys, a file written from a frozen store has what the store has`, async (t) => {
    const store = new DeltaMemStore({ base: schema, chunks: new ChunkPool() })
    const changes = new RandomChanges(schema, 21, rowCount)
    for (let i = 0; i < 10; i++) {
      const { block, selection } = changes.block(500)
      store.append(block, selection)
    }
    const rows = MemRows.thaw(structuredClone(store.freeze()))
    const gather = new RowGather(rows, sortRows(rows, 0, rows.rowCount), 0, rows.rowCount)
    const columns = rows.schema.columns.map((_, position) => gather.column(position))
    const written = await write(schema, [{ rowCount: gather.count, columns }], { rowsPerGroup: 128 })
    const file = open(schema, written)
    const run = await prepare(file.open(0, rowCount), allPositions(schema), true)
    t.is(firstDifference(readRun(schema, run), withoutOpIds(changes.changesIn(0, rowCount))), undefined)
    t.like(file, { changeCount: store.changeCount, minTime: store.minTime, maxTime: store.maxTime, mayKill: store.mayKill })
  })
}

test('what is known of a file before it is opened is so of its changes', async (t) => {
  const changes = randomChanges(fixedKeySchema, 3)
  const { model } = changes
  const written = await write(fixedKeySchema, [deltaFileRows(fixedKeySchema, model)], { rowsPerGroup: 100 })
  const counted = (test: (change: PlainChange) => boolean) => model.filter(test).length
  const updates = allPositions(fixedKeySchema)
    .filter((position) => !fixedKeySchema.keyColumns.includes(position))
    .map((position) => [position + 1, counted(({ values }) => values[position] !== undefined)])
  t.deepEqual(written.summary.deltas, {
    updates: updates as [number, number][],
    deletes: counted(({ op }) => op === deltaOps.delete),
    lives: counted(({ op }) => op === deltaOps.live),
    minRow: model[0]?.row as number,
    maxRow: model.at(-1)?.row as number,
  })
  const times = model.map(({ time }) => time)
  t.is(written.meta.minTimestamp, Math.min(...times))
  t.is(written.meta.maxTimestamp, Math.max(...times))
  const file = open(fixedKeySchema, written)
  t.is(file.countIn(0, rowCount), model.length)
  t.is(file.countIn(rowCount, 2 * rowCount), 0)
  const { minRow, maxRow } = written.summary.deltas
  t.is(file.countIn(minRow, maxRow + 1), model.length)
  t.is(file.countIn(minRow, maxRow), undefined)
  t.is(file.countIn(minRow + 1, rowCount), undefined)
  t.is(file.open(rowCount, 2 * rowCount).prepare([5]), undefined, 'nothing to wait for')
  t.false(file.reader.isOpen)
})

test('a file of mere updates says which columns they are of, and that nothing dies', async (t) => {
  const file = open(
    small,
    await write(small, [
      deltaFileRows(
        small,
        changesOf([
          [4, 1],
          [9, 2],
        ]),
      ),
    ]),
  )
  t.false(file.mayKill)
  t.deepEqual(
    [0, 1, 2].map((position) => file.mayUpdate(position)),
    [false, true, false],
  )
  const { deltas: _, ...bare } = file.meta
  const unknown = open(small, { vfs: new MemoryVfs(), meta: bare, summary: {} as DeltaFileSummary })
  t.true(unknown.mayKill)
  t.true(unknown.mayUpdate(2))
})

test('set to null is told from not set', async (t) => {
  const file = open(
    small,
    await write(small, [
      deltaFileRows(
        small,
        changesOf([
          [4, 1],
          [4, 2],
        ]),
      ),
    ]),
  )
  const run = await prepare(file.open(4, 5), [1, 2], true)
  t.deepEqual([run.isSet(1, 0), run.isSet(1, 1), run.isSet(2, 0)], [true, true, false])
  t.deepEqual([run.column(1).nulls?.[0] ?? 0, run.column(1).nulls?.[1]], [0, 1])
})

test('the changes of a row that go on over several row groups are all found', async (t) => {
  const rows = [
    [3, 1],
    [7, 1],
    [7, 2],
    [7, 3],
    [7, 4],
    [7, 5],
    [8, 1],
    [9, 9],
  ] as [number, number][]
  const file = open(small, await write(small, [deltaFileRows(small, changesOf(rows))], { rowsPerGroup: 2 }))
  for (const [from, to] of [
    [7, 8],
    [0, 7],
    [0, 8],
    [8, 10],
    [4, 7],
    [3, 4],
    [9, 10],
  ] as const) {
    const run = await prepare(file.open(from, to), [1], false)
    t.deepEqual(
      Array.from(run.rows, (row, i) => [row, run.times[i]]),
      rows.filter(([row]) => row >= from && row < to),
    )
  }
})

test('a file written before columns came and went is read by the ids of those that there are', async (t) => {
  const changes = randomChanges(fixedKeySchema, 4)
  const written = await write(fixedKeySchema, [deltaFileRows(fixedKeySchema, changes.model)], { rowsPerGroup: 64 })
  // Column 4 (int8) and 11 (string) are gone, and two have come.
  const kept = fixedKeySchema.columns.filter(({ id }) => id !== 4 && id !== 11)
  const added = [
    { id: 13, name: 'note', kind: 'string', nullable: true, mode: 'bigint' },
    { id: 14, name: 'rate', kind: 'double', nullable: false, mode: 'bigint', default: 0.5 },
  ] as const
  const schema: TableSchema = { ...fixedKeySchema, columns: [...kept, ...added], version: 2, nextColumnId: 15 }
  const file = open(schema, written)
  t.true(file.mayUpdate(10), 'a reinsert may set it')
  const run = await prepare(file.open(0, rowCount), allPositions(schema), false)
  const expected = changes.changesIn(0, rowCount).map((change) => ({
    ...change,
    values: schema.columns.map(({ id }) => (id > 12 ? undefined : change.values[id - 1])),
  }))
  t.is(firstDifference(readRun(schema, run), withoutOpIds(expected)), undefined)
  t.deepEqual(
    allPositions(schema).filter((position) => !run.knows(position)),
    [10, 11],
  )
})

test('what is in memory is taken without a load, and what is not starts none', async (t) => {
  const changes = randomChanges(fixedKeySchema, 6)
  const cache = new MapCache()
  const file = open(fixedKeySchema, await write(fixedKeySchema, [deltaFileRows(fixedKeySchema, changes.model)]), { cache })
  t.false(file.open(0, 8192).prepareCached([5]))
  t.false(file.reader.isOpen)
  await file.warm()
  t.false(file.open(0, 8192).prepareCached([5]))
  t.is(cache.size, 0)
  await file.open(0, 8192).prepare([5])
  const run = file.open(0, 8192)
  t.true(run.prepareCached([5]))
  t.is(run.count, changes.changesIn(0, 8192).length)
  t.false(run.prepareCached([5, 10]))
  const loaded = cache.size
  t.truthy(run.prepare([10]))
  await run.prepare([10])
  t.true(cache.size > loaded)
  t.is(run.column(10).length, run.count)
})

test('where no row of a run has changed, no column but the rows is loaded', async (t) => {
  const cache = new MapCache()
  const rows = deltaFileRows(
    small,
    changesOf([
      [0, 1],
      [50, 2],
      [100, 3],
    ]),
  )
  const file = open(small, await write(small, [rows]), { cache })
  const run = await prepare(file.open(60, 90), [1, 2], false)
  t.is(run.count, 0)
  t.is(run.column(1).length, 0)
  t.is(cache.size, 3)
})

test('of the row groups only those are loaded that may have changes of the rows', async (t) => {
  const cache = new MapCache()
  const rows = deltaFileRows(small, changesOf(Array.from({ length: 40 }, (_, i) => [i, 1])))
  const file = open(small, await write(small, [rows], { rowsPerGroup: 4 }), { cache })
  const run = await prepare(file.open(9, 12), [], false)
  t.is(run.count, 3)
  t.is(cache.size, 3, 'rows, times and ops of one group')
})

test('the file passes verification, and tells its ranges of commit timestamps', async (t) => {
  const changes = randomChanges(variableKeySchema, 9)
  const file = open(
    variableKeySchema,
    await write(variableKeySchema, [deltaFileRows(variableKeySchema, changes.model)], { rowsPerGroup: 50 }),
  )
  const problems = []
  for await (const problem of file.reader.verify()) problems.push(problem)
  t.deepEqual(problems, [])
  for (let group = 0; group < file.reader.groupCount; group++) {
    const { values } = file.reader.loadColumnSync(group, deltaPositions.time) as FixedVector
    const times = [...(values as Float64Array)]
    t.deepEqual(file.reader.timestampRange(group), { min: Math.min(...times), max: Math.max(...times) })
  }
})

test('the file is closed with the last reference, and its owner told, once', async (t) => {
  let released = 0
  const written = await write(small, [deltaFileRows(small, changesOf([[1, 1]]))])
  const file = open(small, written, { onReleased: () => released++ })
  await file.warm()
  file.retain()
  file.release()
  t.true(file.reader.isOpen)
  t.is(released, 0)
  file.release()
  t.false(file.reader.isOpen)
  t.is(released, 1)
  t.throws(() => file.retain(), { name: 'InvariantError' })
  t.throws(() => file.release(), { name: 'InvariantError' })
})

test('writing refuses changes out of order, no changes at all, and a signal that has fired; each time the file is closed', async (t) => {
  const vfs = new MemoryVfs()
  const rows = (...list: [number, number][]) => [deltaFileRows(small, changesOf(list))]
  const attempt = async (name: string, blocks: RowBlock[], o: DeltaFileWriteOptions = {}) => {
    const file = await vfs.create(name)
    const thrown = await t.throwsAsync(writeDeltaFile(file, small, blocks, o))
    await t.throwsAsync(file.append(new Uint8Array(8)), undefined, 'it is closed')
    return thrown
  }
  t.true((await attempt('a', rows([1, 2], [1, 1]))) instanceof TypeError)
  t.true((await attempt('b', rows([1, 1], [1, 1]))) instanceof TypeError)
  t.true((await attempt('c', [])) instanceof TypeError)
  t.like(await attempt('d', rows([1, 1]), { signal: AbortSignal.abort() }), { code: 'ABORTED' })
  t.throws(() => deltaFileRows(small, [{ row: 1, time: 1, op: deltaOps.delete, values: [undefined, undefined, undefined] }]), {
    name: 'InvariantError',
  })
})
