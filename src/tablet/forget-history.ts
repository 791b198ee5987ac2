import { laterState } from '../manifest/version-parts.ts'
import type { DeltaFile } from '../rowset/delta-file.ts'
import type { DiskRowSet } from '../rowset/disk-rowset.ts'
import { deltaFiles } from './compaction-run.ts'
import type { RowSetClaim } from './rowset-claims.ts'
import type { Tablet } from './tablet.ts'

/** Undo files of a rowset of which no read from now on needs anything: all they say is of before the horizon. */
export function expiredUndo(tablet: Tablet, rowset: DiskRowSet): DeltaFile[] {
  const undo = deltaFiles(rowset.deltas.undo)
  if (undo.length === 0) return []
  const horizon = tablet.host.historyNeededFrom(tablet.schema)
  return undo.filter((file) => file.maxTime <= horizon)
}

/** Drops the expired undo files of the claimed rowset (`delta compaction`): an edit is all it takes, and reads that began before keep them. */
export async function forgetHistory(tablet: Tablet, claim: RowSetClaim): Promise<void> {
  const { host, schema } = tablet
  for (const rowset of claim.rowsets) {
    const files = expiredUndo(tablet, rowset)
    if (files.length === 0 || tablet.isDropped) continue
    const historyHorizon = Math.max(tablet.state.historyHorizon, ...files.map((file) => file.maxTime))
    const state = { ...tablet.state, historyHorizon }
    const reason = { kind: 'garbage-collection' as const, tableId: schema.tableId, tablet: tablet.ordinal, rowset: rowset.meta.rowset }
    await host.commitEdit({ reason, removedFiles: files.map(({ meta }) => meta.fileNumber), tablets: [state] })
    if (tablet.isGone) return
    rowset.setDeltas(rowset.deltas.replacing(files, {}))
    tablet.setState(laterState(tablet.state, state))
    host.installed()
  }
}
