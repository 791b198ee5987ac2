import test, { type ExecutionContext } from 'ava'
import { mergeRowSets } from '../../../src/rowset/compaction/merge-rowsets.ts'
import { type DeltaOp, deltaOps, deltaSchema } from '../../../src/rowset/delta-schema.ts'
import type { ColumnValue } from '../../../src/schema/table-schema.ts'
import { MemoryVfs } from '../../../src/vfs/memory-vfs.ts'
import { column, problemsOf, tableSchema } from '../../sstable/fixtures/tables.ts'
import { firstDifference } from '../support/random-table.ts'
import { peakBytes } from './support/peak-bytes.ts'
import { RandomHistory } from './support/random-history.ts'
import { RowSetDisk, type RowSetFiles, readRowSet } from './support/rowset-files.ts'
import { mergeInput, ScatteredRows, writtenFiles } from './support/scattered-rows.ts'

const seed = Number(process.env['VARVE_SEED'] ?? 20_260_728)

async function checkReads(t: ExecutionContext, rows: ScatteredRows, horizon: number, what: string) {
  const readAt = await rows.reader()
  for (const time of rows.history.timesFrom(horizon)) {
    const truth = rows.history.truthAt(time).filter((row) => row !== undefined)
    const difference = firstDifference(readAt(time), truth)
    if (difference !== undefined) return t.fail(`${what}: at ${time}, ${difference}`)
  }
  return t.pass()
}

for (let round = 0; round < 12; round++) {
  test(`after any merge, every snapshot from the horizon on reads what it read before (${round})`, async (t) => {
    t.log(`VARVE_SEED=${seed}`)
    const history = new RandomHistory(seed + round, { rowCount: 60, rowsPerGroup: 8 })
    const { random } = history
    const rows = new ScatteredRows(new RowSetDisk(new MemoryVfs()), history)
    if (random.below(3) === 0) history.alter()
    await rows.flush(10 + random.below(60), 1 + random.below(4))
    let horizon = 20
    for (let step = 0; step < 4; step++) {
      if (random.below(4) === 0) history.alter()
      for (let i = random.below(4); i > 0; i--) {
        await rows.change(5 + random.below(60))
        if (random.below(3) > 0) horizon += random.below(history.time - horizon + 1)
        const o = { schema: history.schema, horizon, rowsPerGroup: 8 }
        for (let k = random.below(3); k > 0; k--) await rows.compactSome(o)
      }
      await checkReads(t, rows, horizon, `step ${step}, before`)
      if (random.below(3) > 0) horizon += random.below(history.time - horizon + 1)
      const rowsPerOutput = 5 + random.below(60)
      const o = { schema: history.schema, horizon, rowsPerGroup: 4 + random.below(20), codec: random.below(2) === 0 ? 'none' : 'deflate' }
      const { rowsets, forgottenThrough } = await rows.merge({ ...o, rowsPerOutput })
      t.true(forgottenThrough <= horizon)
      for (const [i, { base }] of rowsets.entries())
        t.is(base.rows <= rowsPerOutput && (i === rowsets.length - 1 || base.rows === rowsPerOutput), true)
      for (const files of rows.rowsets) {
        t.deepEqual(await problemsOf(await rows.disk.open(files.base, history.schema)), [])
        for (const number of [...files.undo, ...files.redo])
          t.deepEqual(await problemsOf(await rows.disk.open(number, deltaSchema(history.schema).schema)), [])
      }
      await checkReads(t, rows, horizon, `step ${step}, merged`)
    }
  })
}

const { update, delete: dead, live } = deltaOps
const schema = tableSchema([column(1, 'id', 'int32'), column(2, 'count', 'int32'), column(3, 'note', 'string', { nullable: true })], [0])

type Entry = [id: number, time: number, op: DeltaOp, ...values: (ColumnValue | undefined)[]]

interface PlainRowSet {
  /** Key, insert timestamp and values. */
  readonly base: readonly (readonly [id: number, insertedAt: number, count: number, note: string | null])[]
  /** By file; named by their keys. */
  readonly redo?: readonly (readonly Entry[])[]
  readonly undo?: readonly (readonly Entry[])[]
}

/** Writes a rowset whose entries are named by keys. */
async function written(disk: RowSetDisk, { base, redo = [], undo = [] }: PlainRowSet): Promise<RowSetFiles> {
  const rowOf = new Map(base.map(([id], row) => [id, row]))
  const write = (entries: readonly Entry[]) => {
    const changes = entries.map(([id, time, op, ...values]) => ({ row: rowOf.get(id) as number, time, op, values: [id, ...values] }))
    return disk.writeDeltas(schema, changes, 4)
  }
  const rows = base.map(([id, insertedAt, ...values]) => ({ insertedAt, values: [id, ...values] }))
  return { base: await disk.writeBase(schema, rows, 4), redo: await Promise.all(redo.map(write)), undo: await Promise.all(undo.map(write)) }
}

/** Merges rowsets; what came out, each row and entry under its key. */
async function merged(t: ExecutionContext, rowsets: readonly PlainRowSet[], o: { horizon: number; rowsPerOutput?: number }) {
  const disk = new RowSetDisk(new MemoryVfs())
  const files = []
  for (const rowset of rowsets) files.push(await written(disk, rowset))
  const { plain, numbers } = await mergeInput(disk, files, { schema, rowsPerGroup: 4, rowsPerOutput: 100, ...o })
  const output = await mergeRowSets({ ...plain, vfs: disk.vfs.handle() })
  const outputs: PlainRowSet[] = []
  for (const [i, rowset] of output.rowsets.entries()) {
    const { base, undo, redo } = await readRowSet(disk, writtenFiles(rowset, numbers[i] as (typeof numbers)[0]), schema)
    const entries = (changes: typeof undo) =>
      changes.map(({ row, time, op, values }): Entry => {
        t.is(values[0], base[row]?.values[0], 'an entry says whose row it changes')
        return [values[0] as number, time, op, ...values.slice(1)]
      })
    const rows = base.map(({ insertedAt, values }) => [values[0], insertedAt, ...values.slice(1)] as unknown as PlainRowSet['base'][0])
    outputs.push({ base: rows, undo: [entries(undo)], redo: [entries(redo)] })
  }
  return { outputs, forgottenThrough: output.forgottenThrough, disk, numbers, output }
}

test('rowsets become rowsets of bounded size, in key order, that do not overlap', async (t) => {
  const base = (ids: number[]) => ({ base: ids.map((id) => [id, 5, id * 10, `of ${id}`] as const) })
  const { outputs, output } = await merged(t, [base([1, 4, 5, 9, 12]), base([2, 3, 6, 10, 11, 13, 14]), base([7, 8])], {
    horizon: 9,
    rowsPerOutput: 6,
  })
  t.deepEqual(
    outputs.map((rowset) => rowset.base.map(([id]) => id)),
    [
      [1, 2, 3, 4, 5, 6],
      [7, 8, 9, 10, 11, 12],
      [13, 14],
    ],
  )
  t.deepEqual(outputs[1]?.base[2], [9, 5, 90, 'of 9'])
  t.true(output.rowsets.every(({ undo, redo }) => undo === undefined && redo === undefined))
  t.is(output.forgottenThrough, Number.NEGATIVE_INFINITY)
})

test('redo goes into the base; what it took the place of becomes undo, but for what nobody reads any more', async (t) => {
  const { outputs, forgottenThrough } = await merged(
    t,
    [
      {
        base: [
          [1, 5, 10, 'a'],
          [3, 6, 30, 'c'],
          [5, 7, 50, null],
        ],
        redo: [
          [[1, 20, update, 11, undefined]],
          [
            [1, 30, update, 12, 'A'],
            [3, 31, update, undefined, null],
            [5, 15, update, 51, undefined],
          ],
        ],
        undo: [
          [
            [3, 12, update, 29, undefined],
            [3, 25, update, undefined, 'b'],
          ],
        ],
      },
      {
        base: [[2, 8, 20, 'b']],
        redo: [
          [
            [2, 40, update, 21, undefined],
            [2, 41, update, 22, 'B'],
          ],
        ],
      },
    ],
    { horizon: 20 },
  )
  t.deepEqual(outputs, [
    {
      base: [
        [1, 5, 12, 'A'],
        [2, 8, 22, 'B'],
        [3, 6, 30, null],
        [5, 7, 51, null],
      ],
      undo: [
        [
          [1, 30, update, 11, 'a'],
          [2, 40, update, 20, undefined],
          [2, 41, update, 21, 'b'],
          [3, 25, update, undefined, 'b'],
          [3, 31, update, undefined, 'c'],
        ],
      ],
      redo: [[]],
    },
  ])
  t.is(forgottenThrough, 20)
})

test('a dead row goes with its history once nobody sees it; before, it keeps its last values and its death stays a redo', async (t) => {
  const rowset: PlainRowSet = {
    base: [
      [1, 5, 10, 'a'],
      [2, 5, 20, 'b'],
      [3, 5, 30, 'c'],
      [4, 5, 40, 'd'],
    ],
    redo: [
      [
        [1, 15, update, 11, undefined],
        [1, 20, dead],
        [2, 15, update, 21, undefined],
        [2, 21, dead],
        [3, 22, dead],
      ],
      [[3, 23, live, 31, null]],
    ],
    undo: [[[1, 8, update, 9, undefined]]],
  }
  const at = (horizon: number) => merged(t, [rowset, { base: [[0, 5, 0, null]] }], { horizon })
  const last = [4, 5, 40, 'd'] as const
  t.deepEqual((await at(20)).outputs, [
    {
      base: [[0, 5, 0, null], [2, 5, 21, 'b'], [3, 5, 31, null], last],
      undo: [
        [
          [3, 22, live, undefined, undefined],
          [3, 23, dead, 30, 'c'],
        ],
      ],
      redo: [[[2, 21, dead, undefined, undefined]]],
    },
  ])
  t.is((await at(20)).forgottenThrough, 20)
  t.deepEqual((await at(22)).outputs, [
    {
      base: [[0, 5, 0, null], [3, 5, 31, null], last],
      undo: [[[3, 23, dead, 30, 'c']]],
      redo: [[]],
    },
  ])
  t.deepEqual((await at(23)).outputs, [{ base: [[0, 5, 0, null], [3, 5, 31, null], last], undo: [[]], redo: [[]] }])
  t.is((await at(23)).forgottenThrough, 23)
  t.deepEqual((await at(14)).outputs[0]?.undo, [
    [
      [1, 15, update, 10, undefined],
      [2, 15, update, 20, undefined],
      [3, 22, live, undefined, undefined],
      [3, 23, dead, 30, 'c'],
    ],
  ])
})

test('rows that nobody sees any more leave no file', async (t) => {
  const { output, disk, numbers } = await merged(
    t,
    [
      { base: [[1, 5, 1, null]], redo: [[[1, 10, dead]]] },
      { base: [[2, 5, 1, null]], redo: [[[2, 11, dead]]] },
    ],
    {
      horizon: 11,
    },
  )
  t.deepEqual(output, { rowsets: [], forgottenThrough: 11 })
  for (const { base, undo, redo } of numbers)
    for (const number of [base, undo, redo]) t.is(await disk.vfs.stat(disk.pathOf(number)), undefined)
})

test('a rowset ends early where its bytes have come to the most it may have', async (t) => {
  const disk = new RowSetDisk(new MemoryVfs())
  const text = 'x'.repeat(2000)
  const files = []
  for (const odd of [0, 1]) {
    const base = Array.from({ length: 40 }, (_, i) => [2 * i + odd, 5, i, `${text}${i}/${odd}`] as const)
    files.push(await written(disk, { base }))
  }
  const { plain } = await mergeInput(disk, files, { schema, horizon: 0, rowsPerGroup: 8, rowsPerOutput: 20 })
  const { rowsets } = await mergeRowSets({ ...plain, bytesPerOutputMax: 15_000, vfs: disk.vfs.handle() })
  // The last target takes what is left.
  t.deepEqual(
    rowsets.map(({ base }) => base.rows),
    [8, 8, 8, 56],
  )
})

test('a key that two rowsets have is refused, and so are too few outputs; no file is left', async (t) => {
  const vfs = new MemoryVfs()
  const disk = new RowSetDisk(vfs)
  const files = [
    await written(disk, { base: [[1, 5, 1, null]] }),
    await written(disk, {
      base: [
        [1, 5, 1, null],
        [2, 5, 1, null],
      ],
    }),
  ]
  const { plain } = await mergeInput(disk, files, { schema, horizon: 0, rowsPerOutput: 2 })
  const names = await vfs.list('.')
  await t.throwsAsync(mergeRowSets({ ...plain, vfs: vfs.handle() }), { instanceOf: TypeError })
  await t.throwsAsync(mergeRowSets({ ...plain, outputs: plain.outputs.slice(1), vfs: vfs.handle() }), { message: /needs 2 outputs/ })
  await t.throwsAsync(async () => mergeRowSets({ ...plain, inputs: [], vfs: vfs.handle() }), { instanceOf: TypeError })
  t.deepEqual(await vfs.list('.'), names)
})

/** Rowsets with every kind of file, and a merge of them that writes every kind of file to two outputs. */
async function someRowSets() {
  const vfs = new MemoryVfs()
  const rows = new ScatteredRows(new RowSetDisk(vfs), new RandomHistory(5, { rowCount: 60, rowsPerGroup: 16 }))
  await rows.flush(60, 2)
  for (let i = 0; i < 3; i++) await rows.change(80)
  const { plain } = await mergeInput(rows.disk, rows.rowsets, {
    schema: rows.history.schema,
    horizon: 100,
    rowsPerGroup: 8,
    rowsPerOutput: 40,
  })
  const merge = (signal?: AbortSignal) => mergeRowSets({ ...plain, vfs: vfs.handle() }, { signal })
  return { vfs, rows, merge, names: await vfs.list('.') }
}

test('a merge that fails, at whatever call, leaves no file behind', async (t) => {
  const { vfs, merge, names } = await someRowSets()
  const failed: Record<string, number> = {}
  for (const op of ['open', 'read', 'create', 'append', 'sync'] as const) {
    for (let nth = 1; ; nth += op === 'open' || op === 'read' ? 7 : 1) {
      const fault = vfs.inject({ op, nth, error: 'EIO' })
      try {
        const { rowsets } = await merge()
        t.is(rowsets.filter(({ undo, redo }) => undo && redo).length, 2)
        break
      } catch (thrown) {
        failed[op] = nth
        t.is((thrown as { code?: string }).code, 'EIO')
        t.deepEqual(await vfs.list('.'), names)
      } finally {
        fault[Symbol.dispose]()
        for (const name of await vfs.list('.')) if (!names.includes(name)) await vfs.remove(name)
      }
    }
  }
  t.like(failed, { create: 6, sync: 6, append: 6 })
})

test('a disk that is full at whatever file is DISK_FULL, a damaged input CORRUPTION; neither leaves a file behind', async (t) => {
  const { vfs, merge, rows, names } = await someRowSets()
  for (const op of ['create', 'append', 'sync'] as const) {
    for (let nth = 1; nth <= 6; nth++) {
      using _ = vfs.inject({ op, nth, error: 'ENOSPC' })
      await t.throwsAsync(merge(), { code: 'DISK_FULL' })
      t.deepEqual(await vfs.list('.'), names)
    }
  }
  const [{ base, redo, undo }] = rows.rowsets as [RowSetFiles]
  for (const number of [base, redo[1] as number, undo[0] as number]) {
    const path = rows.disk.pathOf(number)
    const bytes = await vfs.readFile(path)
    const damaged = bytes.slice()
    damaged[200] = (damaged[200] as number) ^ 4
    for (const content of [damaged, bytes]) {
      await vfs.remove(path)
      const file = await vfs.create(path)
      await file.append(content)
      await file.close()
      if (content === damaged) await t.throwsAsync(merge(), { code: 'CORRUPTION' })
    }
    t.deepEqual(await vfs.list('.'), names)
  }
  await t.notThrowsAsync(merge())
})

test('a merge that is cancelled leaves no file behind', async (t) => {
  const { vfs, merge, names } = await someRowSets()
  for (let turns = 1; turns < 20; turns++) {
    const controller = new AbortController()
    const merging = merge(controller.signal)
    let left = turns
    const wait = () => (--left === 0 ? controller.abort() : setImmediate(wait))
    setImmediate(wait)
    await t.throwsAsync(merging, { code: 'ABORTED' })
    t.deepEqual(await vfs.list('.'), names)
  }
})

test.serial('memory grows neither with the rowsets nor with their history, though one row has most of it', async (t) => {
  const peaks = []
  for (const scale of [1, 4]) {
    const peak = await peakBytes(async (disk) => {
      const text = 'x'.repeat(100)
      const rowCount = 8_000 * scale
      const inputs = []
      for (const odd of [0, 1]) {
        const base = Array.from({ length: rowCount / 2 }, (_, row) => ({ insertedAt: 5, values: [2 * row + odd, row, `${text}${row}`] }))
        const change = (i: number, time: number) => {
          const row = i % 2 === 0 ? 7 : i % (rowCount / 2)
          return { row, time, op: update, values: [2 * row + odd, i, i % 3 === 0 ? `${text}${i}` : undefined] }
        }
        const undo = Array.from({ length: rowCount / 2 }, (_, i) => change(i, 10 + i))
        const redo = Array.from({ length: rowCount / 2 }, (_, i) => change(i, rowCount + i))
        inputs.push({
          base: await disk.writeBase(schema, base, 512),
          undo: [await disk.writeDeltas(schema, undo, 512)],
          redo: [await disk.writeDeltas(schema, redo, 512)],
        })
      }
      const { plain } = await mergeInput(disk, inputs, { schema, horizon: 9, rowsPerGroup: 512, rowsPerOutput: rowCount / 2 })
      return async (vfs) => {
        const { rowsets } = await mergeRowSets({ ...plain, vfs })
        t.is(
          rowsets.reduce((sum, { undo }) => sum + (undo?.rows ?? 0), 0),
          2 * rowCount,
        )
      }
    })
    peaks.push(peak)
  }
  const [small, large] = peaks as [number, number]
  t.log(`peaks: ${Math.round(small / 1024)} and ${Math.round(large / 1024)} KiB`)
  // The large one has 32,000 rows and 64,000 changes of them, some 10 MiB.
  t.true(large < small * 1.5 && large < 3 * 2 ** 20, `${small} and ${large} bytes`)
})
