import test, { type ExecutionContext } from 'ava'
import { mergeDeltaFiles } from '../../../src/rowset/compaction/merge-delta-files.ts'
import { type DeltaOp, deltaOps, deltaPositionOf, deltaPositions, deltaSchema } from '../../../src/rowset/delta-schema.ts'
import type { PlainChange } from '../../../src/rowset/write-delta-file.ts'
import type { ColumnVector, FixedVector, RowBlock } from '../../../src/schema/column-vector.ts'
import type { ColumnSchema, ColumnValue, TableSchema } from '../../../src/schema/table-schema.ts'
import { MemoryVfs } from '../../../src/vfs/memory-vfs.ts'
import { column, tableSchema } from '../../sstable/fixtures/tables.ts'
import { bytesVector } from '../../sstable/fixtures/vectors.ts'
import { minorCompaction } from './support/compactions.ts'
import { peakBytes } from './support/peak-bytes.ts'
import { RandomHistory } from './support/random-history.ts'
import { pathOf, RowSetDisk, type RowSetFiles } from './support/rowset-files.ts'

const { update, delete: dead, live } = deltaOps

const [id, count, note] = [column(1, 'id', 'int32'), column(2, 'count', 'int32'), column(3, 'note', 'string', { nullable: true })]
const schema = tableSchema([id, count, note], [0])

type Entry = [row: number, time: number, op: DeltaOp, ...values: (ColumnValue | undefined)[]]

/** A change of a table whose key is the row's number. */
const change = ([row, time, op, ...values]: Entry): PlainChange => ({ row, time, op, values: [row, ...values] })

/** Merges files with the given changes, and tells what came out, without the keys. */
async function merged(
  t: ExecutionContext,
  lists: readonly (readonly Entry[])[],
  o: { horizon: number; kind?: 'redo' | 'undo'; schema?: TableSchema; schemas?: readonly TableSchema[] },
): Promise<{ entries: Entry[]; forgottenThrough: number }> {
  const { kind = 'redo', schema: current = schema, schemas = [], horizon } = o
  const disk = new RowSetDisk(new MemoryVfs())
  const numbers = []
  for (const [i, list] of lists.entries()) numbers.push(await disk.writeDeltas(schemas[i] ?? current, list.map(change), 4))
  const files: RowSetFiles = { base: 0, undo: [], redo: [], [kind]: numbers }
  const { output, files: after } = await minorCompaction(disk, files, { schema: current, kind, horizon, rowsPerGroup: 4 })
  const changes = after[kind][0] === undefined ? [] : await disk.readDeltas(after[kind][0], current)
  t.is(changes.length, output.file?.rows ?? 0)
  const entries = changes.map(({ row, time, op, values }): Entry => {
    t.is(values[0], row, 'an entry says whose row it changes')
    return [row, time, op, ...values.slice(1)]
  })
  return { entries, forgottenThrough: output.forgottenThrough }
}

test('changes of several files come out in order of row and time, each as it was', async (t) => {
  const older: Entry[] = [
    [1, 10, update, 5, undefined],
    [1, 11, update, undefined, null],
    [4, 10, dead, undefined, undefined],
    [9, 12, update, 7, 'x'],
    [9, 13, update, 8, 'y'],
  ]
  const newer: Entry[] = [
    [1, 20, update, undefined, 'z'],
    [2, 20, update, 1, undefined],
    [4, 21, live, 3, null],
  ]
  const { entries, forgottenThrough } = await merged(t, [older, newer], { horizon: 9 })
  t.deepEqual(entries, [
    ...older.slice(0, 2),
    newer[0] as Entry,
    newer[1] as Entry,
    older[2] as Entry,
    newer[2] as Entry,
    ...older.slice(3),
  ])
  t.is(forgottenThrough, Number.NEGATIVE_INFINITY)
})

test('updates up to the horizon become one, with the newest value of each column and the newest time', async (t) => {
  const older: Entry[] = [
    [1, 10, update, 5, 'old'],
    [1, 11, update, undefined, null],
    [2, 10, update, 1, undefined],
  ]
  const newer: Entry[] = [
    [1, 20, update, 6, undefined],
    [1, 21, update, 7, undefined],
    [2, 21, update, 2, undefined],
    [2, 22, update, 3, undefined],
  ]
  t.deepEqual(await merged(t, [older, newer], { horizon: 20 }), {
    entries: [
      [1, 20, update, 6, null],
      [1, 21, update, 7, undefined],
      [2, 10, update, 1, undefined],
      [2, 21, update, 2, undefined],
      [2, 22, update, 3, undefined],
    ],
    forgottenThrough: 20,
  })
})

test('a death takes what came before it along; a reinsert and what follows become one', async (t) => {
  const lists: Entry[][] = [
    [
      [1, 10, update, 5, 'gone'],
      [2, 10, update, 5, 'gone'],
      [3, 10, live, 5, 'gone'],
      [4, 10, live, 1, 'x'],
    ],
    [
      [1, 11, dead, undefined, undefined],
      [2, 11, dead, undefined, undefined],
      [3, 11, dead, undefined, undefined],
      [4, 11, update, 2, undefined],
    ],
    [
      [2, 12, live, 9, undefined],
      [2, 13, update, undefined, 'new'],
      [3, 12, live, 8, 'y'],
      [3, 13, dead, undefined, undefined],
    ],
  ]
  t.deepEqual(await merged(t, lists, { horizon: 13 }), {
    entries: [
      [1, 11, dead, undefined, undefined],
      [2, 13, live, 9, 'new'],
      [3, 13, dead, undefined, undefined],
      [4, 11, live, 2, 'x'],
    ],
    forgottenThrough: 13,
  })
})

test('what a reinsert leaves to base data, stays left to it', async (t) => {
  const { entries } = await merged(t, [[[1, 10, dead, undefined, undefined]], [[1, 11, live, 4, undefined]]], { horizon: 20 })
  t.deepEqual(entries, [[1, 11, live, 4, undefined]])
})

test('undo up to the horizon goes; if all goes, there is no file', async (t) => {
  const older: Entry[] = [
    [1, 10, update, 5, undefined],
    [1, 20, update, 6, undefined],
  ]
  const newer: Entry[] = [
    [1, 21, live, undefined, undefined],
    [2, 8, dead, 1, 'x'],
  ]
  const o = { kind: 'undo' } as const
  t.deepEqual(await merged(t, [older, newer], { horizon: 19, ...o }), {
    entries: [older[1] as Entry, newer[0] as Entry],
    forgottenThrough: 10,
  })
  t.deepEqual(await merged(t, [older, newer], { horizon: 21, ...o }), { entries: [], forgottenThrough: 21 })
})

test('parts of one undo that lie in several files become one, whatever the horizon', async (t) => {
  const lists: Entry[][] = [[[1, 30, dead, undefined, undefined]], [[1, 30, update, 5, undefined]], [[1, 30, update, undefined, null]]]
  t.deepEqual(await merged(t, lists, { horizon: 20, kind: 'undo' }), {
    entries: [[1, 30, dead, 5, null]],
    forgottenThrough: Number.NEGATIVE_INFINITY,
  })
})

test('files from before a change of the schema come out in the current one', async (t) => {
  const added: ColumnSchema[] = [
    column(4, 'level', 'int64', { default: 2n ** 60n }),
    column(5, 'hint', 'string', { nullable: true }),
    column(6, 'flag', 'bool', { nullable: true, default: false }),
  ]
  const current = tableSchema([id, added[0] as ColumnSchema, note, added[1] as ColumnSchema, added[2] as ColumnSchema], [0])
  const older: Entry[] = [
    [1, 10, live, 5, 'x'],
    [2, 10, update, 7, undefined],
    [3, 10, update, 7, null],
    [4, 10, dead, undefined, undefined],
  ]
  const newer: Entry[] = [
    [1, 20, update, 3n, undefined, undefined, undefined],
    [5, 20, live, undefined, null, 'given', undefined],
  ]
  const { entries } = await merged(t, [older, newer], { horizon: 5, schema: current, schemas: [schema, current] })
  t.deepEqual(entries, [
    [1, 10, live, 2n ** 60n, 'x', null, false],
    [1, 20, update, 3n, undefined, undefined, undefined],
    [3, 10, update, undefined, null, undefined, undefined],
    [4, 10, dead, undefined, undefined, undefined, undefined],
    [5, 20, live, undefined, null, 'given', undefined],
  ])
})

test('a row that is changed over and over becomes one entry, across all groups of all files', async (t) => {
  const times = Array.from({ length: 300 }, (_, i) => 1 + i)
  const entry = (time: number): Entry => [7, time, update, time, time % 50 === 0 ? `at ${time}` : undefined]
  const lists = [times.slice(0, 150), times.slice(150)].map((part) => part.map(entry))
  const { entries } = await merged(t, [[[6, 1, update, 1, undefined]], ...lists, [[8, 400, update, 1, undefined]]], { horizon: 299 })
  t.deepEqual(entries, [
    [6, 1, update, 1, undefined],
    [7, 299, update, 299, 'at 250'],
    [7, 300, update, 300, 'at 300'],
    [8, 400, update, 1, undefined],
  ])
})

async function someFiles() {
  const vfs = new MemoryVfs()
  const disk = new RowSetDisk(vfs)
  const history = new RandomHistory(5, { rowCount: 60, rowsPerGroup: 16 })
  let files = await history.flush(disk, 0)
  for (let i = 0; i < 3; i++) files = { ...files, redo: [...files.redo, await history.change(disk, 80)] }
  const merge = (signal?: AbortSignal) =>
    minorCompaction(disk, files, { schema: history.schema, kind: 'redo', horizon: 30, rowsPerGroup: 16 }, signal)
  return { vfs, disk, files, merge, names: await vfs.list('.') }
}

test('a merge that fails, at whatever call, leaves no file behind', async (t) => {
  const { vfs, merge, names } = await someFiles()
  let failed = 0
  for (const op of ['open', 'read', 'create', 'append', 'sync'] as const) {
    for (let nth = 1; nth <= 40; nth++) {
      const fault = vfs.inject({ op, nth, error: 'EIO' })
      try {
        await merge()
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
  t.true(failed > 20, `${failed} calls failed`)
})

test('a full disk is DISK_FULL, a damaged input CORRUPTION; neither leaves a file behind', async (t) => {
  const { vfs, merge, files, names } = await someFiles()
  {
    using _ = vfs.inject({ op: 'append', error: 'ENOSPC' })
    await t.throwsAsync(merge(), { code: 'DISK_FULL' })
  }
  t.deepEqual(await vfs.list('.'), names)
  const path = pathOf(files.redo[1] as number)
  const bytes = (await vfs.readFile(path)).slice()
  bytes[200] = (bytes[200] as number) ^ 4
  await vfs.remove(path)
  const file = await vfs.create(path)
  await file.append(bytes)
  await file.close()
  await t.throwsAsync(merge(), { code: 'CORRUPTION' })
  t.deepEqual(await vfs.list('.'), names)
})

test('a merge that is cancelled leaves no file behind', async (t) => {
  const { vfs, merge, names } = await someFiles()
  for (let turns = 1; turns < 8; turns++) {
    const controller = new AbortController()
    const merging = merge(controller.signal)
    let left = turns
    const wait = () => (--left === 0 ? controller.abort() : setImmediate(wait))
    setImmediate(wait)
    await t.throwsAsync(merging, { code: 'ABORTED' })
    t.deepEqual(await vfs.list('.'), names)
  }
})

test('a merge of nothing is misuse', async (t) => {
  const vfs = new MemoryVfs()
  const input = { schema, kind: 'redo' as const, inputs: [], output: { path: 'x' }, horizon: 0, vfs: vfs.handle() }
  await t.throwsAsync(async () => mergeDeltaFiles(input), { instanceOf: TypeError })
})

test.serial('memory does not grow with the files: 200,000 changes merge in a few row groups', async (t) => {
  const changeCount = 200_000
  const peak = await peakBytes(async (disk) => {
    const numbers: number[] = []
    for (const lane of [0, 1]) numbers.push(await disk.writeBlocks(schema, manyUpdates(changeCount, lane), 2048))
    return async (vfs) => {
      const { file } = await mergeDeltaFiles({
        schema,
        kind: 'redo',
        inputs: numbers.map((fileNumber) => ({ fileNumber, path: disk.pathOf(fileNumber) })),
        output: { path: disk.pathOf(disk.nextNumber()) },
        horizon: changeCount / 2,
        rowsPerGroup: 2048,
        vfs,
      })
      // Of the older half of the rows, four changes became one each.
      t.is(file?.rows, changeCount / 8 + changeCount / 2)
    }
  })
  t.log(`peak: ${Math.round(peak / 1024)} KiB`)
  // A row group of this table takes some 150 KiB, all of the changes some 15 MiB.
  t.true(peak > 2 ** 18 && peak < 3 * 2 ** 20, `${peak} bytes`)
})

/** Of four changes of each row, two: times count up with rows, and are of one lane or the other by turns. */
function* manyUpdates(changeCount: number, lane: number): Generator<RowBlock> {
  const delta = deltaSchema(schema)
  for (let from = lane; from < changeCount; from += 2000) {
    const length = Math.min(1000, (changeCount + lane - from) / 2)
    const changes = Int32Array.from({ length }, (_, i) => from + 2 * i)
    const fixed = (values: FixedVector['values']): ColumnVector => ({ form: 'fixed', length, values, nulls: undefined })
    const rows = changes.map((i) => i >> 2)
    const columns = new Array<ColumnVector>(delta.schema.columns.length)
    columns[deltaPositions.row] = fixed(rows)
    columns[deltaPositions.time] = fixed(Float64Array.from(changes, (i) => 1 + i))
    columns[deltaPositions.op] = fixed(new Int8Array(length).fill(update))
    columns[deltaPositionOf(0)] = fixed(rows)
    columns[deltaPositionOf(1)] = fixed(changes)
    columns[deltaPositionOf(2)] = bytesVector(Array.from(changes, (i) => `${'x'.repeat(50)}${i}`))
    columns[delta.setPositions[2] as number] = fixed(new Uint8Array(length).fill(1))
    yield { rowCount: length, columns }
  }
}
