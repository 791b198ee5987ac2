import type { TableSchema } from '../schema/table-schema.ts'
import type { LogPosition } from '../wal/log-position.ts'
import { VersionBuilder } from './version-builder.ts'
import type { FileMeta, TabletState, VersionEdit } from './version-edit.ts'
import { emptyTablet, type LogKnowledge, type TabletVersion, type VersionParts } from './version-parts.ts'

/**
 * What the database consists of on disk at one point: tables, and the files of each tablet. Immutable; `apply` makes
 * the next one and shares what an edit did not touch.
 */
export class Version implements VersionParts {
  static readonly empty = new Version({
    tables: new Map(),
    tablets: new Map(),
    files: new Map(),
    nextFileNumber: 1,
    lastOpId: 0,
    lastTimestamp: 0,
    nextTableId: 1,
    logSyncedThrough: 0,
    logNeededFrom: undefined,
  })

  readonly tables: ReadonlyMap<number, TableSchema>
  readonly tablets: ReadonlyMap<number, ReadonlyMap<number, TabletVersion>>
  readonly files: ReadonlyMap<number, FileMeta>
  readonly nextFileNumber: number
  readonly lastOpId: number
  readonly lastTimestamp: number
  readonly nextTableId: number
  readonly logSyncedThrough: number
  readonly logNeededFrom: LogPosition | undefined
  #byName: ReadonlyMap<string, TableSchema> | undefined

  constructor(parts: VersionParts) {
    this.tables = parts.tables
    this.tablets = parts.tablets
    this.files = parts.files
    this.nextFileNumber = parts.nextFileNumber
    this.lastOpId = parts.lastOpId
    this.lastTimestamp = parts.lastTimestamp
    this.nextTableId = parts.nextTableId
    this.logSyncedThrough = parts.logSyncedThrough
    this.logNeededFrom = parts.logNeededFrom
  }

  /** Tables by name. */
  get tablesByName(): ReadonlyMap<string, TableSchema> {
    this.#byName ??= new Map([...this.tables.values()].map((table) => [table.name, table]))
    return this.#byName
  }

  /** A tablet; one that no edit has mentioned is empty. */
  tablet(tableId: number, tablet: number): TabletVersion {
    return this.tablets.get(tableId)?.get(tablet) ?? emptyTablet(tableId, tablet)
  }

  /** The next version. Throws an InvariantError if the edit does not fit this one; this one is unharmed. */
  apply(edit: VersionEdit): Version {
    return new Version(new VersionBuilder(this).apply(edit).build())
  }

  /** This version, knowing something else of the log. */
  withLog(log: Partial<LogKnowledge>): Version {
    return new Version({ ...this, ...log })
  }

  /** Every data file that this version needs. */
  liveFiles(): IterableIterator<FileMeta> {
    return this.files.values()
  }

  /** The edit that makes this version of the empty one. */
  snapshotEdit(wallClockMs: number): VersionEdit {
    const tablets: TabletState[] = []
    for (const ofTable of this.tablets.values()) for (const { state } of ofTable.values()) tablets.push(state)
    const { nextFileNumber, lastOpId, lastTimestamp, nextTableId, logSyncedThrough, logNeededFrom } = this
    const lists = { tables: [...this.tables.values()], addedFiles: [...this.files.values()], tablets }
    const counters = { nextFileNumber, lastOpId, lastTimestamp, nextTableId, logSyncedThrough, ...(logNeededFrom && { logNeededFrom }) }
    return { reason: { kind: 'snapshot' }, wallClockMs, ...counters, ...lists }
  }
}
