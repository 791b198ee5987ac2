/**
 * A rowset's rows with random histories, and their splits into base, undo and redo as flushes and compactions make them:
 * a flush takes all history up to a time, and afterwards columns may have been compacted further, one by one.
 */
import type { SeededRandom } from '../../../src/base/seeded-random.ts'
import { deltaOps } from '../../../src/rowset/delta-schema.ts'
import type { PlainChange } from '../../../src/rowset/write-delta-file.ts'
import type { ColumnValue, TableSchema } from '../../../src/schema/table-schema.ts'
import { byKey, type PlainRow, RandomTable } from './random-table.ts'

/** What happened to a row at a time; `values` by position, undefined: not touched, as key columns always are. */
export interface HistoryEvent {
  readonly time: number
  readonly op: 'update' | 'delete' | 'live'
  readonly values: readonly (ColumnValue | undefined)[]
}

export interface RowStory {
  readonly keyHex: string
  readonly insertedAt: number
  readonly inserted: PlainRow
  /** Ascending by time. */
  readonly events: readonly HistoryEvent[]
}

export interface SplitHistory {
  /** In key order. */
  readonly base: readonly { readonly row: PlainRow; readonly timestamp: number }[]
  /** By file: in the first what the flush made, then one for each column that was compacted. In order of row and time. */
  readonly undo: readonly (readonly PlainChange[])[]
  /** In order of time. */
  readonly redo: readonly PlainChange[]
}

/** Times of inserts begin here, those of changes after `insertsEnd`. */
export const insertsEnd = 6
export const timesEnd = 40

/** Stories of rows in key order. `addedAt`: from when on the column at the last position is there; before, it is its default. */
export function randomStories(
  schema: TableSchema,
  seed: number,
  count: number,
  addedAt: number,
): { stories: RowStory[]; table: RandomTable } {
  const table = new RandomTable(schema, seed)
  const { random } = table
  const last = schema.columns.length - 1
  const fallback = schema.columns[last]?.default ?? null
  const { rows, keyHexes } = table.batch(count)
  const spare = new RandomTable(schema, seed + 1)
  const stories = rows.map((row, i): RowStory => {
    const insertedAt = 1 + random.below(insertsEnd)
    return {
      keyHex: keyHexes[i] as string,
      insertedAt,
      inserted: row.map((value, position) => (position === last && insertedAt < addedAt ? fallback : value)),
      events: random.below(4) === 0 ? [] : randomEvents(schema, row, spare, random, addedAt),
    }
  })
  return { stories: stories.sort(byKey), table }
}

function randomEvents(schema: TableSchema, row: PlainRow, spare: RandomTable, random: SeededRandom, addedAt: number): HistoryEvent[] {
  const last = schema.columns.length - 1
  const times = new Set(Array.from({ length: 1 + random.below(7) }, () => insertsEnd + 1 + random.below(timesEnd - insertsEnd - 2)))
  const events: HistoryEvent[] = []
  let alive = true
  for (const time of [...times].sort((a, b) => a - b)) {
    const op: HistoryEvent['op'] = alive ? (random.below(4) === 0 ? 'delete' : 'update') : 'live'
    alive = op !== 'delete'
    const fresh = spare.batch(1).rows[0] as PlainRow
    const share = 1 + random.below(4)
    const values = row.map((_, position) => {
      if (schema.keyColumns.includes(position)) return undefined
      if (op === 'delete' || (op === 'update' && random.below(share) > 0)) return undefined
      if (position === last && time < addedAt) return op === 'live' ? (schema.columns[last]?.default ?? null) : undefined
      return fresh[position]
    })
    if (op === 'update' && values.every((value) => value === undefined)) continue
    events.push({ time, op, values })
  }
  return events
}

/** The row at a timestamp; undefined: there is none. */
export function stateAt(story: RowStory, timestamp: number): PlainRow | undefined {
  if (story.insertedAt > timestamp) return undefined
  let row: PlainRow = story.inserted
  let alive = true
  for (const { time, op, values } of story.events) {
    if (time > timestamp) break
    alive = op !== 'delete'
    row = overlay(row, values)
  }
  return alive ? row : undefined
}

/**
 * Splits: the flush took all history up to `flushedThrough`, and the column at a position was compacted through
 * `compactedThrough[position]`, which is no earlier.
 */
export function splitHistory(
  schema: TableSchema,
  stories: readonly RowStory[],
  flushedThrough: number,
  compactedThrough: readonly number[],
): SplitHistory {
  const undo: PlainChange[][] = [[], ...compactedThrough.map(() => [])]
  const redo: PlainChange[] = []
  const base = stories.map((story, row) => {
    const { inserted, events, insertedAt } = story
    const change = (time: number, op: HistoryEvent['op'], values: HistoryEvent['values']): PlainChange => ({
      row,
      time,
      op: deltaOps[op],
      values: values.map((value, position) => (schema.keyColumns.includes(position) ? (inserted[position] as ColumnValue) : value)),
    })
    const lastFlushed = events.findLast(({ time }) => time <= flushedThrough)
    let values = inserted
    for (const event of events) {
      const { time, op } = event
      if (event === lastFlushed && op === 'delete')
        redo.push(
          change(
            time,
            'delete',
            inserted.map(() => undefined),
          ),
        )
      else if (time <= flushedThrough) (undo[0] as PlainChange[]).push(undoOf(event, values, change))
      else {
        const isCompacted = (position: number) => time <= (compactedThrough[position] as number)
        event.values.forEach((value, position) => {
          if (value === undefined || !isCompacted(position)) return
          undo[position + 1]?.push(
            change(
              time,
              'update',
              values.map((old, p) => (p === position ? old : undefined)),
            ),
          )
        })
        const left = event.values.map((value, position) => (isCompacted(position) ? undefined : value))
        if (op !== 'update' || left.some((value) => value !== undefined)) redo.push(change(time, op, left))
      }
      values = overlay(
        values,
        event.values.map((value, position) => (time <= Math.max(flushedThrough, compactedThrough[position] as number) ? value : undefined)),
      )
    }
    return { row: values, timestamp: insertedAt }
  })
  return { base, undo: undo.filter((changes) => changes.length > 0), redo: redo.sort((a, b) => a.time - b.time || a.row - b.row) }
}

function undoOf(
  { time, op, values: set }: HistoryEvent,
  before: PlainRow,
  change: (time: number, op: HistoryEvent['op'], values: HistoryEvent['values']) => PlainChange,
): PlainChange {
  if (op === 'delete') return change(time, 'live', before)
  if (op === 'live')
    return change(
      time,
      'delete',
      set.map(() => undefined),
    )
  return change(
    time,
    'update',
    set.map((value, position) => (value === undefined ? undefined : before[position])),
  )
}

function overlay(row: PlainRow, values: readonly (ColumnValue | undefined)[]): PlainRow {
  return row.map((value, position) => (values[position] === undefined ? value : (values[position] as ColumnValue)))
}
