import type { TableSchema } from '../schema/table-schema.ts'
import type { LogPosition } from '../wal/log-position.ts'
import type { FileMeta, TabletState } from './version-edit.ts'

/** The files of one rowset. `redo` in the order of application: ascending by the ops that they go through. */
export interface RowSetFiles {
  readonly rowset: number
  readonly base: FileMeta
  readonly redo: readonly FileMeta[]
  readonly undo: readonly FileMeta[]
  /** Every logged change to its rows up to this op id is in its files. */
  readonly flushedThroughOp: number
}

/** One tablet on disk. */
export interface TabletVersion {
  readonly state: TabletState
  readonly rowsets: ReadonlyMap<number, RowSetFiles>
}

/** What the database consists of on disk at one point; see `Version`. */
export interface VersionParts {
  readonly tables: ReadonlyMap<number, TableSchema>
  /** By table id, then by the tablet's ordinal. Tablets without files and with untouched state may be absent. */
  readonly tablets: ReadonlyMap<number, ReadonlyMap<number, TabletVersion>>
  /** Every data file, by number. */
  readonly files: ReadonlyMap<number, FileMeta>
  readonly nextFileNumber: number
  readonly lastOpId: number
  readonly lastTimestamp: number
  readonly nextTableId: number
  /** The log is known to have been synced through this op. */
  readonly logSyncedThrough: number
  /** Where the log is needed from; undefined: nobody has promised. */
  readonly logNeededFrom: LogPosition | undefined
}

/** What a version knows of the log. */
export type LogKnowledge = Pick<VersionParts, 'lastOpId' | 'logSyncedThrough' | 'logNeededFrom'>

/** A tablet of which nothing is on disk. */
export function emptyTablet(tableId: number, tablet: number): TabletVersion {
  return { state: { tableId, tablet, flushedGeneration: 0, flushedCut: 0, historyHorizon: 0 }, rowsets: new Map() }
}

/**
 * What two states of a tablet come to. Each part only rises, and edits made side by side each raise what they know of, so
 * that whichever is applied last must not take back what the other said.
 */
export function laterState(a: TabletState, b: TabletState): TabletState {
  return {
    ...a,
    flushedGeneration: Math.max(a.flushedGeneration, b.flushedGeneration),
    flushedCut: Math.max(a.flushedCut, b.flushedCut),
    historyHorizon: Math.max(a.historyHorizon, b.historyHorizon),
  }
}
