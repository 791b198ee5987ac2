import test from 'ava'
import { compactColumns } from '../../../src/rowset/compaction/compact-columns.ts'
import { deltaOps, deltaPositionOf, deltaPositions, deltaSchema } from '../../../src/rowset/delta-schema.ts'
import type { PlainChange } from '../../../src/rowset/write-delta-file.ts'
import type { ColumnVector, FixedVector, RowBlock } from '../../../src/schema/column-vector.ts'
import type { ColumnValue } from '../../../src/schema/table-schema.ts'
import { MemoryVfs } from '../../../src/vfs/memory-vfs.ts'
import { column, tableSchema } from '../../sstable/fixtures/tables.ts'
import { bytesVector } from '../../sstable/fixtures/vectors.ts'
import { majorCompaction } from './support/compactions.ts'
import { peakBytes } from './support/peak-bytes.ts'
import { RandomHistory } from './support/random-history.ts'
import { allPositions, type BaseRow, type FileChange, RowSetDisk, type RowSetFiles } from './support/rowset-files.ts'

const { update, delete: dead, live } = deltaOps

const schema = tableSchema(
  [column(1, 'id', 'int32'), column(2, 'count', 'int32'), column(3, 'note', 'string', { nullable: true }), column(4, 'score', 'double')],
  [0],
)
const [countId, noteId] = [2, 3]

type Entry = [row: number, time: number, op: PlainChange['op'], ...values: (ColumnValue | undefined)[]]

const change = ([row, time, op, ...values]: Entry): PlainChange => ({ row, time, op, values: [row, ...values] })
const entryOf = ({ row, time, op, values }: FileChange): Entry => [row, time, op, ...values.slice(1)]

async function rowSet(o: { rows: number; lists: readonly (readonly Entry[])[] }) {
  const vfs = new MemoryVfs()
  const disk = new RowSetDisk(vfs)
  const rows = Array.from({ length: o.rows }, (_, i): BaseRow => ({ insertedAt: 1 + i, values: [i, 100 + i, `note ${i}`, i / 2] }))
  const base = await disk.writeBase(schema, rows, 4)
  const redo: number[] = []
  for (const list of o.lists) redo.push(await disk.writeDeltas(schema, list.map(change), 4))
  const files: RowSetFiles = { base, undo: [], redo }
  return { vfs, disk, rows, files }
}

/** A table of ten rows in three groups; rows of the first and the last one change. */
const lists: Entry[][] = [
  [
    [1, 20, update, 7, undefined, undefined],
    [1, 21, update, 8, 'x', undefined],
    [2, 20, update, undefined, null, 1.5],
    [9, 20, dead, undefined, undefined, undefined],
  ],
  [
    [1, 30, dead, undefined, undefined, undefined],
    [9, 31, live, 9, null, 0],
    [9, 32, update, 10, undefined, undefined],
  ],
]

test('values go to base data, what they overwrote to undo, all else to redo', async (t) => {
  const { disk, files, rows } = await rowSet({ rows: 10, lists })
  const { files: after, output } = await majorCompaction(disk, files, { schema, horizon: 20, columns: [countId], rowsPerGroup: 4 })
  const expected = rows.map(({ values }) => values.slice())
  ;(expected[1] as ColumnValue[])[1] = 8
  ;(expected[9] as ColumnValue[])[1] = 10
  t.deepEqual(
    await disk.readBase(after.base, schema),
    expected.map((values, i) => ({ insertedAt: 1 + i, values })),
  )
  t.deepEqual((await disk.readDeltas(after.redo[0] as number, schema)).map(entryOf), [
    [1, 21, update, undefined, 'x', undefined],
    [1, 30, dead, undefined, undefined, undefined],
    [2, 20, update, undefined, null, 1.5],
    [9, 20, dead, undefined, undefined, undefined],
    [9, 31, live, undefined, null, 0],
  ])
  t.deepEqual((await disk.readDeltas(after.undo[0] as number, schema)).map(entryOf), [
    [1, 21, update, 7, undefined, undefined],
    [9, 31, update, 109, undefined, undefined],
    [9, 32, update, 9, undefined, undefined],
  ])
  t.deepEqual([output.base.rows, output.redo?.rows, output.undo?.rows, output.forgottenThrough], [10, 5, 3, 20])
  t.deepEqual(output.undo?.deltas, { updates: [[countId, 3]], deletes: 0, lives: 0, minRow: 1, maxRow: 9 })
})

test('a null that overwrites or is overwritten is told from a column that is not set', async (t) => {
  const { disk, files } = await rowSet({
    rows: 4,
    lists: [
      [
        [0, 20, update, undefined, null, undefined],
        [0, 21, update, 5, undefined, undefined],
        [0, 22, update, 6, 'again', undefined],
      ],
    ],
  })
  const { files: after } = await majorCompaction(disk, files, { schema, horizon: 0, columns: [noteId, countId] })
  t.deepEqual((await disk.readDeltas(after.undo[0] as number, schema)).map(entryOf), [
    [0, 20, update, undefined, 'note 0', undefined],
    [0, 21, update, 100, undefined, undefined],
    [0, 22, update, 5, null, undefined],
  ])
  t.deepEqual(after.redo, [])
  t.deepEqual((await disk.readBase(after.base, schema))[0]?.values, [0, 6, 'again', 0])
})

test('other columns, keys, insert timestamps, the filter and groups without a change keep their bytes', async (t) => {
  const { disk, files } = await rowSet({ rows: 10, lists })
  const { files: after } = await majorCompaction(disk, files, { schema, horizon: 0, columns: [countId] })
  const [old, fresh] = [await disk.open(files.base, schema), await disk.open(after.base, schema)]
  for (let group = 0; group < 3; group++) {
    const [a, b] = [await old.loadStored(group, allPositions(schema)), await fresh.loadStored(group, allPositions(schema))]
    for (const position of allPositions(schema)) {
      const [one, other] = [a.columns.get(position)?.bytes, b.columns.get(position)?.bytes]
      if (position === 1 && group !== 1) t.notDeepEqual(other, one)
      else t.deepEqual(other, one)
    }
    t.deepEqual(b.timestamps.bytes, a.timestamps.bytes)
  }
  t.deepEqual((await fresh.loadFilter()).words, (await old.loadFilter()).words)
  t.deepEqual([fresh.rowCount, fresh.rowsPerGroup, fresh.minKey, fresh.maxKey], [old.rowCount, old.rowsPerGroup, old.minKey, old.maxKey])
})

test('where nothing remains and nobody can ask for what was, there is no delta file', async (t) => {
  const { vfs, disk, files } = await rowSet({ rows: 10, lists: [[[3, 20, update, 1, undefined, undefined]]] })
  const names = await vfs.list('.')
  const { output, files: after } = await majorCompaction(disk, files, { schema, horizon: 20, columns: [countId] })
  t.deepEqual([output.redo, output.undo, output.forgottenThrough], [undefined, undefined, 20])
  t.is((await vfs.list('.')).length, names.length + 1)
  t.deepEqual((await disk.readBase(after.base, schema))[3]?.values, [3, 1, 'note 3', 1.5])
})

test('columns that no change sets, or no redo file at all, give a copy', async (t) => {
  const { disk, files, rows } = await rowSet({ rows: 10, lists: [[[3, 20, dead, undefined, undefined, undefined]]] })
  for (const runLength of [1, 0]) {
    const { output, files: after } = await majorCompaction(disk, files, { schema, horizon: 50, columns: [countId], runLength })
    t.deepEqual(await disk.readBase(after.base, schema), rows)
    t.deepEqual([output.redo?.rows, output.undo, output.forgottenThrough], [runLength || undefined, undefined, Number.NEGATIVE_INFINITY])
  }
})

async function someFiles() {
  const vfs = new MemoryVfs()
  const disk = new RowSetDisk(vfs)
  const history = new RandomHistory(9, { rowCount: 60, rowsPerGroup: 16 })
  let files = await history.flush(disk, 0)
  for (let i = 0; i < 3; i++) files = { ...files, redo: [...files.redo, await history.change(disk, 80)] }
  const o = { schema: history.schema, horizon: 30, rowsPerGroup: 16, columns: [3, 5] }
  const compact = (signal?: AbortSignal) => majorCompaction(disk, files, o, signal)
  return { vfs, compact, names: await vfs.list('.') }
}

test('a compaction that fails, at whatever call, leaves no file behind', async (t) => {
  const { vfs, compact, names } = await someFiles()
  let failed = 0
  for (const op of ['open', 'read', 'create', 'append', 'sync'] as const) {
    for (let nth = 1; nth <= 60; nth++) {
      const fault = vfs.inject({ op, nth, error: 'EIO' })
      try {
        await compact()
        break
      } catch (thrown) {
        failed++
        t.is((thrown as { code?: string }).code, 'EIO')
        t.deepEqual(await vfs.list('.'), names)
      } finally {
        fault[Symbol.dispose]()
        for (const name of await vfs.list('.')) if (!names.includes(name)) await vfs.remove(name)
      }
    }
  }
  t.true(failed > 30, `${failed} calls failed`)
})

test('a compaction that is cancelled, or finds the disk full, leaves no file behind', async (t) => {
  const { vfs, compact, names } = await someFiles()
  for (let turns = 1; turns < 12; turns++) {
    const controller = new AbortController()
    const compacting = compact(controller.signal)
    let left = turns
    const wait = () => (--left === 0 ? controller.abort() : setImmediate(wait))
    setImmediate(wait)
    await t.throwsAsync(compacting, { code: 'ABORTED' })
    t.deepEqual(await vfs.list('.'), names)
  }
  using _ = vfs.inject({ op: 'append', error: 'ENOSPC' })
  await t.throwsAsync(compact(), { code: 'DISK_FULL' })
  t.deepEqual(await vfs.list('.'), names)
})

test('key columns, columns that there are not, and none at all are misuse', async (t) => {
  const { vfs, disk, files } = await rowSet({ rows: 4, lists: [] })
  const names = await vfs.list('.')
  for (const columns of [[], [1], [countId, 77]])
    await t.throwsAsync(majorCompaction(disk, files, { schema, horizon: 0, columns }), { instanceOf: TypeError })
  t.deepEqual(await vfs.list('.'), names)
})

test('a change of a row that the base does not have stops the compaction', async (t) => {
  const { vfs, disk, files } = await rowSet({ rows: 4, lists: [[[4, 20, update, 1, undefined, undefined]]] })
  const names = await vfs.list('.')
  await t.throwsAsync(majorCompaction(disk, files, { schema, horizon: 0, columns: [countId] }), { message: /rows that .* does not have/ })
  t.deepEqual(await vfs.list('.'), names)
})

test.serial('memory does not grow with the history of a row: 150,000 changes that all stay', async (t) => {
  const changeCount = 150_000
  const peak = await peakBytes(async (disk) => {
    const rows = Array.from({ length: 5000 }, (_, i): BaseRow => ({ insertedAt: 1, values: [i, i, `note ${i}`, i] }))
    const base = await disk.writeBase(schema, rows, 2048)
    const redo = await disk.writeBlocks(schema, updatesOfOneRow(changeCount), 2048)
    return async (vfs) => {
      const output = await compactColumns({
        schema,
        base: { fileNumber: base, path: disk.pathOf(base) },
        redo: [{ fileNumber: redo, path: disk.pathOf(redo) }],
        columns: [countId, noteId],
        outputs: { base: { path: disk.pathOf(7) }, redo: { path: disk.pathOf(8) }, undo: { path: disk.pathOf(9) } },
        horizon: 0,
        deltasPerGroup: 2048,
        vfs,
      })
      t.deepEqual([output.redo, output.undo?.rows], [undefined, changeCount])
    }
  })
  t.log(`peak: ${Math.round(peak / 1024)} KiB`)
  // A row group of these changes takes some 150 KiB, all of them some 11 MiB.
  t.true(peak > 2 ** 18 && peak < 3 * 2 ** 20, `${peak} bytes`)
})

function* updatesOfOneRow(changeCount: number): Generator<RowBlock> {
  const delta = deltaSchema(schema)
  const length = 1000
  for (let from = 0; from < changeCount; from += length) {
    const changes = Int32Array.from({ length }, (_, i) => from + i)
    const fixed = (values: FixedVector['values'], nulls?: Uint8Array): ColumnVector => ({ form: 'fixed', length, values, nulls })
    const columns = new Array<ColumnVector>(delta.schema.columns.length)
    columns[deltaPositions.row] = fixed(new Int32Array(length).fill(2500))
    columns[deltaPositions.time] = fixed(Float64Array.from(changes, (i) => 1 + i))
    columns[deltaPositions.op] = fixed(new Int8Array(length).fill(update))
    columns[deltaPositionOf(0)] = fixed(new Int32Array(length).fill(2500))
    columns[deltaPositionOf(1)] = fixed(changes)
    columns[deltaPositionOf(2)] = bytesVector(Array.from(changes, (i) => `${'x'.repeat(50)}${i}`))
    columns[deltaPositionOf(3)] = fixed(new Float64Array(length), new Uint8Array(length).fill(1))
    columns[delta.setPositions[2] as number] = fixed(new Uint8Array(length).fill(1))
    yield { rowCount: length, columns }
  }
}
