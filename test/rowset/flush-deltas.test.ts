import test from 'ava'
import { type FlushDeltasInput, flushDeltas } from '../../src/rowset/flush-deltas.ts'
import { type FlushInput, flushRows } from '../../src/rowset/flush-rows.ts'
import type { TableSchema } from '../../src/schema/table-schema.ts'
import { MemoryVfs } from '../../src/vfs/memory-vfs.ts'
import { ChangedTable, type NotedChange, readChanges, readTable } from './support/changed-table.ts'
import { batchOf, firstDifference, fixedKeySchema, type PlainRow, variableKeySchema } from './support/random-table.ts'

const schemas = [
  ['fixed', fixedKeySchema],
  ['variable', variableKeySchema],
] as const

function changed(schema: TableSchema, seed: number, o: { rows?: number; rounds?: number; perRound?: number } = {}): ChangedTable {
  const table = new ChangedTable(schema, seed)
  const { rows = 600, rounds = 12, perRound = 60 } = o
  for (let round = 0; round < rounds; round++) {
    if (round < 4) table.insert(rows / 4)
    table.change(perRound)
  }
  return table
}

/** As a worker would be given it. */
function inputFor({ store, changes }: ChangedTable, vfs: MemoryVfs, o: { horizon: number; rowsPerOutput: number }): FlushInput {
  const outputs = Array.from({ length: Math.ceil(store.rowCount / o.rowsPerOutput) }, (_, i) => ({
    path: `${i}.sst`,
    undoPath: `${i}-undo.delta`,
    redoPath: `${i}-redo.delta`,
  }))
  return { ...structuredClone({ frozen: store.freeze(), changes: changes.freeze(), outputs, ...o }), vfs: vfs.handle(), rowsPerGroup: 64 }
}

interface ReadBack {
  readonly keyHex: string
  readonly base: PlainRow
  readonly insertedAt: number
  readonly undo: readonly NotedChange[]
  readonly redo: readonly NotedChange[]
}

/** Everything that a flush wrote, row by row. */
async function readBack(schema: TableSchema, vfs: MemoryVfs, names: readonly string[]): Promise<ReadBack[]> {
  const all: ReadBack[] = []
  const changesIn = async (path: string) => ((await vfs.stat(path)) === undefined ? [] : readChanges(schema, vfs, path))
  for (const name of names) {
    const { rows, insertedAt } = await readTable(schema, vfs, `${name}.sst`)
    const { keyHexes } = batchOf(schema, rows)
    const read = rows.map((base, row) => ({
      keyHex: keyHexes[row] as string,
      base,
      insertedAt: insertedAt[row] as number,
      undo: [] as NotedChange[],
      redo: [] as NotedChange[],
    }))
    for (const change of await changesIn(`${name}-undo.delta`)) read[change.row]?.undo.push(change)
    for (const change of await changesIn(`${name}-redo.delta`)) read[change.row]?.redo.push(change)
    all.push(...read)
  }
  return all
}

function stateAt({ base, insertedAt, undo, redo }: ReadBack, timestamp: number): PlainRow | undefined {
  if (timestamp < insertedAt) return undefined
  let row = [...base]
  let alive = true
  const apply = ({ op, values }: NotedChange) => {
    row = row.map((value, position) => (values[position] === undefined ? value : values[position]))
    if (op !== 'update') alive = op === 'live'
  }
  for (const change of undo.toReversed()) if (change.time > timestamp) apply(change)
  for (const change of redo) if (change.time <= timestamp) apply(change)
  return alive ? row : undefined
}

for (const [name, schema] of schemas) {
  test(`rows with ${name} keys that changed in memory read the same from base, undo and redo files, at the horizon and after`, async (t) => {
    for (const horizon of [0, 7, 1000]) {
      const table = changed(schema, 23 + horizon)
      const vfs = new MemoryVfs()
      const { rowsets, forgottenThrough } = await flushRows(inputFor(table, vfs, { horizon, rowsPerOutput: 250 }))
      t.true(forgottenThrough <= horizon)
      const rows = await readBack(
        schema,
        vfs,
        rowsets.map((_, i) => String(i)),
      )
      t.deepEqual(
        rows.map(({ keyHex }) => keyHex),
        rows.map(({ keyHex }) => keyHex).sort(),
        'rows are in key order',
      )
      for (let at = Math.min(Math.max(0, forgottenThrough), table.time); at <= table.time; at++) {
        const seen = rows.flatMap((row) => {
          const state = stateAt(row, at)
          return state === undefined ? [] : [[row.keyHex, state] as const]
        })
        const expected = [...table.rowsAt(at)].sort(([a], [b]) => (a < b ? -1 : 1))
        if (firstDifference(seen, expected) !== undefined) return t.fail(`at ${at}, horizon ${horizon}: ${firstDifference(seen, expected)}`)
      }
    }
    return t.pass()
  })
}

test('a flush writes what somebody at the horizon can still see, and nothing else', async (t) => {
  const table = changed(fixedKeySchema, 5)
  const rowCounts: number[] = []
  const undoCounts: number[] = []
  for (const horizon of [0, 5, 9, 1000]) {
    const vfs = new MemoryVfs()
    const { rowsets } = await flushRows(inputFor(table, vfs, { horizon, rowsPerOutput: 10_000 }))
    const rows = await readBack(fixedKeySchema, vfs, ['0'])
    const unseen = table.states.filter((states) => states.at(-1)?.row === undefined && (states.at(-1)?.time as number) <= horizon)
    t.is(rows.length, table.states.length - unseen.length)
    t.true(rows.every(({ undo }) => undo.every(({ time }) => time > horizon)))
    t.true(
      rows.every(({ undo, redo }) =>
        [...undo, ...redo].every(({ values }) => fixedKeySchema.keyColumns.every((position) => values[position] !== undefined)),
      ),
    )
    const dead = table.states.filter((states) => states.at(-1)?.row === undefined)
    t.is(rowsets[0]?.redo?.rows ?? 0, dead.length - unseen.length)
    t.is(rowsets[0]?.redo?.deltas.deletes ?? 0, dead.length - unseen.length)
    t.is(
      rowsets[0]?.undo?.rows ?? 0,
      rows.reduce((sum, { undo }) => sum + undo.length, 0),
    )
    rowCounts.push(rows.length)
    undoCounts.push(rowsets[0]?.undo?.rows ?? 0)
    if (horizon === 1000) t.deepEqual(await vfs.list('.'), ['0.sst'])
  }
  t.deepEqual(
    rowCounts,
    [...rowCounts].sort((a, b) => b - a),
  )
  t.deepEqual(
    undoCounts,
    [...undoCounts].sort((a, b) => b - a),
  )
  t.true((rowCounts[0] as number) > (rowCounts[3] as number) && (undoCounts[3] as number) === 0)
})

test('dead rows that nobody sees leave fewer rowsets; when there is no other row, none', async (t) => {
  const table = new ChangedTable(variableKeySchema, 8)
  table.insert(300)
  while (table.rowsAt(table.time).size > 0) table.kill(100)
  const vfs = new MemoryVfs()
  const all = await flushRows(inputFor(table, vfs, { horizon: table.time - 1, rowsPerOutput: 100 }))
  t.deepEqual(
    all.rowsets.map(({ base }) => base.rows),
    [100],
    'the last hundred is still seen',
  )
  t.is(all.rowsets[0]?.redo?.rows, 100)
  t.is(all.forgottenThrough, table.time - 1)
  const none = new MemoryVfs()
  t.deepEqual(await flushRows(inputFor(table, none, { horizon: table.time, rowsPerOutput: 100 })), {
    rowsets: [],
    forgottenThrough: table.time,
  })
  t.deepEqual(await none.list('.'), [])
})

for (const [name, schema] of schemas) {
  test(`frozen changes of rows with ${name} keys are all in the delta file, by row and time`, async (t) => {
    const table = changed(schema, 31)
    const vfs = new MemoryVfs()
    const summary = await flushDeltas(deltasInput(schema, table, vfs))
    const expected = [...table.noted].sort((a, b) => a.row - b.row || a.time - b.time)
    t.is(firstDifference(await readChanges(schema, vfs, 'a.delta'), expected), undefined)
    t.is(summary.rows, expected.length)
    t.is(summary.sizeBytes, (await vfs.stat('a.delta'))?.sizeBytes as number)
    const times = expected.map(({ time }) => time)
    t.deepEqual([summary.minTimestamp, summary.maxTimestamp], [Math.min(...times), Math.max(...times)])
    t.is(summary.deltas.deletes, expected.filter(({ op }) => op === 'delete').length)
    t.is(summary.deltas.lives, expected.filter(({ op }) => op === 'live').length)
  })
}

function deltasInput(schema: TableSchema, table: ChangedTable, vfs: MemoryVfs): FlushDeltasInput {
  return {
    ...structuredClone({ schema, frozen: table.changes.freeze(), output: { path: 'a.delta' } }),
    vfs: vfs.handle(),
    rowsPerGroup: 64,
  }
}

const jobs = [
  [
    'flush of changed rows',
    (table: ChangedTable, vfs: MemoryVfs, signal?: AbortSignal) =>
      flushRows(inputFor(table, vfs, { horizon: 3, rowsPerOutput: 250 }), signal),
  ],
  [
    'flush of changes',
    (table: ChangedTable, vfs: MemoryVfs, signal?: AbortSignal) => flushDeltas(deltasInput(variableKeySchema, table, vfs), signal),
  ],
] as const

for (const [name, run] of jobs) {
  test(`a ${name} that fails, at whatever call, leaves no file behind`, async (t) => {
    const table = changed(variableKeySchema, 41)
    for (const error of ['EIO', 'ENOSPC'] as const) {
      let failed = 0
      for (let nth = 1; ; nth++) {
        const vfs = new MemoryVfs()
        vfs.inject({ op: ['create', 'append', 'sync'], nth, error })
        try {
          await run(table, vfs)
          break
        } catch (thrown) {
          failed++
          t.is((thrown as { code?: string }).code, error === 'EIO' ? 'EIO' : 'DISK_FULL')
          t.deepEqual(await vfs.list('.'), [])
        }
      }
      t.true(failed >= (name === 'flush of changes' ? 3 : 20), `${failed} calls failed`)
    }
  })

  test(`a ${name} that is cancelled, at whatever turn, leaves no file behind`, async (t) => {
    const table = changed(variableKeySchema, 43)
    let cancelled = 0
    for (let turns = 0; turns < 12; turns++) {
      const vfs = new MemoryVfs()
      const controller = new AbortController()
      const running = run(table, vfs, controller.signal)
      const settled = running.then(
        () => 'done',
        ({ code }) => code,
      )
      for (let left = turns; left > 0; left--) await new Promise((resolve) => setImmediate(resolve))
      controller.abort()
      const outcome = await settled
      t.true(outcome === 'done' || outcome === 'ABORTED', outcome)
      if (outcome !== 'ABORTED') break
      cancelled++
      t.deepEqual(await vfs.list('.'), [])
    }
    t.true(cancelled >= 3, `${cancelled} were cancelled`)
  })
}

test('a flush with history to write that was given no path for it is misuse, and leaves no file behind', async (t) => {
  const table = changed(variableKeySchema, 47)
  const vfs = new MemoryVfs()
  const input = inputFor(table, vfs, { horizon: 0, rowsPerOutput: 1000 })
  await t.throwsAsync(flushRows({ ...input, outputs: [{ path: '0.sst' }] }), { instanceOf: TypeError })
  t.deepEqual(await vfs.list('.'), [])
})
