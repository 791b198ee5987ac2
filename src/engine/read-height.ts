import { DeltaFile } from '../rowset/delta-file.ts'
import type { DiskRowSet } from '../rowset/disk-rowset.ts'
import { dataDistribution } from '../tablet/data-distribution.ts'

/** How many rowsets of a tablet may hold a key, on average over the bytes of all their files: what the merging policy lowers. 0 without any. */
export function readHeight(rowsets: readonly DiskRowSet[]): number {
  const { averageHeight } = dataDistribution(rowsets.map((rowset) => ({ ...keysOf(rowset), sizeBytes: bytesOf(rowset) })))
  if (averageHeight > 0 || rowsets.length === 0) return averageHeight
  // Single keys have no width, and where there is nothing else, each counts the same.
  return rowsets.length / new Set(rowsets.map(({ meta }) => meta.minKeyHex)).size
}

function keysOf({ minKey, maxKey }: DiskRowSet) {
  return { minKey, maxKey }
}

function bytesOf({ sizeBytes, deltas: { undo, redo } }: DiskRowSet): number {
  let bytes = sizeBytes
  for (const source of [...undo, ...redo]) if (source instanceof DeltaFile) bytes += source.sizeBytes
  return bytes
}
