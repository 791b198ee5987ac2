import { invariant } from '../base/errors.ts'
import type { ColumnVector, KeyBlock, RowBlock } from '../schema/column-vector.ts'
import type { ColumnValue, TableSchema } from '../schema/table-schema.ts'
import { appendRows } from './append-rows.ts'
import { type BaseRun, memRuns } from './base-runs.ts'
import type { BatchSource } from './batch-source.ts'
import type { ChunkPool, SpanSource } from './chunk-pool.ts'
import { DeltaStack } from './delta-stack.ts'
import { GrowingKeyBounds, type KeyColumnBounds } from './key-bounds.ts'
import { KeyHashIndex } from './key-hash-index.ts'
import type { LookupMisses } from './lookup-misses.ts'
import { type FrozenMemRowSet, MemRows } from './mem-rows.ts'
import { memBatches, wantsOrder } from './mem-scan.ts'
import type { MemDeltaSource } from './row-changes.ts'
import { asValues, isAliveNow, newestChangeTime, type RowRead, readChanged } from './row-read.ts'
import type { MemRowSetScan } from './scan-options.ts'
import { layoutFor } from './segment-layout.ts'
import { SortedRuns } from './sorted-runs.ts'

/** What is appended with a block of rows. */
export interface AppendOptions {
  /** The rows to take, ascending; default: all. */
  readonly selection?: Int32Array
  /** The commit timestamp. */
  readonly timestamp: number
  readonly opId: number
}

/**
 * The rows a tablet has taken since its last flush: appended to columns in shared memory, found by a hash index over
 * their keys, unsorted until somebody asks for order. Row ids count from 0 and never change.
 *
 * Main thread only. Its memory lives until the last of its users (the tablet, scans, a flush job) has let go of it.
 */
export class MemRowSet {
  readonly schema: TableSchema
  /** Rises with every MemRowSet of a tablet; log records name it. */
  readonly generation: number
  /** The lowest op id whose rows it holds: the log is kept from there. Undefined while empty. */
  oldestOpId: number | undefined
  /** The highest commit timestamp of its rows; −Infinity while empty. */
  newestTimestamp = Number.NEGATIVE_INFINITY

  private readonly chunks: ChunkPool
  /** The pool, counting what goes to rows of this store. */
  private readonly memory: SpanSource
  private readonly rows: MemRows
  private readonly index: KeyHashIndex
  private readonly bounds = new GrowingKeyBounds()
  private readonly runs: SortedRuns
  /** Bytes of the spans that rows lie in. */
  private spanBytes = 0
  private stack = new DeltaStack<MemDeltaSource>()
  private references = 1
  private frozen = false
  /** Keys compared by range scans that found no order to use: once sorting would have been cheaper, it is done. */
  private comparedKeys = 0

  /** An empty store; the caller holds the first reference. */
  constructor(o: { schema: TableSchema; generation: number; chunks: ChunkPool }) {
    this.schema = o.schema
    this.generation = o.generation
    this.chunks = o.chunks
    this.memory = {
      acquire: (size) => {
        const span = o.chunks.acquire(size)
        this.spanBytes += span.byteLength
        return span
      },
    }
    this.rows = new MemRows(o.schema, layoutFor(o.schema))
    this.index = new KeyHashIndex(o.chunks)
    this.runs = new SortedRuns(this.rows, this)
  }

  get rowCount(): number {
    return this.rows.rowCount
  }

  /** Bytes of memory it holds, by whole spans. Cheap. */
  get usedBytes(): number {
    if (this.references === 0) return 0
    return this.spanBytes + this.index.usedBytes + this.runs.usedBytes
  }

  /**
   * Adds rows and returns the row id of the first; the others follow. Their keys must be absent here (`findFirst`),
   * and distinct. `keys` and `hashes` belong to all rows of the block, selected or not. If memory cannot
   * be had it throws, and no row was added.
   */
  append(block: RowBlock, keys: KeyBlock, hashes: Uint32Array, o: AppendOptions): number {
    invariant(!this.frozen, 'rows were appended to a frozen MemRowSet')
    const { rows } = this
    const firstRow = rows.rowCount
    const { selection, timestamp } = o
    const count = selection?.length ?? block.rowCount
    appendRows(rows, this.memory, { count, selection, keys, columns: block.columns, timestamp })
    this.index.insertMany(hashes, selection, count, firstRow)
    this.bounds.add(this.schema, block)
    rows.rowCount += count
    if (count > 0) {
      this.oldestOpId = Math.min(this.oldestOpId ?? o.opId, o.opId)
      this.newestTimestamp = Math.max(this.newestTimestamp, o.timestamp)
    }
    return firstRow
  }

  /** Whether some key column of all rows here lies apart from the bounds: then no row within them is here. */
  excludes(bounds: readonly KeyColumnBounds[]): boolean {
    return this.bounds.excludes(bounds)
  }

  /** The row that has key `index` of `keys`, whose hash is given; −1 if there is none. */
  find(keys: KeyBlock, index: number, hash: number): number {
    return this.index.find(this.rows, this.rows.rowCount, keys, index, hash)
  }

  /** The lowest index below `limit` whose key has a row here; −1 if none has. */
  findFirst(keys: KeyBlock, hashes: Uint32Array, limit: number): number {
    return this.index.findFirst(this.rows, this.rows.rowCount, keys, hashes, limit)
  }

  /** Puts the row's values of the columns at `positions` into `out`, as a row shows them. */
  readRow(row: number, positions: readonly number[], out: ColumnValue[]): void {
    this.rows.readRow(row, positions, out)
  }

  /**
   * As `readRow`, as vectors: `vectors[i]` holds, at `indexes[i]`, the row's value of the column at `positions[i]`. A
   * vector may span other rows, rows to come among them; int64 may be BigInt64Array though the value is small.
   */
  vectorsAt(row: number, positions: readonly number[], vectors: ColumnVector[], indexes: number[]): void {
    this.rows.vectorsAt(row, positions, vectors, indexes)
  }

  /** The commit timestamp at which a row was inserted. */
  timestampOf(row: number): number {
    return this.rows.timestampOf(row)
  }

  /** The encoded key of a row. */
  keyBytes(row: number): Uint8Array {
    return this.rows.keyBytes(row)
  }

  /**
   * To be called before `batches`, with the same options: brings rows into order where the scan needs it, letting the
   * event loop through. Undefined: nothing to wait for.
   */
  prepareScan(o: MemRowSetScan): Promise<void> | undefined {
    const rowCount = o.rowCount ?? this.rowCount
    return this.shouldSort(o, rowCount) ? this.runs.cover(rowCount) : undefined
  }

  /**
   * The rows that a scan sees, a batch at a time. The caller holds a reference from before the call until the last
   * batch is done with, and one to `deltas`. Sorted scans of rows that `prepareScan` has not brought into order do so now, blocking.
   */
  batches(o: MemRowSetScan, deltas: DeltaStack<MemDeltaSource> = this.stack): Iterable<BatchSource> {
    const rowCount = Math.min(o.rowCount ?? this.rowCount, this.rowCount)
    if (wantsOrder(o)) this.runs.coverSync(rowCount)
    return memBatches(this.rows, this.runs.current(), { ...o, rowCount, deltas }, (keys) => {
      this.comparedKeys += keys
    })
  }

  /** The first `rowCount` rows by runs, for a reader of several moments, who holds references as for `batches`. */
  baseRuns(rowCount: number, deltas: DeltaStack<MemDeltaSource>): Iterable<BaseRun> {
    return memRuns(this.rows, rowCount, deltas)
  }

  /** Takes no more rows from now on, and describes what there is for a job. The job's caller holds a reference meanwhile. */
  freeze(): FrozenMemRowSet {
    this.frozen = true
    return this.rows.freeze(this.generation)
  }

  /** Describes the rows that there are now for a job, and takes more. The job's caller holds a reference meanwhile. */
  describe(): FrozenMemRowSet {
    return this.rows.freeze(this.generation)
  }

  /** The changes of its rows. Another stack once there is another store of them. */
  get deltas(): DeltaStack<MemDeltaSource> {
    return this.stack
  }

  /** Reads that begin from now on see the changes of a store too, which are newer than all others. */
  addChanges(store: MemDeltaSource): void {
    const before = this.stack
    this.stack = before.withNewest(store)
    before.release()
  }

  /** Whether a row may be dead: then `isAliveNow` knows. */
  get mayHaveDeadRows(): boolean {
    return this.stack.mayKillNow
  }

  /** Whether a row is alive in the newest state. */
  isAliveNow(row: number, misses: LookupMisses): boolean | undefined {
    return isAliveNow(this.stack, row, misses)
  }

  /** When a row changed last: its insertion, if it never did. */
  newestChangeTime(row: number, misses: LookupMisses): number | undefined {
    return newestChangeTime(this.stack, row, this.timestampOf(row), misses)
  }

  /** Reads a row that `find` gave, as the read's snapshot sees it. False: there is no such row. */
  readRowAt(row: number, read: RowRead): boolean {
    if (this.timestampOf(row) > read.timestamp) return false
    if (this.stack.appliesAt(read.timestamp)) {
      const changed = readChanged(this, row, read)
      if (changed !== 'unchanged') return changed === true
    }
    this.rows.readRow(row, read.positions, read.values)
    read.index = asValues
    return true
  }

  /** For `readChanged`. */
  readBase(row: number, positions: readonly number[], vectors: ColumnVector[], indexes: number[]): boolean {
    this.rows.vectorsAt(row, positions, vectors, indexes)
    return true
  }

  /** Keeps the memory for one more user. */
  retain(): void {
    invariant(this.references > 0, 'a MemRowSet was retained after its last reference was released')
    this.references++
  }

  /** Lets go; with the last reference the memory returns to the pool. */
  release(): void {
    invariant(this.references > 0, 'a MemRowSet was released more often than retained')
    if (--this.references > 0) return
    this.stack.release()
    this.index.release()
    for (const span of this.rows.spans()) this.chunks.release(span)
    this.rows.clear()
  }

  private shouldSort(o: MemRowSetScan, rowCount: number): boolean {
    if (wantsOrder(o)) return true
    if (this.comparedKeys < comparisonsPerSortedRow * (rowCount - this.runs.coveredRows)) return false
    this.comparedKeys = 0
    return true
  }
}

/** Sorting a row costs about as much as comparing it with a range this many times. */
const comparisonsPerSortedRow = 32
