/** Compactions of a database's tablets, done by hand: jobs run in this thread. */
import { definePlugin, MaintenanceOpFactory } from '../../../src/plugin.ts'
import { compactColumns } from '../../../src/rowset/compaction/compact-columns.ts'
import { mergeDeltaFiles } from '../../../src/rowset/compaction/merge-delta-files.ts'
import { type MergeRowSetsInput, type MergeRowSetsOutput, mergeRowSets } from '../../../src/rowset/compaction/merge-rowsets.ts'
import type { DiskRowSet } from '../../../src/rowset/disk-rowset.ts'
import { flushDeltas } from '../../../src/rowset/flush-deltas.ts'
import { compactableDeltas, majorDeltaCompaction, minorDeltaCompaction } from '../../../src/tablet/delta-compaction.ts'
import { mergingCompaction } from '../../../src/tablet/merging-compaction.ts'
import type { Tablet } from '../../../src/tablet/tablet.ts'

/** A plugin that takes note of the tablets that there are. */
export function tabletWatch() {
  const tablets: Tablet[] = []
  const plugin = definePlugin({
    name: 'tablet-watch',
    contributes: [MaintenanceOpFactory],
    bind: (module) =>
      module.contribute(MaintenanceOpFactory, [], () => ({
        forTablet: (tablet: unknown) => {
          tablets.push(tablet as Tablet)
          return []
        },
      })),
  })
  return { plugin, tablets }
}

const common = { reason: 'a test', codec: { name: 'none' } }

/** Merges rowsets; false if they are not free. `run`: does the job. */
export async function merge(
  tablet: Tablet,
  rowsets: readonly DiskRowSet[],
  o: { rowsetBytesMax?: number; run?: (input: MergeRowSetsInput, signal: AbortSignal) => Promise<MergeRowSetsOutput> } = {},
): Promise<boolean> {
  const claim = tablet.claims.take('merging compaction', rowsets)
  if (!claim) return false
  try {
    const { rowsetBytesMax = 32 << 20, run = mergeRowSets } = o
    await mergingCompaction(tablet, {
      ...common,
      jobId: tablet.host.jobIds.next(),
      claim,
      rowsetBytesMax,
      run: (input) => run(input, claim.signal),
      flush: (input) => flushDeltas(input),
    })
    return true
  } finally {
    claim.release()
  }
}

/** Merges a rowset's redo or undo files from `from` to `to`; false if it is not free. */
export async function minor(tablet: Tablet, rowset: DiskRowSet, kind: 'redo' | 'undo', from = 0, to?: number): Promise<boolean> {
  const files = compactableDeltas(rowset)[kind].slice(from, to)
  const claim = files.length > 0 ? tablet.claims.take('delta compaction', [rowset]) : undefined
  if (!claim) return false
  try {
    const jobId = tablet.host.jobIds.next()
    await minorDeltaCompaction(tablet, { ...common, jobId, claim, kind, files, run: (input) => mergeDeltaFiles(input, claim) })
    return true
  } finally {
    claim.release()
  }
}

/** Rewrites columns with the `count` oldest redo files; false if the rowset is not free. */
export async function major(tablet: Tablet, rowset: DiskRowSet, columns: readonly number[], count?: number): Promise<boolean> {
  const files = compactableDeltas(rowset).redo.slice(0, count)
  const claim = files.length > 0 ? tablet.claims.take('delta compaction', [rowset]) : undefined
  if (!claim) return false
  try {
    const jobId = tablet.host.jobIds.next()
    await majorDeltaCompaction(tablet, { ...common, jobId, claim, columns, files, run: (input) => compactColumns(input, claim) })
    return true
  } finally {
    claim.release()
  }
}
