import { invariant } from '../base/errors.ts'
import type { ColumnVector } from '../schema/column-vector.ts'
import type { ColumnValue, TableSchema } from '../schema/table-schema.ts'
import { appendRows, type ColumnSource } from './append-rows.ts'
import type { ChunkPool, SpanSource } from './chunk-pool.ts'
import { DeltaIndex } from './delta-index.ts'
import { deltaKeys } from './delta-keys.ts'
import { type DeltaOp, type DeltaSchema, deltaOps, deltaPositionOf, deltaPositions, deltaSchema } from './delta-schema.ts'
import { MemDeltaRun, splitIntoBlocks } from './mem-delta-run.ts'
import { type FrozenMemRowSet, MemRows } from './mem-rows.ts'
import type { MemColumn } from './mem-segment.ts'
import type { DeltaBlock, DeltaRun, MemDeltaSource } from './row-changes.ts'
import { layoutFor } from './segment-layout.ts'

/**
 * The changes that a rowset's rows have taken since its last flush of deltas: rows of the delta schema in shared memory,
 * in the order of application, and an index from rows to their changes. Changes are numbered from 0 on.
 *
 * Main thread only. Its memory lives until the last of its users (the rowset, scans, a job) has let go of it.
 */
export class DeltaMemStore implements MemDeltaSource {
  /** The table whose rows change; `schema` is that of the changes. */
  readonly delta: DeltaSchema
  /** The lowest op id whose changes it holds: the log is kept from there. Undefined while empty. */
  oldestOpId: number | undefined
  minTime = Number.POSITIVE_INFINITY
  maxTime = Number.NEGATIVE_INFINITY

  private readonly chunks: ChunkPool
  /** The pool, counting what goes to changes of this store. */
  private readonly memory: SpanSource
  private readonly rows: MemRows
  private readonly index = new DeltaIndex()
  private opIds = new Float64Array(64)
  /** By position in the base schema, how many changes set the column. */
  private readonly setCounts: Float64Array
  private readonly isKey: Uint8Array
  private killCount = 0
  private spanBytes = 0
  private references = 1
  private frozen = false

  /** An empty store; the caller holds the first reference. */
  constructor(o: { base: TableSchema; chunks: ChunkPool }) {
    this.delta = deltaSchema(o.base)
    this.chunks = o.chunks
    this.memory = {
      acquire: (size) => {
        const span = o.chunks.acquire(size)
        this.spanBytes += span.byteLength
        return span
      },
    }
    this.rows = new MemRows(this.delta.schema, layoutFor(this.delta.schema))
    this.setCounts = new Float64Array(o.base.columns.length)
    this.isKey = Uint8Array.from(o.base.columns, (_, position) => (o.base.keyColumns.includes(position) ? 1 : 0))
  }

  get changeCount(): number {
    return this.rows.rowCount
  }

  /** The highest commit timestamp of its changes; −Infinity while empty. */
  get newestTimestamp(): number {
    return this.maxTime
  }

  get mayKill(): boolean {
    return this.killCount > 0
  }

  mayUpdate(position: number): boolean {
    return (this.setCounts[position] as number) > 0
  }

  /** Bytes of memory it holds: spans by their whole size, and the index. Cheap. */
  get usedBytes(): number {
    return this.references === 0 ? 0 : this.spanBytes + this.index.usedBytes + this.opIds.byteLength
  }

  /**
   * Adds changes: of all rows of the block, or of those that the selection names. Each is newer than every change of its row
   * that is here. If memory cannot be had it throws, and nothing was added.
   */
  append(block: DeltaBlock, selection?: Int32Array): void {
    invariant(!this.frozen, 'changes were appended to a frozen DeltaMemStore')
    const { rows, index } = this
    const { timestamp, opId } = block
    const count = selection?.length ?? block.rows.length
    if (count === 0) return
    this.checkOrder(block, selection, count)
    const first = rows.rowCount
    this.reserve(first, count)
    const keys = deltaKeys(block.rows, timestamp)
    appendRows(rows, this.memory, { count, selection, keys, columns: this.columnsOf(block), timestamp })
    rows.rowCount = first + count
    for (let k = 0; k < count; k++) index.add(block.rows[selection === undefined ? k : (selection[k] as number)] as number)
    this.opIds.fill(opId, first, first + count)
    this.note(block, count)
  }

  /** Takes no more changes from now on, and describes what there is for a job. The job's caller holds a reference meanwhile. */
  freeze(): FrozenMemRowSet {
    this.frozen = true
    return this.rows.freeze(0)
  }

  countIn(from: number, to: number): number {
    return this.index.countIn(from, to)
  }

  mayChange(row: number): boolean {
    return this.index.latestOf(row) >= 0
  }

  open(from: number, to: number): DeltaRun {
    return this.runOf(this.index.changesIn(from, to))
  }

  openRows(rows: Int32Array): DeltaRun {
    return this.runOf(this.index.changesOf(rows))
  }

  /** The newest change of a row; −1: none. */
  latestOf(row: number): number {
    return this.index.latestOf(row)
  }

  /** The change of the same row before a change; −1: none. */
  previousOf(change: number): number {
    return this.index.previousOf(change)
  }

  /** The row that a change changes. */
  rowOf(change: number): number {
    return this.number(change, deltaPositions.row)
  }

  /** A change's commit timestamp. */
  timeOf(change: number): number {
    return this.rows.timestampOf(change)
  }

  opOf(change: number): DeltaOp {
    return this.number(change, deltaPositions.op) as DeltaOp
  }

  /** The id of the op that made a change. */
  opIdOf(change: number): number {
    invariant(change >= 0 && change < this.changeCount, 'a change that a DeltaMemStore does not hold')
    return this.opIds[change] as number
  }

  /** Whether a change sets the column at a position of the base schema. */
  isSetAt(change: number, position: number): boolean {
    const { rows } = this
    const setPosition = this.delta.setPositions[position] as number
    const segment = rows.segmentAt(rows.segmentOf(change))
    const column = segment.columns[setPosition < 0 ? deltaPositionOf(position) : setPosition] as MemColumn
    return (column.nulls as Uint8Array)[change - segment.firstRow] === 0
  }

  /** Puts a change's values of the columns at `positions` of the base schema into `out`; null where it does not set them. */
  readRow(change: number, positions: readonly number[], out: ColumnValue[]): void {
    this.rows.readRow(change, positions, out, deltaPositions.firstColumn)
  }

  /** As `readRow`, as vectors: see `MemRowSet.vectorsAt`. */
  vectorsAt(change: number, positions: readonly number[], vectors: ColumnVector[], indexes: number[]): void {
    this.rows.vectorsAt(change, positions, vectors, indexes, deltaPositions.firstColumn)
  }

  /** The changes made by ops above `opId`, or all, in the order of application. */
  changesSince(opId = Number.NEGATIVE_INFINITY): Int32Array {
    const { opIds, changeCount } = this
    const changes = new Int32Array(changeCount)
    let count = 0
    for (let change = 0; change < changeCount; change++) if ((opIds[change] as number) > opId) changes[count++] = change
    return changes.subarray(0, count)
  }

  /**
   * Changes as they would be appended elsewhere, in the order given: a block for each run of them that is of one op and time
   * and sets the same columns.
   */
  blocks(changes: Int32Array): Generator<DeltaBlock> {
    return splitIntoBlocks(this.delta, this.runOf(changes), (k) => this.opIdOf(changes[k] as number))
  }

  /** Keeps the memory for one more user. */
  retain(): void {
    invariant(this.references > 0, 'a DeltaMemStore was retained after its last reference was released')
    this.references++
  }

  /** Lets go; with the last reference the memory returns to the pool. */
  release(): void {
    invariant(this.references > 0, 'a DeltaMemStore was released more often than retained')
    if (--this.references > 0) return
    for (const span of this.rows.spans()) this.chunks.release(span)
    this.rows.clear()
    this.index.clear()
  }

  private runOf(changes: Int32Array): MemDeltaRun {
    return new MemDeltaRun(this.rows, this.delta, changes)
  }

  private checkOrder({ rows, timestamp }: DeltaBlock, selection: Int32Array | undefined, count: number): void {
    if (timestamp > this.maxTime) return
    for (let k = 0; k < count; k++) {
      const latest = this.latestOf(rows[selection === undefined ? k : (selection[k] as number)] as number)
      invariant(latest < 0 || this.timeOf(latest) < timestamp, 'a change of a row was appended behind a newer one')
    }
  }

  private reserve(first: number, count: number): void {
    this.index.reserve(count)
    if (first + count <= this.opIds.length) return
    const { opIds } = this
    this.opIds = new Float64Array(Math.max(opIds.length * 2, first + count))
    this.opIds.set(opIds)
  }

  /** The block as columns of the delta schema. */
  private columnsOf(block: DeltaBlock): ColumnSource[] {
    const { schema, setPositions } = this.delta
    const columns = new Array<ColumnSource>(schema.columns.length).fill(undefined)
    columns[deltaPositions.row] = { form: 'fixed', length: block.rows.length, values: block.rows, nulls: undefined }
    columns[deltaPositions.time] = block.timestamp
    columns[deltaPositions.op] = deltaOps[block.op]
    block.positions.forEach((position, i) => {
      columns[deltaPositionOf(position)] = block.values.columns[i]
      const setPosition = setPositions[position] as number
      if (setPosition >= 0) columns[setPosition] = 1
    })
    return columns
  }

  private note({ op, timestamp, opId, positions }: DeltaBlock, count: number): void {
    if (op !== 'update') this.killCount += count
    for (const position of positions)
      if (this.isKey[position] === 0) this.setCounts[position] = (this.setCounts[position] as number) + count
    this.oldestOpId = Math.min(this.oldestOpId ?? opId, opId)
    this.minTime = Math.min(this.minTime, timestamp)
    this.maxTime = Math.max(this.maxTime, timestamp)
  }

  private number(change: number, position: number): number {
    const { rows } = this
    const segment = rows.segmentAt(rows.segmentOf(change))
    return segment.columns[position]?.values[change - segment.firstRow] as number
  }
}
