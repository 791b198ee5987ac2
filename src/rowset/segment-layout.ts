/**
 * How a MemRowSet lays its rows out in shared memory.
 *
 * Rows lie in segments. A segment is one span of the ChunkPool and holds a fixed number of rows as columns, one after
 * another, each beginning at a multiple of 8 bytes:
 *
 *   timestamps    8 bytes a row, the commit timestamp of its insert, a double
 *   keys          fixed: `wordsPerKey` 32-bit words a row; variable: 4 bytes a row and 4 more, positions in heap 0
 *   each column   fixed: its width; string and binary: 4 bytes a row and 4 more, positions in a heap of its own
 *   each nullable column: 1 byte a row, 1 where the value is null
 *
 * An int64 column holds doubles. A segment that meets a value beyond ±2^53 gets a second span with the same rows of
 * that column as 64-bit integers, and writes to that one from then on ("wide"); views of the first stay valid.
 *
 * A heap is a sequence of spans with bytes end to end; value i lies at [position i, position i + 1), and may straddle
 * spans. The first segment and the first span of a heap are slabs, so that a small table stays small.
 */
import { invariant } from '../base/errors.ts'
import type { ColumnKind } from '../schema/column-vector.ts'
import { keyLayout } from '../schema/key-encoding.ts'
import type { TableSchema } from '../schema/table-schema.ts'
import { chunkBytes, slabBytes } from './chunk-pool.ts'

/** Where a column lies in a segment; plain data. `at` and `nullsAt` are byte offsets. */
export interface ColumnLayout {
  readonly kind: ColumnKind
  /** Bytes a row; 4 for strings and binary. */
  readonly width: 1 | 2 | 4 | 8
  readonly at: number
  /** -1: the column is not nullable. */
  readonly nullsAt: number
  /** -1: the column has no heap. */
  readonly heap: number
}

/** Where everything lies in a segment of a given size; plain data. */
export interface SegmentLayout {
  /** Bytes of the span. */
  readonly sizeBytes: number
  /** A multiple of 8. */
  readonly rowCount: number
  readonly timestampsAt: number
  readonly keysAt: number
  readonly columns: readonly ColumnLayout[]
}

/** What a MemRowSet's memory looks like; plain data, the same in a worker. */
export interface MemLayout {
  /** Words of a fixed key; 0: keys are variable and lie in heap 0. */
  readonly wordsPerKey: number
  readonly heapCount: number
  readonly first: SegmentLayout
  readonly rest: SegmentLayout
}

const rowsPerSlabMin = 64

/** Bytes a row takes in a typed array of its kind; offsets of strings and binary take 4. */
export function widthOf(kind: ColumnKind): 1 | 2 | 4 | 8 {
  switch (kind) {
    case 'bool':
    case 'int8':
      return 1
    case 'int16':
      return 2
    case 'int32':
    case 'float':
    case 'string':
    case 'binary':
      return 4
    default:
      return 8
  }
}

/** Whether values of the kind lie in a heap. */
export function isBytesKind(kind: ColumnKind): boolean {
  return kind === 'string' || kind === 'binary'
}

/** The layout of a table's rows. */
export function layoutFor(schema: TableSchema): MemLayout {
  const keys = keyLayout(schema)
  const wordsPerKey = keys.form === 'fixed' ? keys.wordsPerKey : 0
  const small = segmentLayout(schema, wordsPerKey, slabBytes)
  const rest = segmentLayout(schema, wordsPerKey, chunkBytes)
  invariant(rest.rowCount >= 8, `a row of table ${schema.name} is too wide for a MemRowSet: 8 rows must fit 1 MiB`)
  const heapCount = (wordsPerKey === 0 ? 1 : 0) + schema.columns.filter((column) => isBytesKind(column.kind)).length
  return { wordsPerKey, heapCount, first: small.rowCount >= rowsPerSlabMin ? small : rest, rest }
}

function segmentLayout(schema: TableSchema, wordsPerKey: number, sizeBytes: number): SegmentLayout {
  const keyWidth = wordsPerKey === 0 ? 4 : wordsPerKey * 4
  let rowBytes = 8 + keyWidth
  let slackBytes = wordsPerKey === 0 ? 8 : 0
  for (const column of schema.columns) {
    rowBytes += widthOf(column.kind) + (column.nullable ? 1 : 0)
    slackBytes += isBytesKind(column.kind) ? 8 : 0
  }
  const rowCount = Math.max(0, Math.floor((sizeBytes - slackBytes) / rowBytes) & ~7)

  let at = rowCount * 8
  const place = (width: number, extra: number): number => {
    const placed = at
    at = (at + rowCount * width + extra + 7) & ~7
    return placed
  }
  const keysAt = place(keyWidth, wordsPerKey === 0 ? 4 : 0)
  let heap = wordsPerKey === 0 ? 1 : 0
  const columns = schema.columns.map((column): ColumnLayout => {
    const bytes = isBytesKind(column.kind)
    const width = widthOf(column.kind)
    return {
      kind: column.kind,
      width,
      at: place(width, bytes ? 4 : 0),
      nullsAt: column.nullable ? place(1, 0) : -1,
      heap: bytes ? heap++ : -1,
    }
  })
  return { sizeBytes, rowCount, timestampsAt: 0, keysAt, columns }
}
