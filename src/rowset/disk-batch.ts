import { invariant } from '../base/errors.ts'
import type { ColumnVector, KeyBlock } from '../schema/column-vector.ts'
import { lowerBound } from '../schema/key-encoding.ts'
import type { SSTableReader } from '../sstable/sstable-reader.ts'
import type { BatchNeeds, BatchSource, KeyRange, ZoneMap } from './batch-source.ts'

/** What is not in memory yet of what a scan needs. */
interface Missing {
  readonly positions: readonly number[]
  readonly keys: boolean
  readonly timestamps: boolean
}

/**
 * One row group of an SSTable as a scan meets it. Blocks come from the cache, or are loaded when `prepare` names them;
 * they stay here, so that the cache may forget them meanwhile.
 */
export class DiskBatch implements BatchSource {
  readonly rowCount: number
  readonly sorted = true
  /** The row id of the first row. */
  readonly firstRow: number
  private readonly reader: SSTableReader
  private readonly group: number
  private readonly columns: (ColumnVector | undefined)[] = []
  private keyBlock: KeyBlock | undefined
  private timestamps: Float64Array | undefined
  /** Bounds that cut through the group; undefined: all its keys lie within. */
  private readonly cut: KeyRange | undefined
  /** Rows inserted later are not seen; undefined: all are seen. */
  private readonly timestampMax: number | undefined
  private selected: Int32Array | undefined
  private isSelected: boolean

  constructor(o: { reader: SSTableReader; group: number; cut: KeyRange | undefined; timestampMax: number | undefined }) {
    this.reader = o.reader
    this.group = o.group
    this.cut = o.cut
    this.timestampMax = o.timestampMax
    this.rowCount = o.reader.groupRowCount(o.group)
    this.firstRow = o.group * o.reader.rowsPerGroup
    this.isSelected = o.cut === undefined && o.timestampMax === undefined
  }

  zoneMap(column: number): ZoneMap | undefined {
    return this.reader.zoneMap(this.group, column)
  }

  prepare(needs: BatchNeeds): Promise<void> | undefined {
    const missing = this.takeCached(needs)
    if (missing !== undefined) return this.load(missing)
    this.select()
    return undefined
  }

  prepareSync(needs: BatchNeeds): void {
    const missing = this.takeCached(needs)
    if (missing !== undefined) {
      const { reader, group } = this
      this.hold(missing.positions, reader.loadColumnsSync(group, missing.positions))
      if (missing.keys) this.keyBlock = reader.loadKeysSync(group)
      if (missing.timestamps) this.timestamps = reader.loadTimestampsSync(group)
    }
    this.select()
  }

  selection(): Int32Array | undefined {
    invariant(this.isSelected, 'a batch was asked for its selection before it was prepared')
    return this.selected
  }

  column(position: number): ColumnVector {
    const vector = this.columns[position]
    invariant(vector !== undefined, 'a batch was asked for a column that was not prepared')
    return vector
  }

  keys(): KeyBlock {
    invariant(this.keyBlock !== undefined, 'a batch was asked for keys that were not prepared')
    return this.keyBlock
  }

  private takeCached(needs: BatchNeeds): Missing | undefined {
    const { reader, group } = this
    const positions: number[] = []
    for (const position of needs.columns) {
      this.columns[position] ??= reader.column(group, position)
      if (this.columns[position] === undefined) positions.push(position)
    }
    if (needs.keys === true || (!this.isSelected && this.cut !== undefined)) this.keyBlock ??= reader.keys(group)
    if (!this.isSelected && this.timestampMax !== undefined) this.timestamps ??= reader.timestamps(group)
    const keys = this.keyBlock === undefined && (needs.keys === true || (!this.isSelected && this.cut !== undefined))
    const timestamps = this.timestamps === undefined && !this.isSelected && this.timestampMax !== undefined
    return positions.length > 0 || keys || timestamps ? { positions, keys, timestamps } : undefined
  }

  private async load({ positions, keys, timestamps }: Missing): Promise<void> {
    const { reader, group } = this
    await Promise.all([
      positions.length > 0 ? reader.loadColumns(group, positions).then((vectors) => this.hold(positions, vectors)) : undefined,
      keys
        ? reader.loadKeys(group).then((block) => {
            this.keyBlock = block
          })
        : undefined,
      timestamps
        ? reader.loadTimestamps(group).then((all) => {
            this.timestamps = all
          })
        : undefined,
    ])
    this.select()
  }

  private hold(positions: readonly number[], vectors: readonly ColumnVector[]): void {
    positions.forEach((position, i) => {
      this.columns[position] = vectors[i]
    })
  }

  /** Works the selection out, once. */
  private select(): void {
    if (this.isSelected) return
    this.isSelected = true
    const lower = this.cut?.lower
    const upper = this.cut?.upper
    const from = lower === undefined ? 0 : lowerBound(this.keys(), lower)
    const to = upper === undefined ? this.rowCount : lowerBound(this.keys(), upper)
    const selection = new Int32Array(Math.max(0, to - from))
    let count = 0
    const { timestamps, timestampMax } = this
    if (timestamps === undefined || timestampMax === undefined) for (let i = from; i < to; i++) selection[count++] = i
    else for (let i = from; i < to; i++) if ((timestamps[i] as number) <= timestampMax) selection[count++] = i
    this.selected = count === this.rowCount ? undefined : selection.subarray(0, count)
    this.timestamps = undefined
  }
}
