import { invariant } from '../base/errors.ts'
import type { TableSchema } from '../schema/table-schema.ts'
import { type LogPosition, laterPosition } from '../wal/log-position.ts'
import type { FileMeta, TabletState, VersionEdit } from './version-edit.ts'
import { emptyTablet, laterState, type RowSetFiles, type TabletVersion, type VersionParts } from './version-parts.ts'

interface TabletDraft {
  state: TabletState
  readonly rowsets: Map<number, RowSetFiles>
}

/**
 * Applies edits, one or many, to a version: copies a map when it first changes it, so that a long manifest is read in
 * time proportional to its length. Each edit is checked as it is applied; after an InvariantError the builder is of no use.
 */
export class VersionBuilder {
  readonly #from: VersionParts
  #tables: Map<number, TableSchema> | undefined
  #files: Map<number, FileMeta> | undefined
  readonly #tablets: Map<number, Map<number, TabletVersion>>
  readonly #ownTables = new Set<number>()
  readonly #drafts = new Set<TabletVersion>()
  #nextFileNumber: number
  #lastOpId: number
  #lastTimestamp: number
  #nextTableId: number
  #logSyncedThrough: number
  #logNeededFrom: LogPosition | undefined

  constructor(from: VersionParts) {
    this.#from = from
    this.#tablets = new Map(from.tablets as ReadonlyMap<number, Map<number, TabletVersion>>)
    this.#nextFileNumber = from.nextFileNumber
    this.#lastOpId = from.lastOpId
    this.#lastTimestamp = from.lastTimestamp
    this.#nextTableId = from.nextTableId
    this.#logSyncedThrough = from.logSyncedThrough
    this.#logNeededFrom = from.logNeededFrom
  }

  /** Applies in the order that `VersionEdit` states. Counters only rise: an edit made before another may be applied after it. */
  apply(edit: VersionEdit): this {
    this.#nextFileNumber = Math.max(this.#nextFileNumber, edit.nextFileNumber)
    this.#lastOpId = Math.max(this.#lastOpId, edit.lastOpId)
    this.#lastTimestamp = Math.max(this.#lastTimestamp, edit.lastTimestamp)
    this.#nextTableId = Math.max(this.#nextTableId, edit.nextTableId)
    this.#logSyncedThrough = Math.max(this.#logSyncedThrough, edit.logSyncedThrough ?? 0)
    this.#logNeededFrom = laterPosition(this.#logNeededFrom, edit.logNeededFrom)
    for (const tableId of edit.droppedTables ?? []) this.#dropTable(tableId)
    for (const table of edit.tables ?? []) this.#putTable(table)
    if (edit.tables) this.#checkNames()
    this.#changeFiles(edit.removedFiles ?? [], edit.addedFiles ?? [])
    for (const state of edit.tablets ?? []) this.#putState(state)
    return this
  }

  /** What `Version` is made of. The builder must not be used afterwards. */
  build(): VersionParts {
    return {
      tables: this.#tables ?? this.#from.tables,
      tablets: this.#tablets,
      files: this.#files ?? this.#from.files,
      nextFileNumber: this.#nextFileNumber,
      lastOpId: this.#lastOpId,
      lastTimestamp: this.#lastTimestamp,
      nextTableId: this.#nextTableId,
      logSyncedThrough: this.#logSyncedThrough,
      logNeededFrom: this.#logNeededFrom,
    }
  }

  #dropTable(tableId: number): void {
    const tables = this.#draftTables()
    invariant(tables.delete(tableId), `An edit drops table ${tableId}, which does not exist.`)
    for (const { rowsets } of this.#tablets.get(tableId)?.values() ?? []) {
      for (const { base, redo, undo } of rowsets.values())
        for (const file of [base, ...redo, ...undo]) this.#draftFiles().delete(file.fileNumber)
    }
    this.#tablets.delete(tableId)
    this.#ownTables.delete(tableId)
  }

  #putTable(table: TableSchema): void {
    const tables = this.#draftTables()
    const before = tables.get(table.tableId)
    invariant(
      !before || table.version > before.version,
      `An edit gives table ${table.tableId} version ${table.version}, which is not above ${before?.version}.`,
    )
    invariant(table.tableId < this.#nextTableId, `An edit adds table ${table.tableId}, yet says that the next one is ${this.#nextTableId}.`)
    tables.set(table.tableId, table)
  }

  #checkNames(): void {
    const names = new Set<string>()
    for (const { name } of this.#draftTables().values()) {
      invariant(!names.has(name), `An edit gives two tables the name "${name}".`)
      names.add(name)
    }
  }

  #changeFiles(removed: readonly number[], added: readonly FileMeta[]): void {
    if (removed.length + added.length === 0) return
    const files = this.#draftFiles()
    const changed = new Map<string, { tableId: number; tablet: number; rowset: number; files: FileMeta[] }>()
    const filesOf = (file: FileMeta) => {
      const key = `${file.tableId}/${file.tablet}/${file.rowset}`
      let entry = changed.get(key)
      if (!entry) {
        const rowset = this.#draftTablet(file.tableId, file.tablet).rowsets.get(file.rowset)
        entry = {
          tableId: file.tableId,
          tablet: file.tablet,
          rowset: file.rowset,
          files: rowset ? [rowset.base, ...rowset.redo, ...rowset.undo] : [],
        }
        changed.set(key, entry)
      }
      return entry.files
    }
    for (const fileNumber of removed) {
      const file = files.get(fileNumber)
      invariant(file, `An edit removes file ${fileNumber}, which is not there.`)
      files.delete(fileNumber)
      const list = filesOf(file)
      list.splice(list.indexOf(file), 1)
    }
    for (const file of added) {
      this.#checkAdded(file, files)
      files.set(file.fileNumber, file)
      filesOf(file).push(file)
    }
    for (const entry of changed.values()) this.#putRowSet(entry.tableId, entry.tablet, entry.rowset, entry.files)
  }

  #checkAdded(file: FileMeta, files: ReadonlyMap<number, FileMeta>): void {
    invariant(!files.has(file.fileNumber), `An edit adds file ${file.fileNumber}, which is there already.`)
    const below = file.fileNumber < this.#nextFileNumber && file.rowset < this.#nextFileNumber
    invariant(
      below,
      `An edit adds file ${file.fileNumber} of rowset ${file.rowset}, yet says that the next number is ${this.#nextFileNumber}.`,
    )
    invariant(
      (this.#tables ?? this.#from.tables).has(file.tableId),
      `An edit adds file ${file.fileNumber} to table ${file.tableId}, which does not exist.`,
    )
  }

  #putRowSet(tableId: number, tablet: number, rowset: number, files: readonly FileMeta[]): void {
    const { rowsets } = this.#draftTablet(tableId, tablet)
    if (files.length === 0) {
      rowsets.delete(rowset)
      return
    }
    const [base, ...more] = files.filter(({ role }) => role === 'base')
    invariant(base && more.length === 0, `An edit leaves rowset ${rowset} with ${more.length + (base ? 1 : 0)} base files.`)
    const redo = files
      .filter(({ role }) => role === 'redo')
      .sort((a, b) => a.flushedThroughOp - b.flushedThroughOp || a.fileNumber - b.fileNumber)
    const undo = files.filter(({ role }) => role === 'undo').sort((a, b) => a.fileNumber - b.fileNumber)
    rowsets.set(rowset, { rowset, base, redo, undo, flushedThroughOp: Math.max(...files.map((file) => file.flushedThroughOp)) })
  }

  #putState(state: TabletState): void {
    invariant(
      (this.#tables ?? this.#from.tables).has(state.tableId),
      `An edit changes a tablet of table ${state.tableId}, which does not exist.`,
    )
    const draft = this.#draftTablet(state.tableId, state.tablet)
    draft.state = laterState(draft.state, state)
  }

  #draftTables(): Map<number, TableSchema> {
    this.#tables ??= new Map(this.#from.tables)
    return this.#tables
  }

  #draftFiles(): Map<number, FileMeta> {
    this.#files ??= new Map(this.#from.files)
    return this.#files
  }

  #draftTablet(tableId: number, tablet: number): TabletDraft {
    let ofTable = this.#tablets.get(tableId)
    if (!ofTable || !this.#ownTables.has(tableId)) {
      ofTable = new Map(ofTable)
      this.#tablets.set(tableId, ofTable)
      this.#ownTables.add(tableId)
    }
    const before = ofTable.get(tablet)
    if (before && this.#drafts.has(before)) return before as TabletDraft
    const { state, rowsets } = before ?? emptyTablet(tableId, tablet)
    const draft: TabletDraft = { state, rowsets: new Map(rowsets) }
    ofTable.set(tablet, draft)
    this.#drafts.add(draft)
    return draft
  }
}
