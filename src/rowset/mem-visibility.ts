import { compareKeyToBytes, wordAt } from '../schema/key-search.ts'
import type { KeyRange } from './batch-source.ts'
import type { MemRows } from './mem-rows.ts'
import type { MemSegment } from './mem-segment.ts'

/** Whether a range has a bound. */
export function isBounded(range: KeyRange): boolean {
  return range.lower !== undefined || range.upper !== undefined
}

/**
 * Which of the rows `[from .. to)` of a segment a scan sees, counted from `from`: ascending; undefined: all of them.
 */
export function visibleRows(
  rows: MemRows,
  segment: MemSegment,
  from: number,
  to: number,
  o: { timestamp: number; range: KeyRange },
): Int32Array | undefined {
  const timestampMax = segment.maxTimestamp <= o.timestamp ? undefined : o.timestamp
  if (timestampMax === undefined && !isBounded(o.range)) return undefined
  const selection = new Int32Array(to - from)
  let count = 0
  if (!isBounded(o.range)) for (let i = from; i < to; i++) selection[count++] = i - from
  else if (rows.layout.wordsPerKey > 0) count = fixedInRange(rows, segment, from, to, o.range, selection)
  else count = variableInRange(rows, segment, from, to, o.range, selection)
  if (timestampMax !== undefined) count = insertedBy(segment.timestamps, from, timestampMax, selection, count)
  return count === to - from ? undefined : selection.subarray(0, count)
}

function fixedInRange(rows: MemRows, segment: MemSegment, from: number, to: number, range: KeyRange, selection: Int32Array): number {
  const width = rows.layout.wordsPerKey
  const { keys } = segment
  const lower = boundWords(range.lower, width, 0)
  // An open end is taken as the highest words there are, and then included.
  const upper = boundWords(range.upper, width, 0xffffffff)
  const upperIncluded = range.upper === undefined ? 1 : 0
  const lowerFirst = lower[0] as number
  const upperFirst = upper[0] as number
  let count = 0
  for (let i = from; i < to; i++) {
    const first = keys[i * width] as number
    if (first < lowerFirst || first > upperFirst) continue
    if (first === lowerFirst && compareWords(keys, i * width, lower) < 0) continue
    if (first === upperFirst && compareWords(keys, i * width, upper) >= upperIncluded) continue
    selection[count++] = i - from
  }
  return count
}

function boundWords(bound: Uint8Array | undefined, width: number, open: number): Uint32Array {
  const words = new Uint32Array(width)
  for (let w = 0; w < width; w++) words[w] = bound === undefined ? open : wordAt(bound, w * 4)
  return words
}

function compareWords(keys: Uint32Array, at: number, bound: Uint32Array): number {
  for (let w = 0; w < bound.length; w++) {
    const a = keys[at + w] as number
    const b = bound[w] as number
    if (a !== b) return a < b ? -1 : 1
  }
  return 0
}

function variableInRange(
  rows: MemRows,
  segment: MemSegment,
  from: number,
  to: number,
  { lower, upper }: KeyRange,
  selection: Int32Array,
): number {
  const keys = rows.keysIn(segment, from, to)
  let count = 0
  for (let i = 0; i < to - from; i++) {
    if (lower !== undefined && compareKeyToBytes(keys, i, lower) < 0) continue
    if (upper !== undefined && compareKeyToBytes(keys, i, upper) >= 0) continue
    selection[count++] = i
  }
  return count
}

/** Leaves in the selection what was inserted by then; returns how much that is. */
function insertedBy(timestamps: Float64Array, from: number, timestampMax: number, selection: Int32Array, count: number): number {
  let left = 0
  for (let i = 0; i < count; i++) {
    const row = selection[i] as number
    if ((timestamps[from + row] as number) <= timestampMax) selection[left++] = row
  }
  return left
}
