import { invariant } from '../base/errors.ts'
import type { FileMeta } from '../manifest/version-edit.ts'
import type { FixedVector } from '../schema/column-vector.ts'
import type { TableSchema } from '../schema/table-schema.ts'
import type { BlockCache } from '../sstable/block-cache.ts'
import type { Codec } from '../sstable/codec.ts'
import type { FileHandles } from '../sstable/file-handles.ts'
import { SSTableReader } from '../sstable/sstable-reader.ts'
import { rowOfDeltaKey } from './delta-keys.ts'
import { type DeltaSchema, deltaPositionOf, deltaPositions, deltaSchema } from './delta-schema.ts'
import { countBelow, type DeltaFileParts, FileDeltaRun } from './file-delta-run.ts'
import { FileUsers } from './file-users.ts'
import type { DeltaRun, DeltaSource } from './row-changes.ts'

export interface DeltaFileOptions {
  readonly meta: FileMeta
  /** The current schema of the table whose rows change. */
  readonly base: TableSchema
  readonly path: string
  readonly cache: BlockCache
  readonly files: FileHandles
  /** Codecs beside the built-in ones. */
  readonly codecs?: readonly Codec[]
  /** Called once, when the last user has let go: then nobody reads the file any more. */
  readonly onReleased?: () => void
}

/** Changes on disk, in order of row and time: an SSTable of the delta schema. */
export class DeltaFile implements DeltaSource, DeltaFileParts {
  readonly meta: FileMeta
  readonly delta: DeltaSchema
  readonly reader: SSTableReader
  private readonly o: DeltaFileOptions
  private readonly users: FileUsers
  /** Ids of columns that some change sets; undefined: not known. */
  private readonly updatedIds: ReadonlySet<number> | undefined
  /** By the first row of a run that was prepared: where it ended, and how many changes it had. */
  private readonly counts = new Map<number, { readonly to: number; readonly count: number }>()
  private groupRows: Int32Array | undefined
  private references = 1

  /** Opens nothing yet. The caller holds the first reference. `twin`: what there is already of the same file. */
  constructor(o: DeltaFileOptions, twin?: { readonly reader: SSTableReader; readonly users: FileUsers }) {
    const { meta, base, path, cache, files, codecs } = o
    this.o = o
    this.meta = meta
    this.delta = deltaSchema(base)
    this.updatedIds = meta.deltas && new Set(meta.deltas.updates.map(([columnId]) => columnId))
    this.reader =
      twin?.reader ??
      new SSTableReader({
        fileNumber: meta.fileNumber,
        path,
        schema: this.delta.schema,
        cache,
        files,
        ...(codecs === undefined ? {} : { codecs }),
      })
    this.users = twin?.users ?? new FileUsers(o.onReleased)
  }

  /** The same changes under another schema of the table; the caller holds the first reference. Only once both are released is the file. */
  withSchema(base: TableSchema): DeltaFile {
    const reader = this.reader.withSchema(deltaSchema(base).schema)
    return new DeltaFile({ ...this.o, base }, { reader, users: this.users.join() })
  }

  get changeCount(): number {
    return this.meta.rows
  }

  get sizeBytes(): number {
    return this.meta.sizeBytes
  }

  get minTime(): number {
    return this.meta.minTimestamp
  }

  get maxTime(): number {
    return this.meta.maxTimestamp
  }

  get mayKill(): boolean {
    const { deltas } = this.meta
    return deltas === undefined || deltas.deletes + deltas.lives > 0
  }

  /** A reinsert also sets columns that the file does not know, to their defaults. */
  mayUpdate(position: number): boolean {
    const { deltas } = this.meta
    const column = this.delta.base.columns[position]
    if (deltas === undefined || this.updatedIds === undefined || column === undefined) return true
    if (this.updatedIds.has(column.id)) return true
    if (this.delta.base.keyColumns.includes(position)) return false
    return deltas.lives > 0 && !(this.reader.isOpen && this.knows(position))
  }

  /** Whether the file has the column; it must be open. */
  knows(position: number): boolean {
    return this.reader.hasColumn(deltaPositionOf(position))
  }

  /** Opens the file, so that the first reader need not wait. */
  async warm(): Promise<void> {
    await this.reader.open()
  }

  countIn(from: number, to: number): number | undefined {
    if (this.excludes(from, to)) return 0
    const { deltas } = this.meta
    if (deltas !== undefined && deltas.minRow >= from && deltas.maxRow < to) return this.meta.rows
    const known = this.counts.get(from)
    return known?.to === to ? known.count : undefined
  }

  mayChange(row: number): boolean {
    if (this.excludes(row, row + 1)) return false
    if (!this.reader.isOpen) return true
    const { firstRows, reader } = this
    const next = countBelow(firstRows, row)
    // A group that begins with the row says yes; else only the one before it may have it.
    if (firstRows[next] === row) return true
    if (next === 0) return false
    const column = reader.column(next - 1, deltaPositions.row)
    if (column === undefined) return true
    const rows = (column as FixedVector).values as Int32Array
    return rows[countBelow(rows, row)] === row
  }

  open(from: number, to: number): DeltaRun {
    return new FileDeltaRun(this, from, to)
  }

  /** Whether no change is of rows `[from .. to)`, as far as is known without reading. */
  excludes(from: number, to: number): boolean {
    const { deltas } = this.meta
    return from >= to || (deltas !== undefined && (deltas.maxRow < from || deltas.minRow >= to))
  }

  /** The row groups that may hold changes of rows `[from .. to)`: the file must be open. */
  groupsOf(from: number, to: number): readonly number[] {
    const { firstRows } = this
    const groups: number[] = []
    // The changes of a row may go on from one group to the next, so the group before the first that begins with it counts.
    for (let group = Math.max(0, countBelow(firstRows, from) - 1); group < firstRows.length; group++) {
      if ((firstRows[group] as number) >= to) break
      groups.push(group)
    }
    return groups
  }

  /** Remembers how many changes of rows `[from .. to)` were found. Of single rows it does not pay. */
  noteCount(from: number, to: number, count: number): void {
    if (to - from > 1) this.counts.set(from, { to, count })
  }

  /** Keeps the file for one more user. */
  retain(): void {
    invariant(this.references > 0, 'a DeltaFile was retained after its last reference was released')
    this.references++
  }

  /** Lets go; with the last reference the file is closed and `onReleased` called. */
  release(): void {
    invariant(this.references > 0, 'a DeltaFile was released more often than retained')
    if (--this.references > 0) return
    this.counts.clear()
    this.reader.close()
    this.users.leave()
  }

  /** The row of the first change of each row group. */
  private get firstRows(): Int32Array {
    const { reader } = this
    this.groupRows ??= Int32Array.from({ length: reader.groupCount }, (_, group) => rowOfDeltaKey(reader.firstKeyOf(group)))
    return this.groupRows
  }
}
