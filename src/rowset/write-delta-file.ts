/**
 * Writing delta files, on a worker: changes in order of row and time go in, one SSTable comes out. Its hidden column of
 * timestamps says no more than the range of each row group (the first row has the least commit timestamp, the others the
 * greatest): `$time` says the rest, and twice would cost.
 */
import { invariant, throwIfAborted } from '../base/errors.ts'
import { nextTurn } from '../base/event-loop-gate.ts'
import type { DeltaStatistics } from '../manifest/version-edit.ts'
import { type ByteScratch, columnBuilder } from '../schema/column-builder.ts'
import type { ColumnVector, FixedKeys, FixedVector, RowBlock } from '../schema/column-vector.ts'
import { hashKeys } from '../schema/key-encoding.ts'
import type { ColumnSchema, ColumnValue, TableSchema } from '../schema/table-schema.ts'
import { concatBlocks, sliceBlock } from '../schema/vector-ops.ts'
import type { Codec } from '../sstable/codec.ts'
import { defaultRowsPerGroup, type SSTableSummary } from '../sstable/sstable.ts'
import { SSTableWriter } from '../sstable/sstable-writer.ts'
import type { AppendFile } from '../vfs/vfs.ts'
import { deltaKeys } from './delta-keys.ts'
import { type DeltaOp, type DeltaSchema, deltaOps, deltaPositionOf, deltaPositions, deltaSchema } from './delta-schema.ts'

export interface DeltaFileWriteOptions {
  /** Compresses blocks; none by default. */
  readonly codec?: Codec | undefined
  /** Rows of each row group but the last; 8192 by default. */
  readonly rowsPerGroup?: number
  readonly signal?: AbortSignal | undefined
}

/** What is known of a delta file that was written. */
export interface DeltaFileSummary extends SSTableSummary {
  readonly deltas: DeltaStatistics
}

/** A change as plain values. */
export interface PlainChange {
  readonly row: number
  readonly time: number
  readonly op: DeltaOp
  /** By position in the base schema, as rows show them; undefined: not set. Those of key columns are always there. */
  readonly values: readonly (ColumnValue | undefined)[]
}

/**
 * Takes over the file, which must be new, and writes the blocks, of the delta schema and of any size, in order of row and
 * time: TypeError if they are not, or if there is none at all. Synced and closed when it resolves. If it rejects (ABORTED by the
 * signal, DISK_FULL, what the file system throws), the file is closed, and the caller removes it.
 */
export async function writeDeltaFile(
  file: AppendFile,
  base: TableSchema,
  blocks: AsyncIterable<RowBlock> | Iterable<RowBlock>,
  o: DeltaFileWriteOptions = {},
): Promise<DeltaFileSummary> {
  const delta = deltaSchema(base)
  const rowsPerGroup = o.rowsPerGroup ?? defaultRowsPerGroup
  const codec = o.codec === undefined ? {} : { codec: o.codec }
  const writer = new SSTableWriter(file, { schema: delta.schema, rowsPerGroup, bloomBitsPerKey: filterBitsPerKey, ...codec })
  const statistics = new StatisticsCollector(delta)
  try {
    for await (const rows of inGroups(blocks, rowsPerGroup)) {
      await nextTurn()
      throwIfAborted(o.signal)
      statistics.add(rows)
      const times = fixedValues(rows, deltaPositions.time) as Float64Array
      const keys: FixedKeys = deltaKeys(fixedValues(rows, deltaPositions.row) as Int32Array, times)
      await writer.addGroup({ rows, keys, hashes: hashKeys(keys), timestamps: rangeOf(times) })
    }
    return { ...(await writer.finish()), deltas: statistics.finish() }
  } catch (thrown) {
    await writer.abort().catch(() => undefined)
    throw thrown
  }
}

/** Changes as a block of the delta schema, in the order given. */
export function deltaFileRows(base: TableSchema, changes: readonly PlainChange[]): RowBlock {
  const { schema, setPositions } = deltaSchema(base)
  const scratch: ByteScratch = { bytes: new Uint8Array(0) }
  const build = (position: number, value: (change: PlainChange) => ColumnValue | undefined): ColumnVector => {
    const builder = columnBuilder(schema.name, schema.columns[position] as ColumnSchema, changes.length, scratch)
    for (let i = 0; i < changes.length; i++) builder.put(i, value(changes[i] as PlainChange), i)
    return builder.finish()
  }
  const columns = new Array<ColumnVector>(schema.columns.length)
  columns[deltaPositions.row] = build(deltaPositions.row, ({ row }) => row)
  columns[deltaPositions.time] = build(deltaPositions.time, ({ time }) => time)
  columns[deltaPositions.op] = build(deltaPositions.op, ({ op }) => op)
  for (let position = 0; position < setPositions.length; position++) {
    const isKey = base.keyColumns.includes(position)
    columns[deltaPositionOf(position)] = build(deltaPositionOf(position), ({ values }) => {
      const value = values[position]
      invariant(value !== undefined || !isKey, 'a change lacks a key column')
      return value
    })
    const setPosition = setPositions[position] as number
    if (setPosition >= 0) columns[setPosition] = build(setPosition, ({ values }) => (values[position] === undefined ? null : true))
  }
  return { rowCount: changes.length, columns }
}

/** The same rows, cut anew into groups of a given size, but for the last. */
async function* inGroups(blocks: AsyncIterable<RowBlock> | Iterable<RowBlock>, rowsPerGroup: number): AsyncGenerator<RowBlock> {
  let parts: RowBlock[] = []
  let count = 0
  for await (const block of blocks) {
    for (let from = 0; from < block.rowCount; ) {
      const to = Math.min(block.rowCount, from + rowsPerGroup - count)
      parts.push(sliceBlock(block, from, to))
      count += to - from
      from = to
      if (count < rowsPerGroup) continue
      yield concatBlocks(parts)
      parts = []
      count = 0
    }
  }
  if (count > 0) yield concatBlocks(parts)
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

function fixedValues(rows: RowBlock, position: number): FixedVector['values'] {
  return (rows.columns[position] as FixedVector).values
}

/** Counts what the statistics of a delta file say. */
class StatisticsCollector {
  private readonly delta: DeltaSchema
  private readonly setCounts: Float64Array
  private deletes = 0
  private lives = 0
  private minRow = Number.POSITIVE_INFINITY
  private maxRow = Number.NEGATIVE_INFINITY

  constructor(delta: DeltaSchema) {
    this.delta = delta
    this.setCounts = new Float64Array(delta.base.columns.length)
  }

  /** Rows in order. */
  add(rows: RowBlock): void {
    const { rowCount } = rows
    const ids = fixedValues(rows, deltaPositions.row)
    this.minRow = Math.min(this.minRow, ids[0] as number)
    this.maxRow = Math.max(this.maxRow, ids[rowCount - 1] as number)
    for (const op of fixedValues(rows, deltaPositions.op)) {
      if (op === deltaOps.delete) this.deletes++
      else if (op === deltaOps.live) this.lives++
    }
    const { setPositions } = this.delta
    for (let position = 0; position < setPositions.length; position++) {
      const setPosition = setPositions[position] as number
      const { nulls } = rows.columns[setPosition < 0 ? deltaPositionOf(position) : setPosition] as ColumnVector
      this.setCounts[position] = (this.setCounts[position] as number) + rowCount - onesIn(nulls)
    }
  }

  finish(): DeltaStatistics {
    const { columns, keyColumns } = this.delta.base
    const updates: [number, number][] = []
    this.setCounts.forEach((count, position) => {
      if (count > 0 && !keyColumns.includes(position)) updates.push([columns[position]?.id as number, count])
    })
    const { deletes, lives, minRow, maxRow } = this
    return { updates, deletes, lives, minRow, maxRow }
  }
}

function onesIn(nulls: Uint8Array | undefined): number {
  let count = 0
  if (nulls !== undefined) for (let i = 0; i < nulls.length; i++) count += nulls[i] as number
  return count
}
