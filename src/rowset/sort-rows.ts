/**
 * Sorting the rows of a MemRowSet by key.
 *
 * A key is looked at as big-endian 32-bit words. Fixed keys: the last word first, each word in three digits (11, 11 and
 * 10 bits) by counting; digits that are the same in all rows are skipped. Variable keys: by the first 8 bytes in the
 * same way; among rows that agree in these by the next 8, and so on; few rows by comparison.
 *
 * The work is cut into slices by `yield`, so that a main thread can let its event loop through; a worker drains it.
 */
import { keyBytesMax } from '../schema/key-encoding.ts'
import type { MemRows } from './mem-rows.ts'

const digitShifts = [0, 11, 22] as const
const digitMask = 2047
const digitValues = 2048
const rowsPerSlice = 32768
/** Rows up to which comparing beats counting. */
const fewRows = 48

/** Row ids and their current words, and as much room again to move them to. */
interface SortBuffers {
  ids: Int32Array
  spareIds: Int32Array
  words: Uint32Array
  spareWords: Uint32Array
  /** How often each value of each digit occurs, then where the next row of that value goes. */
  readonly counts: Int32Array
}

/** The ids of rows `[from .. to)` in key order. Yields after every few milliseconds' work. */
export function* sortRowsInSlices(rows: MemRows, from: number, to: number): Generator<void, Int32Array, void> {
  const count = to - from
  const ids = new Int32Array(count)
  for (let a = 0; a < count; a += rowsPerSlice) {
    for (let i = a; i < Math.min(count, a + rowsPerSlice); i++) ids[i] = from + i
    if (a > 0 && a % (8 * rowsPerSlice) === 0) yield
  }
  if (yield* isSorted(rows, ids)) return ids

  const buffers: SortBuffers = {
    ids,
    spareIds: new Int32Array(count),
    words: new Uint32Array(count),
    spareWords: new Uint32Array(count),
    counts: new Int32Array(3 * digitValues),
  }
  const { wordsPerKey } = rows.layout
  if (wordsPerKey === 0) yield* sortByBytes(rows, buffers, 0, count, 0)
  else for (let word = wordsPerKey - 1; word >= 0; word--) yield* sortByWord(rows, buffers, 0, count, word)
  return buffers.ids
}

/** As `sortRowsInSlices`, at once. */
export function sortRows(rows: MemRows, from: number, to: number): Int32Array {
  const work = sortRowsInSlices(rows, from, to)
  for (;;) {
    const step = work.next()
    if (step.done) return step.value
  }
}

function* isSorted(rows: MemRows, ids: Int32Array): Generator<void, boolean, void> {
  for (let i = 1; i < ids.length; i++) {
    if (rows.compareRows(ids[i - 1] as number, ids[i] as number) > 0) return false
    if (i % rowsPerSlice === 0) yield
  }
  return true
}

/** Sorts `ids[from .. to)`, whose keys agree in the bytes before `depth`. */
function* sortByBytes(rows: MemRows, buffers: SortBuffers, from: number, to: number, depth: number): Generator<void, void, void> {
  yield* sortByWord(rows, buffers, from, to, depth + 4)
  yield* sortByWord(rows, buffers, from, to, depth)

  const runs = yield* equalRuns(rows, buffers, from, to, depth)
  let compared = 0
  for (let r = 0; r < runs.length; r += 2) {
    const first = runs[r] as number
    const end = runs[r + 1] as number
    if (end - first > fewRows && depth <= keyBytesMax) {
      yield* sortByBytes(rows, buffers, first, end, depth + 8)
      continue
    }
    sortByComparing(rows, buffers.ids, first, end)
    compared += end - first
    if (compared < rowsPerSlice / 4) continue
    compared = 0
    yield
  }
}

/** Where, in `ids[from .. to)`, more than one row in a row has the same 8 bytes at `depth`: pairs of first and end. */
function* equalRuns(
  rows: MemRows,
  { ids, words, spareWords }: SortBuffers,
  from: number,
  to: number,
  depth: number,
): Generator<void, number[], void> {
  const runs: number[] = []
  let first = from
  for (let a = from; a < to; a += rowsPerSlice) {
    const b = Math.min(to, a + rowsPerSlice)
    loadWords(rows, ids, words, a, b, depth)
    loadWords(rows, ids, spareWords, a, b, depth + 4)
    for (let i = Math.max(a, from + 1); i < b; i++) {
      if (words[i] === words[i - 1] && spareWords[i] === spareWords[i - 1]) continue
      if (i - first > 1) runs.push(first, i)
      first = i
    }
    yield
  }
  if (to - first > 1) runs.push(first, to)
  return runs
}

/** By insertion: stable, and linear where the rows came in order. */
function sortByComparing(rows: MemRows, ids: Int32Array, from: number, to: number): void {
  for (let i = from + 1; i < to; i++) {
    const row = ids[i] as number
    let at = i
    while (at > from && rows.compareRows(ids[at - 1] as number, row) > 0) {
      ids[at] = ids[at - 1] as number
      at--
    }
    ids[at] = row
  }
}

/**
 * Sorts `ids[from .. to)` by one word and leaves equal ones as they were. `word`: the ordinal of a fixed key's word, or
 * the byte position in a variable key.
 */
function* sortByWord(rows: MemRows, buffers: SortBuffers, from: number, to: number, word: number): Generator<void, void, void> {
  const { counts } = buffers
  counts.fill(0)
  for (let a = from; a < to; a += rowsPerSlice) {
    const b = Math.min(to, a + rowsPerSlice)
    loadWords(rows, buffers.ids, buffers.words, a, b, word)
    countDigits(buffers.words, counts, a, b)
    if (b < to) yield
  }
  let moved = false
  for (let digit = 0; digit < 3; digit++) {
    const shift = digitShifts[digit] as number
    const own = counts.subarray(digit * digitValues, (digit + 1) * digitValues)
    if (own[((buffers.words[from] as number) >>> shift) & digitMask] === to - from) continue
    countsToPlaces(own, from)
    for (let a = from; a < to; a += rowsPerSlice) {
      scatter(buffers, own, shift, a, Math.min(to, a + rowsPerSlice))
      yield
    }
    const { ids, spareIds, words, spareWords } = buffers
    buffers.ids = spareIds
    buffers.spareIds = ids
    buffers.words = spareWords
    buffers.spareWords = words
    moved = !moved
  }
  if (!moved || to - from === buffers.ids.length) return
  // A part was sorted: the rest stayed in the other array, so that the part goes back there.
  buffers.spareIds.set(buffers.ids.subarray(from, to), from)
  const { ids } = buffers
  buffers.ids = buffers.spareIds
  buffers.spareIds = ids
}

function loadWords(rows: MemRows, ids: Int32Array, words: Uint32Array, from: number, to: number, word: number): void {
  const { wordsPerKey } = rows.layout
  for (let i = from; i < to; i++) {
    const row = ids[i] as number
    const segment = rows.segmentAt(rows.segmentOf(row))
    const at = row - segment.firstRow
    if (wordsPerKey > 0) words[i] = segment.keys[at * wordsPerKey + word] as number
    else words[i] = rows.keyHeap.wordAt((segment.keys[at] as number) + word, segment.keys[at + 1] as number)
  }
}

function countDigits(words: Uint32Array, counts: Int32Array, from: number, to: number): void {
  for (let i = from; i < to; i++) {
    const word = words[i] as number
    const low = word & digitMask
    const middle = digitValues + ((word >>> 11) & digitMask)
    const high = 2 * digitValues + (word >>> 22)
    counts[low] = (counts[low] as number) + 1
    counts[middle] = (counts[middle] as number) + 1
    counts[high] = (counts[high] as number) + 1
  }
}

function countsToPlaces(counts: Int32Array, first: number): void {
  let place = first
  for (let value = 0; value < digitValues; value++) {
    const count = counts[value] as number
    counts[value] = place
    place += count
  }
}

function scatter({ ids, spareIds, words, spareWords }: SortBuffers, places: Int32Array, shift: number, from: number, to: number): void {
  for (let i = from; i < to; i++) {
    const word = words[i] as number
    const digit = (word >>> shift) & digitMask
    const place = places[digit] as number
    places[digit] = place + 1
    spareIds[place] = ids[i] as number
    spareWords[place] = word
  }
}
