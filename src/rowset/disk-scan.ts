import { compareBytes } from '../schema/key-encoding.ts'
import type { TableSchema } from '../schema/table-schema.ts'
import type { BlockCache } from '../sstable/block-cache.ts'
import type { SSTableReader } from '../sstable/sstable-reader.ts'
import type { BatchSource, KeyRange } from './batch-source.ts'
import { DeltaBatch } from './delta-batch.ts'
import type { DeltaStack } from './delta-stack.ts'
import { DiskBatch } from './disk-batch.ts'
import { KeptColumns } from './kept-columns.ts'
import { changesOf } from './resolve-changes.ts'
import type { RowSetScan } from './scan-options.ts'

/** What a scan reads of a rowset on disk. */
export interface ScannedRowSet {
  readonly reader: SSTableReader
  readonly schema: TableSchema
  readonly cache: BlockCache
  readonly deltas: DeltaStack
}

/** The row groups that may hold what a scan asks for, each a sorted batch with its changes applied. The file is open. */
export function* diskBatches(rowset: ScannedRowSet, o: RowSetScan): Generator<BatchSource> {
  const { reader, deltas } = rowset
  const { timestamp } = o
  const { from, to } = reader.groupsInRange(o.range)
  const isChanged = deltas.appliesAt(timestamp)
  for (let i = from; i < to; i++) {
    const group = o.reverse === true ? from + to - 1 - i : i
    const { min, max } = reader.timestampRange(group)
    if (min > timestamp) continue
    const cut = cutThrough(reader, group, o.range)
    const batch = new DiskBatch({ reader, group, cut, timestampMax: max > timestamp ? timestamp : undefined })
    yield isChanged ? withChanges(rowset, batch, group, timestamp) : batch
  }
}

function withChanges({ reader, schema, cache, deltas }: ScannedRowSet, batch: DiskBatch, group: number, timestamp: number): BatchSource {
  const { firstRow, rowCount } = batch
  const changes = changesOf(deltas, { schema, firstRow, rowCount, timestamp })
  if (changes.isEmpty) return batch
  const kept = new KeptColumns({
    cache,
    fileNumber: reader.fileNumber,
    columnCount: schema.columns.length,
    stack: deltas,
    timestamp,
    group,
    from: firstRow,
    to: firstRow + rowCount,
  })
  return new DeltaBatch(batch, changes, kept)
}

/** The bounds that may cut through a group: none if its keys all lie within. */
function cutThrough(reader: SSTableReader, group: number, { lower, upper }: KeyRange): KeyRange | undefined {
  const cutsLow = lower !== undefined && compareBytes(reader.firstKeyOf(group), lower) < 0
  // The next group's first key is above all of this one's, so that a bound at or above it cuts nothing off.
  const isLast = group === reader.groupCount - 1
  const end = isLast ? reader.maxKey : reader.firstKeyOf(group + 1)
  const cutsHigh = upper !== undefined && compareBytes(upper, end) < (isLast ? 1 : 0)
  return cutsLow || cutsHigh ? { lower: cutsLow ? lower : undefined, upper: cutsHigh ? upper : undefined } : undefined
}
