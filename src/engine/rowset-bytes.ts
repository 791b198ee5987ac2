import type { RowSetStats } from './metrics.ts'

/** Bytes of all files of a rowset: base data and deltas. */
export function rowsetBytes({ sizeBytes, deltas }: Pick<RowSetStats, 'sizeBytes' | 'deltas'>): number {
  return sizeBytes + deltas.redo.sizeBytes + deltas.undo.sizeBytes
}
