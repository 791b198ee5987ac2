import test from 'ava'
import { SeededRandom } from '../../src/base/seeded-random.ts'
import { type DeltaOp, deltaOps } from '../../src/rowset/delta-schema.ts'
import {
  isUnseen,
  type ResolvedRow,
  type RowChange,
  type RowHistory,
  resolveHistory,
  type SetValues,
} from '../../src/rowset/row-history.ts'
import type { ColumnValue } from '../../src/schema/table-schema.ts'

const { update, delete: dead, live } = deltaOps
const columnCount = 2
type State = readonly ColumnValue[] | undefined

/** What the contract of base, undo and redo says that a reader at T sees: written down once more, as plainly as possible. */
function readAt(history: RowHistory | undefined, timestamp: number): State {
  if (history === undefined || timestamp < history.base.insertedAt) return undefined
  const values = [...history.base.values]
  let alive = true
  const apply = ({ op, values: set }: RowChange) => {
    set.forEach((value, position) => {
      if (value !== undefined) values[position] = value
    })
    if (op !== update) alive = op === live
  }
  for (const change of history.undo.toReversed()) if (change.time > timestamp) apply(change)
  for (const change of history.redo) if (change.time <= timestamp) apply(change)
  return alive ? values : undefined
}

/** A row that was inserted at 1, and then every sequence of so many changes, at times 2, 3 …, that can happen to a row. */
function* histories(changes: number): Generator<RowHistory> {
  const possible = (alive: boolean): [DeltaOp, SetValues][] =>
    alive
      ? [
          [update, [9]],
          [update, [undefined, null]],
          [dead, []],
        ]
      : [[live, [9, 9]]]
  function* after(redo: readonly RowChange[], alive: boolean): Generator<RowHistory> {
    if (redo.length === changes) {
      yield { base: { insertedAt: 1, values: [0, 0] }, undo: [], redo }
      return
    }
    const time = redo.length + 2
    for (const [op, set] of possible(alive)) {
      // Each change sets a value of its own, so that a mix-up is seen.
      const values = set.map((value) => (value === 9 ? time * 10 : value))
      yield* after([...redo, { time, op, values }], op === update ? alive : op === live)
    }
  }
  yield* after([], true)
}

function differences(from: RowHistory, { history, forgottenThrough }: ResolvedRow, horizon: number): string[] {
  const wrong: string[] = []
  for (let t = 0; t <= 12; t++) {
    if (t < horizon && t < forgottenThrough) continue
    const before = JSON.stringify(readAt(from, t))
    const now = JSON.stringify(readAt(history, t))
    if (before !== now) wrong.push(`at ${t}, horizon ${horizon}: ${now} instead of ${before}; ${JSON.stringify({ from, history })}`)
  }
  return wrong
}

test('whatever happened to a row, and whatever the horizon, nobody at the horizon or later sees a difference', (t) => {
  let checked = 0
  for (let changes = 0; changes <= 6; changes++) {
    for (const from of histories(changes)) {
      for (let horizon = 0; horizon <= changes + 2; horizon++) {
        const resolved = resolveHistory(from, horizon)
        const wrong = differences(from, resolved, horizon)
        if (wrong.length > 0) return t.fail(wrong[0])
        checked++
      }
    }
  }
  t.true(checked > 3000, `${checked} histories`)
})

test('a history that was split is split again, at a later horizon and after more changes, without a difference', (t) => {
  for (const all of histories(6)) {
    for (let cut = 0; cut <= 6; cut++) {
      for (const [first, second] of [
        [0, 0],
        [0, 4],
        [3, 3],
        [2, 5],
        [4, 8],
      ] as const) {
        const split = resolveHistory({ ...all, redo: all.redo.slice(0, cut) }, Math.min(first, cut + 1))
        const rest = all.redo.slice(cut)
        // A row that nobody sees any more is written by nobody: what comes after is an insert.
        if (split.history === undefined) continue
        const from = { ...split.history, redo: [...split.history.redo, ...rest] }
        const again = resolveHistory(from, second)
        const wrong = differences(all, { ...again, forgottenThrough: Math.max(split.forgottenThrough, again.forgottenThrough) }, second)
        if (wrong.length > 0) return t.fail(wrong[0])
      }
    }
  }
  t.pass()
})

test('columns that a compaction moved into the base, with their undo, leave redo behind that is still understood', (t) => {
  for (const all of histories(6)) {
    for (const column of [0, 1]) {
      const moved = compactColumn(all, column)
      for (let at = 0; at <= 9; at++) t.deepEqual(readAt(moved, at), readAt(all, at), 'the test itself')
      for (let horizon = 0; horizon <= 8; horizon++) {
        const wrong = differences(all, resolveHistory(moved, horizon), horizon)
        if (wrong.length > 0) return t.fail(wrong[0])
      }
    }
  }
})

/** What a major delta compaction of one column makes of a history that is all redo. */
function compactColumn({ base, redo }: RowHistory, column: number): RowHistory {
  const values = [...base.values]
  const undo: RowChange[] = []
  for (const { time, values: set } of redo) {
    const value = set[column]
    if (value === undefined) continue
    undo.push({ time, op: update, values: alone(column, values[column] as ColumnValue) })
    values[column] = value
  }
  const left = redo.map((change) => ({ ...change, values: change.values.map((value, i) => (i === column ? undefined : value)) }))
  return { base: { ...base, values }, undo, redo: left.filter(({ op, values: set }) => op !== update || set.some((v) => v !== undefined)) }
}

function alone(column: number, value: ColumnValue): SetValues {
  return Array.from({ length: columnCount }, (_, i) => (i === column ? value : undefined))
}

test('several undo entries of one time, each with columns of its own, count as one change', (t) => {
  const undo = [
    { time: 5, op: update, values: [50] },
    { time: 5, op: update, values: [undefined, 51] },
  ]
  const { history } = resolveHistory({ base: { insertedAt: 1, values: [1, 2] }, undo, redo: [] }, 0)
  t.deepEqual(history?.undo, [{ time: 5, op: update, values: [50, 51] }])
})

test('only what somebody can still see is kept', (t) => {
  const random = new SeededRandom(11)
  for (const from of histories(6)) {
    const horizon = random.below(9)
    const { history } = resolveHistory(from, horizon)
    const last = from.redo.at(-1) as RowChange
    t.is(history === undefined, isUnseen(last, horizon))
    if (history === undefined) continue
    t.true(history.undo.every(({ time }) => time > horizon && time > history.base.insertedAt))
    t.is(history.redo.length, last.op === dead ? 1 : 0)
    // A reader at the horizon, and each kept change, needs a state of its own: no fewer entries would do.
    const changesSeen = from.redo.filter(({ time }) => time > horizon && time > history.base.insertedAt).length
    t.is(history.undo.length + history.redo.length, changesSeen)
  }
})

test('a row is as old as the first life that somebody can still see', (t) => {
  const redo = [
    { time: 3, op: dead, values: [] },
    { time: 5, op: live, values: [5, 5] },
    { time: 7, op: dead, values: [] },
    { time: 9, op: live, values: [9, 9] },
  ]
  const insertedAt = (horizon: number) =>
    resolveHistory({ base: { insertedAt: 1, values: [0, 0] }, undo: [], redo }, horizon).history?.base.insertedAt
  t.deepEqual([0, 2, 3, 4, 6, 7, 8, 20].map(insertedAt), [1, 1, 5, 5, 5, 9, 9, 9])
})

test('it says from when on history is complete', (t) => {
  const redo = [
    { time: 3, op: update, values: [3] },
    { time: 5, op: dead, values: [] },
    { time: 7, op: live, values: [7, 7] },
    { time: 9, op: update, values: [9] },
  ]
  const forgotten = (horizon: number) =>
    resolveHistory({ base: { insertedAt: 1, values: [0, 0] }, undo: [], redo }, horizon).forgottenThrough
  t.deepEqual([0, 3, 4, 5, 7, 8, 9, 30].map(forgotten), [Number.NEGATIVE_INFINITY, 3, 3, 5, 5, 5, 9, 9])
})
