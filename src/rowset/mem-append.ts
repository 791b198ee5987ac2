/**
 * Copying columns of a block into a segment. All functions write rows `at ..` of the segment and read the
 * source's rows
 * `[from .. to)`, or, given a selection, the rows that its elements `[from .. to)` name. Nothing is allocated but
 * views; loops see one element width each.
 */
import { invariant } from '../base/errors.ts'
import type { BytesVector, ColumnVector, DictionaryVector, FixedArray, FixedVector, KeyBlock } from '../schema/column-vector.ts'
import { type ByteHeap, heapBytesMax } from './byte-heap.ts'
import type { SpanSource } from './chunk-pool.ts'
import { allWithinDoubles, doublesOf } from './int64-doubles.ts'
import type { MemColumn, MemSegment, RawArray } from './mem-segment.ts'

/** Rows of a block that go into a segment. */
export interface AppendSlice {
  readonly selection: Int32Array | undefined
  readonly from: number
  readonly to: number
  /** The segment's row at which to begin. */
  readonly at: number
}

/** Appends one column's values and nulls. `heap` is there for strings and binary. */
export function appendColumn(
  column: MemColumn,
  heap: ByteHeap | undefined,
  vector: ColumnVector,
  slice: AppendSlice,
  memory: SpanSource,
): void {
  appendNulls(column, vector.nulls, slice)
  if (heap !== undefined) {
    invariant(vector.form !== 'fixed', 'a string or binary column was given fixed values')
    if (vector.form === 'bytes') appendBytes(column.values as Uint32Array, heap, vector, slice, memory)
    else appendDictionary(column.values as Uint32Array, heap, vector, slice, memory)
    return
  }
  invariant(vector.form === 'fixed', 'a fixed-width column was given strings or binary values')
  if (column.layout.kind === 'int64') appendInt64(column, vector, slice, memory)
  else appendFixed(column, vector.values, slice)
}

/** Appends null to a nullable column, as many times as there are rows. */
export function appendAbsent(column: MemColumn, { from, to, at }: AppendSlice): void {
  const end = at + to - from
  invariant(column.nulls !== undefined, 'a block of rows lacks a column that is not nullable')
  fill1(column.nulls, 1, at, end)
  column.nullCount += to - from
  // Values in a heap begin where the one before ends, and a null takes no byte of it.
  if (column.layout.heap >= 0) fill4(column.raw as Int32Array, (column.raw as Int32Array)[at] as number, at + 1, end + 1)
  else if (column.wide !== undefined) column.wide.fill(0n, at, end)
  else fillRaw(column.raw, 0, at, end)
}

/** Appends one number to a fixed-width column, as many times as there are rows; of int64 only within ±2^53. */
export function appendNumber(column: MemColumn, value: number, { from, to, at }: AppendSlice): void {
  const end = at + to - from
  invariant(column.layout.heap < 0, 'a string or binary column was given a number')
  if (column.nulls !== undefined) fill1(column.nulls, 0, at, end)
  if (column.wide !== undefined) column.wide.fill(BigInt(value), at, end)
  else if (column.layout.kind === 'float') (column.values as Float32Array).fill(value, at, end)
  else fillRaw(column.raw, value, at, end)
}

/** Appends encoded keys; `heap` is there for variable keys. */
export function appendKeys(segment: MemSegment, heap: ByteHeap | undefined, keys: KeyBlock, slice: AppendSlice, memory: SpanSource): void {
  if (keys.form === 'variable') {
    invariant(heap !== undefined, 'variable keys for a table of fixed ones')
    appendBytes(segment.keys, heap, keys, slice, memory)
    return
  }
  invariant(heap === undefined, 'fixed keys for a table of variable ones')
  const { words, wordsPerKey } = keys
  const { selection, from, to, at } = slice
  const target = segment.keys
  if (selection === undefined) {
    copyValues(words, from * wordsPerKey, to * wordsPerKey, target, at * wordsPerKey)
    return
  }
  let next = at * wordsPerKey
  for (let i = from; i < to; i++) {
    const first = (selection[i] as number) * wordsPerKey
    for (let w = 0; w < wordsPerKey; w++) target[next++] = words[first + w] as number
  }
}

function appendNulls(column: MemColumn, nulls: Uint8Array | undefined, { selection, from, to, at }: AppendSlice): void {
  const target = column.nulls
  if (target === undefined) {
    invariant(nulls === undefined, 'nulls for a column that is not nullable')
    return
  }
  if (nulls === undefined) {
    fill1(target, 0, at, at + to - from)
    return
  }
  let count = 0
  for (let i = from; i < to; i++) {
    const isNull = nulls[selection === undefined ? i : (selection[i] as number)] as number
    target[at + i - from] = isNull
    count += isNull
  }
  column.nullCount += count
}

function appendFixed(column: MemColumn, values: FixedArray, { selection, from, to, at }: AppendSlice): void {
  if (selection === undefined) copyValues(values as Float64Array, from, to, column.values as Float64Array, at)
  else copySelected(column.raw, at, rawView(values), selection, from, to)
}

/**
 * Values that are no more than this are copied, or filled in, one by one. A view of a small typed array costs many times the
 * copy: the engine keeps it within the heap until somebody asks for its buffer.
 */
const copiedSinglyMax = 16

function copyValues<A extends Uint32Array | Float64Array>(source: A, from: number, to: number, target: A, at: number): void {
  if (to - from > copiedSinglyMax) target.set(source.subarray(from, to), at)
  else for (let i = from; i < to; i++) target[at + i - from] = source[i] as number
}

function appendInt64(column: MemColumn, vector: FixedVector, slice: AppendSlice, memory: SpanSource): void {
  const { values } = vector
  if (column.wide === undefined) {
    if (values instanceof Float64Array) return appendFixed(column, values, slice)
    invariant(values instanceof BigInt64Array, 'an int64 column takes doubles or 64-bit integers')
    if (allWithinDoubles(values)) return appendFixed(column, doublesOf(values), slice)
    widenColumn(column, slice.at, memory)
  }
  const wide = column.wide as unknown as BigInt64Array
  const { selection, from, to, at } = slice
  for (let i = from; i < to; i++) {
    const value = values[selection === undefined ? i : (selection[i] as number)] as number | bigint
    wide[at + i - from] = BigInt(value)
  }
}

/** Gives the column's segment room for 64-bit integers and copies the first `rowCount` rows there. */
function widenColumn(column: MemColumn, rowCount: number, memory: SpanSource): void {
  const bytes = column.values.length * 8
  const wide = column.widen(memory.acquire(bytes <= 1 << 16 ? 'slab' : 'chunk'))
  for (let i = 0; i < rowCount; i++) wide[i] = BigInt(column.values[i] as number)
}

function appendBytes(
  positions: Uint32Array,
  heap: ByteHeap,
  source: Pick<BytesVector, 'offsets' | 'bytes'>,
  { selection, from, to, at }: AppendSlice,
  memory: SpanSource,
): void {
  const { offsets, bytes } = source
  let position = positions[at] as number
  if (selection === undefined) {
    const first = offsets[from] as number
    const end = offsets[to] as number
    ensureRoom(heap, position + end - first, memory)
    heap.write(position, bytes, first, end)
    const shift = position - first
    for (let i = from; i < to; i++) positions[at + 1 + i - from] = (offsets[i + 1] as number) + shift
    return
  }
  for (let i = from; i < to; i++) {
    const row = selection[i] as number
    const first = offsets[row] as number
    const end = offsets[row + 1] as number
    ensureRoom(heap, position + end - first, memory)
    heap.write(position, bytes, first, end)
    position += end - first
    positions[at + 1 + i - from] = position
  }
}

function appendDictionary(
  positions: Uint32Array,
  heap: ByteHeap,
  vector: DictionaryVector,
  { selection, from, to, at }: AppendSlice,
  memory: SpanSource,
): void {
  const { codes, nulls } = vector
  const { offsets, bytes } = vector.dictionary
  let position = positions[at] as number
  for (let i = from; i < to; i++) {
    const row = selection === undefined ? i : (selection[i] as number)
    if (nulls === undefined || nulls[row] === 0) {
      const code = codes[row] as number
      const first = offsets[code] as number
      const end = offsets[code + 1] as number
      ensureRoom(heap, position + end - first, memory)
      heap.write(position, bytes, first, end)
      position += end - first
    }
    positions[at + 1 + i - from] = position
  }
}

function ensureRoom(heap: ByteHeap, endPosition: number, memory: SpanSource): void {
  while (heap.capacityBytes < endPosition) {
    invariant(endPosition <= heapBytesMax, 'one column of a MemRowSet holds more than 4 GiB; it should have been flushed')
    heap.addSpan(memory.acquire(heap.spans.length === 0 ? 'slab' : 'chunk'))
  }
}

/** The same bits as `RawArray` of the values' width. */
function rawView(values: FixedArray): RawArray {
  switch (values.BYTES_PER_ELEMENT) {
    case 1:
      return new Uint8Array(values.buffer, values.byteOffset, values.length)
    case 2:
      return new Int16Array(values.buffer, values.byteOffset, values.length)
    case 4:
      return new Int32Array(values.buffer, values.byteOffset, values.length)
    default:
      return new Float64Array(values.buffer, values.byteOffset, values.length)
  }
}

function copySelected(target: RawArray, at: number, source: RawArray, selection: Int32Array, from: number, to: number): void {
  if (target instanceof Float64Array) copySelected8(target, at, source as Float64Array, selection, from, to)
  else if (target instanceof Int32Array) copySelected4(target, at, source as Int32Array, selection, from, to)
  else if (target instanceof Int16Array) copySelected2(target, at, source as Int16Array, selection, from, to)
  else copySelected1(target, at, source as Uint8Array, selection, from, to)
}

function copySelected1(target: Uint8Array, at: number, source: Uint8Array, selection: Int32Array, from: number, to: number): void {
  for (let i = from; i < to; i++) target[at++] = source[selection[i] as number] as number
}

function copySelected2(target: Int16Array, at: number, source: Int16Array, selection: Int32Array, from: number, to: number): void {
  for (let i = from; i < to; i++) target[at++] = source[selection[i] as number] as number
}

function copySelected4(target: Int32Array, at: number, source: Int32Array, selection: Int32Array, from: number, to: number): void {
  for (let i = from; i < to; i++) target[at++] = source[selection[i] as number] as number
}

function copySelected8(target: Float64Array, at: number, source: Float64Array, selection: Int32Array, from: number, to: number): void {
  for (let i = from; i < to; i++) target[at++] = source[selection[i] as number] as number
}

function fillRaw(target: RawArray, value: number, at: number, end: number): void {
  if (target instanceof Float64Array) fill8(target, value, at, end)
  else if (target instanceof Int32Array) fill4(target, value, at, end)
  else if (target instanceof Int16Array) fill2(target, value, at, end)
  else fill1(target, value, at, end)
}

function fill1(target: Uint8Array, value: number, at: number, end: number): void {
  if (end - at > copiedSinglyMax) target.fill(value, at, end)
  else for (let i = at; i < end; i++) target[i] = value
}

function fill2(target: Int16Array, value: number, at: number, end: number): void {
  if (end - at > copiedSinglyMax) target.fill(value, at, end)
  else for (let i = at; i < end; i++) target[i] = value
}

function fill4(target: Int32Array, value: number, at: number, end: number): void {
  if (end - at > copiedSinglyMax) target.fill(value, at, end)
  else for (let i = at; i < end; i++) target[i] = value
}

function fill8(target: Float64Array, value: number, at: number, end: number): void {
  if (end - at > copiedSinglyMax) target.fill(value, at, end)
  else for (let i = at; i < end; i++) target[i] = value
}
