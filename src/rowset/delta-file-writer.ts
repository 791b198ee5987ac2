import { throwIfAborted } from '../base/errors.ts'
import { nextTurn } from '../base/event-loop-gate.ts'
import type { DeltaStatistics } from '../manifest/version-edit.ts'
import type { RowBlock } from '../schema/column-vector.ts'
import { hashKeys } from '../schema/key-encoding.ts'
import type { TableSchema } from '../schema/table-schema.ts'
import { concatBlocks, sliceBlock } from '../schema/vector-ops.ts'
import type { Codec } from '../sstable/codec.ts'
import { rowsPerGroupFor } from '../sstable/rows-per-group.ts'
import type { SSTableSummary } from '../sstable/sstable.ts'
import { SSTableWriter } from '../sstable/sstable-writer.ts'
import type { AppendFile } from '../vfs/vfs.ts'
import { deltaKeys } from './delta-keys.ts'
import { type DeltaSchema, deltaPositions, deltaSchema } from './delta-schema.ts'
import { fixedValues, StatisticsCollector } from './delta-statistics.ts'

export interface DeltaFileWriteOptions {
  /** Compresses blocks; none by default. */
  readonly codec?: Codec | undefined
  /** Rows of each row group but the last; by default as many as `rowsPerGroupFor` says of the first block. */
  readonly rowsPerGroup?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** What is known of a delta file that was written. */
export interface DeltaFileSummary extends SSTableSummary {
  readonly deltas: DeltaStatistics
}

/**
 * Writes one delta file, on a worker: changes in order of row and time go in, an SSTable of the delta schema comes out. Takes
 * over the file, which must be new; `finish` or `abort` ends it. After a failure the file is worthless: `abort`, and remove
 * it.
 *
 * The hidden column of timestamps says no more than the range of each row group (the first row has the least commit
 * timestamp, the others the greatest): `$time` says the rest, and twice would cost.
 */
export class DeltaFileWriter {
  private readonly file: AppendFile
  private readonly delta: DeltaSchema
  private readonly o: DeltaFileWriteOptions
  private readonly statistics: StatisticsCollector
  /** There once the first block has come. */
  private writer: SSTableWriter | undefined
  private rowsPerGroup = 0
  /** Rows that do not fill a group yet. */
  private pending: RowBlock[] = []
  private pendingCount = 0

  /** `base`: the table whose rows change. */
  constructor(file: AppendFile, base: TableSchema, o: DeltaFileWriteOptions = {}) {
    this.file = file
    this.delta = deltaSchema(base)
    this.o = o
    this.statistics = new StatisticsCollector(this.delta)
  }

  /**
   * Takes rows of the delta schema, behind those before: TypeError if they are not in order of row and time. Their arrays must
   * not change until a later call has written them.
   */
  async add(block: RowBlock): Promise<void> {
    if (block.rowCount > 0) this.writer ??= this.begin(block)
    for (let from = 0; from < block.rowCount; ) {
      const to = Math.min(block.rowCount, from + this.rowsPerGroup - this.pendingCount)
      this.pending.push(sliceBlock(block, from, to))
      this.pendingCount += to - from
      from = to
      if (this.pendingCount === this.rowsPerGroup) await this.writeGroup(this.writer as SSTableWriter)
    }
  }

  /** Writes the rest, syncs and closes the file. A file without changes is a TypeError: nobody needs it. */
  async finish(): Promise<DeltaFileSummary> {
    if (this.writer === undefined) throw new TypeError('A delta file needs at least one change; abort the writer instead.')
    if (this.pendingCount > 0) await this.writeGroup(this.writer)
    return { ...(await this.writer.finish()), deltas: this.statistics.finish() }
  }

  /** Closes the file unfinished; the caller removes it. Idempotent, and nothing after `finish`. */
  async abort(): Promise<void> {
    this.pending = []
    await (this.writer ? this.writer.abort() : this.file.close())
  }

  private begin(block: RowBlock): SSTableWriter {
    const { rowsPerGroup = rowsPerGroupFor(block.columns), codec } = this.o
    this.rowsPerGroup = rowsPerGroup
    const { schema } = this.delta
    return new SSTableWriter(this.file, { schema, rowsPerGroup, bloomBitsPerKey: filterBitsPerKey, ...(codec && { codec }) })
  }

  private async writeGroup(writer: SSTableWriter): Promise<void> {
    // Lets messages through, or an abort would not be heard.
    await nextTurn()
    throwIfAborted(this.o.signal)
    const rows = concatBlocks(this.pending)
    this.pending = []
    this.pendingCount = 0
    this.statistics.add(rows)
    const times = fixedValues(rows, deltaPositions.time) as Float64Array
    const keys = deltaKeys(fixedValues(rows, deltaPositions.row) as Int32Array, times)
    await writer.addGroup({ rows, keys, hashes: hashKeys(keys), timestamps: rangeOf(times) })
  }
}

/** Nobody looks changes up by their whole key: the filter is there because an SSTable has one. */
const filterBitsPerKey = 1 / 1024

/** As many numbers as there are times, with the same minimum and maximum. */
function rangeOf(times: Float64Array): Float64Array {
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  for (const time of times) {
    if (time < min) min = time
    if (time > max) max = time
  }
  const range = new Float64Array(times.length).fill(max)
  // A group of one has one time, which is both.
  range[0] = min
  return range
}
