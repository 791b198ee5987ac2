import type { ColumnVector, KeyBlock } from '../schema/column-vector.ts'
import type { BatchSource, ZoneMap } from './batch-source.ts'
import { RowGather } from './mem-gather.ts'
import type { MemRows } from './mem-rows.ts'
import type { MemSegment } from './mem-segment.ts'

/** Rows `[from .. to)` of one segment as they lie there: columns of fixed width are views of the shared memory. */
export class MemSliceBatch implements BatchSource {
  readonly rowCount: number
  readonly sorted = false
  private readonly rows: MemRows
  private readonly segment: MemSegment
  private readonly from: number
  private readonly selected: Int32Array | undefined
  private readonly columns: (ColumnVector | undefined)[] = []
  private keyBlock: KeyBlock | undefined

  constructor(o: { rows: MemRows; segment: MemSegment; from: number; to: number; selection: Int32Array | undefined }) {
    this.rows = o.rows
    this.segment = o.segment
    this.from = o.from
    this.rowCount = o.to - o.from
    this.selected = o.selection
  }

  zoneMap(): ZoneMap | undefined {
    return undefined
  }

  prepare(): undefined {
    return undefined
  }

  prepareSync(): void {
    // Everything is in memory already.
  }

  selection(): Int32Array | undefined {
    return this.selected
  }

  column(position: number): ColumnVector {
    this.columns[position] ??= this.rows.vector(this.segment, position, this.from, this.from + this.rowCount)
    return this.columns[position]
  }

  keys(): KeyBlock {
    this.keyBlock ??= this.rows.keysIn(this.segment, this.from, this.from + this.rowCount)
    return this.keyBlock
  }
}

/** Rows of a MemRowSet in key order, gathered column by column when asked for. All of them are visible. */
export class MemGatherBatch implements BatchSource {
  readonly rowCount: number
  readonly sorted = true
  private readonly rows: MemRows
  private readonly ids: Int32Array
  private readonly columns: (ColumnVector | undefined)[] = []
  private gather: RowGather | undefined
  private keyBlock: KeyBlock | undefined

  constructor(rows: MemRows, ids: Int32Array) {
    this.rows = rows
    this.ids = ids
    this.rowCount = ids.length
  }

  zoneMap(): ZoneMap | undefined {
    return undefined
  }

  prepare(): undefined {
    return undefined
  }

  prepareSync(): void {
    // Everything is in memory already.
  }

  selection(): Int32Array | undefined {
    return undefined
  }

  column(position: number): ColumnVector {
    this.columns[position] ??= this.gathered().column(position)
    return this.columns[position]
  }

  keys(): KeyBlock {
    this.keyBlock ??= this.gathered().keys()
    return this.keyBlock
  }

  private gathered(): RowGather {
    this.gather ??= new RowGather(this.rows, this.ids, 0, this.ids.length)
    return this.gather
  }
}
