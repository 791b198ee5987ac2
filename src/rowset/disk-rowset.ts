import { invariant } from '../base/errors.ts'
import type { FileMeta } from '../manifest/version-edit.ts'
import type { ColumnVector, KeyBlock } from '../schema/column-vector.ts'
import { findKey } from '../schema/key-encoding.ts'
import type { TableSchema } from '../schema/table-schema.ts'
import type { BlockCache } from '../sstable/block-cache.ts'
import type { BloomFilter } from '../sstable/bloom-filter.ts'
import type { Codec } from '../sstable/codec.ts'
import type { FileHandles } from '../sstable/file-handles.ts'
import { SSTableReader } from '../sstable/sstable-reader.ts'
import { type BaseRun, diskRuns } from './base-runs.ts'
import type { BatchSource } from './batch-source.ts'
import { ColumnBounds } from './column-bounds.ts'
import { DeltaFile } from './delta-file.ts'
import { DeltaStack } from './delta-stack.ts'
import { diskBatches } from './disk-scan.ts'
import { FileUsers } from './file-users.ts'
import type { KeyColumnBounds } from './key-bounds.ts'
import type { LookupMisses, LookupOwner } from './lookup-misses.ts'
import type { DeltaSource, MemDeltaSource } from './row-changes.ts'
import { isAliveNow, newestChangeTime, type RowRead, readChanged } from './row-read.ts'
import type { KeySpan } from './rowset-tree.ts'
import type { RowSetScan } from './scan-options.ts'

export interface DiskRowSetOptions {
  /** The file of base data. */
  readonly meta: FileMeta
  /** The current schema of the table. */
  readonly schema: TableSchema
  readonly path: string
  readonly cache: BlockCache
  readonly files: FileHandles
  /** Codecs beside the built-in ones. */
  readonly codecs?: readonly Codec[]
  /** The changes of its rows; the caller's reference goes to the rowset. Default: none. */
  readonly deltas?: DeltaStack
  /** Called once, when the last user has let go: then nobody reads the file any more. */
  readonly onReleased?: () => void
}

/** What a look-up says when it cannot tell from memory: see `LookupMisses`. */
export const notInMemory = -2

/**
 * Rows on disk, in key order, addressed by row id: their place in that order. Look-ups are synchronous and take what is
 * in memory; what they lack they note in a `LookupMisses` that the caller loads before it asks again.
 */
export class DiskRowSet implements KeySpan, LookupOwner {
  readonly meta: FileMeta
  readonly schema: TableSchema
  /** Encoded; both ends are keys of rows. */
  readonly minKey: Uint8Array
  readonly maxKey: Uint8Array
  readonly reader: SSTableReader
  private readonly cache: BlockCache
  private stack: DeltaStack
  private readonly o: DiskRowSetOptions
  private readonly users: FileUsers
  private readonly columnBounds: ColumnBounds
  private references = 1

  /** Opens nothing yet. The caller holds the first reference. `twin`: what there is already of the same file. */
  constructor(o: DiskRowSetOptions, twin?: { readonly reader: SSTableReader; readonly users: FileUsers }) {
    const { meta, schema, path, cache, files, codecs } = o
    this.o = o
    this.meta = meta
    this.schema = schema
    this.minKey = new Uint8Array(Buffer.from(meta.minKeyHex, 'hex'))
    this.maxKey = new Uint8Array(Buffer.from(meta.maxKeyHex, 'hex'))
    this.reader =
      twin?.reader ??
      new SSTableReader({ fileNumber: meta.fileNumber, path, schema, cache, files, ...(codecs === undefined ? {} : { codecs }) })
    this.columnBounds = new ColumnBounds(this.reader)
    this.cache = cache
    this.stack = o.deltas ?? new DeltaStack()
    this.users = twin?.users ?? new FileUsers(o.onReleased)
  }

  /**
   * The same rows under another schema of the table; the caller holds the first reference. All their changes lie in files.
   * Only once both are released is the file.
   */
  withSchema(schema: TableSchema): DiskRowSet {
    const undo = this.stack.undo.map((source) => fileUnder(schema, source))
    const redo = this.stack.redo.map((source) => fileUnder(schema, source))
    const deltas = new DeltaStack({ undo, redo })
    for (const file of [...undo, ...redo]) file.release()
    return new DiskRowSet({ ...this.o, schema, deltas }, { reader: this.reader.withSchema(schema), users: this.users.join() })
  }

  get rowCount(): number {
    return this.meta.rows
  }

  get sizeBytes(): number {
    return this.meta.sizeBytes
  }

  /** Opens the file, and those of its newest changes, and brings its filter into the cache, so that the first look-up need not wait. */
  async warm(): Promise<void> {
    await this.reader.open()
    await this.reader.loadFilter()
    for (const source of this.stack.redo) if (source instanceof DeltaFile) await source.warm()
  }

  /** Whether some key column of this rowset lies apart from the bounds: then no row within them is here. Reads nothing. */
  excludes(bounds: readonly KeyColumnBounds[]): boolean {
    return this.columnBounds.excludes(bounds)
  }

  /** The row id of key `index` of `keys`, whose hash is given; −1 if it is not here; `notInMemory`: `misses` says why. */
  find(keys: KeyBlock, index: number, hash: number, misses: LookupMisses): number {
    if (!this.isOpen(misses)) return notInMemory
    // Keys that are at hand answer at once; the filter would only be one more place to look at.
    const group = this.reader.locateGroup(keys, index)
    const cached = group < 0 ? undefined : this.reader.searchableKeys(group)
    if (cached?.isSearchable) return this.rowId(group, cached.find(keys, index, hash))
    const filter = this.filter(misses)
    return filter === undefined ? notInMemory : this.findBehind(filter, keys, index, hash, misses)
  }

  /**
   * The lowest index below `limit` whose key is here; −1 if none is; `notInMemory`: `misses` says why, as far as the
   * blocks at hand could tell.
   */
  findFirst(keys: KeyBlock, hashes: Uint32Array, limit: number, misses: LookupMisses): number {
    const filter = this.filter(misses)
    if (filter === undefined) return notInMemory
    let missed = false
    for (let i = 0; i < limit; i++) {
      const hash = hashes[i] as number
      if (!filter.mayContain(hash)) continue
      const row = this.findBehind(filter, keys, i, hash, misses)
      if (row >= 0) return missed ? notInMemory : i
      if (row === notInMemory) missed = true
    }
    return missed ? notInMemory : -1
  }

  /**
   * Looks keys up: of all indexes, or those of the selection, `out[i]` becomes the row id of key i, −1, or
   * `notInMemory`. Returns how many are of the last kind; `misses` says why.
   */
  probe(keys: KeyBlock, hashes: Uint32Array, selection: Int32Array | undefined, out: Int32Array, misses: LookupMisses): number {
    const filter = this.filter(misses)
    const count = selection?.length ?? keys.count
    let missed = 0
    for (let k = 0; k < count; k++) {
      const i = selection === undefined ? k : (selection[k] as number)
      const row = filter === undefined ? notInMemory : this.findBehind(filter, keys, i, hashes[i] as number, misses)
      out[i] = row
      if (row === notInMemory) missed++
    }
    return missed
  }

  /** Whether a snapshot sees a row that `find` gave; undefined: `misses` says why it cannot be told. */
  isVisible(row: number, timestamp: number, misses: LookupMisses): boolean | undefined {
    if (this.meta.maxTimestamp <= timestamp) return true
    if (!this.isOpen(misses)) return undefined
    const group = Math.floor(row / this.reader.rowsPerGroup)
    const { min, max } = this.reader.timestampRange(group)
    if (max <= timestamp) return true
    if (min > timestamp) return false
    const timestamps = this.reader.timestamps(group) ?? misses.timestamps(this, group)
    return timestamps && (timestamps[row - group * this.reader.rowsPerGroup] as number) <= timestamp
  }

  /**
   * Puts the columns at `positions`, of the group that holds the row, into `vectors`; returns the row's index in them.
   * −1: `misses` says what lacks.
   */
  vectorsAt(row: number, positions: readonly number[], vectors: ColumnVector[], misses: LookupMisses): number {
    if (!this.isOpen(misses)) return -1
    const { reader } = this
    const group = Math.floor(row / reader.rowsPerGroup)
    let complete = true
    for (let i = 0; i < positions.length; i++) {
      const position = positions[i] as number
      const vector = reader.column(group, position) ?? misses.column(this, group, position)
      if (vector === undefined) complete = false
      else vectors[i] = vector
    }
    return complete ? row - group * reader.rowsPerGroup : -1
  }

  /** To be called before `batches`, with the same options: opens the file. Undefined: nothing to wait for. */
  prepareScan(_o?: RowSetScan): Promise<void> | undefined {
    return this.reader.isOpen ? undefined : this.reader.open()
  }

  /**
   * The row groups that may hold what a scan asks for, each a sorted batch; with `reverse` from the last one down. The
   * caller holds a reference from before the call until the last batch is done with, and one to `deltas`, so that those
   * that it began with stay when others take their place. Opens the file, blocking, if `prepareScan` has not.
   */
  *batches(o: RowSetScan, deltas: DeltaStack = this.stack): Generator<BatchSource> {
    this.reader.openSync()
    yield* diskBatches({ reader: this.reader, schema: this.schema, cache: this.cache, deltas }, o)
  }

  /** Its rows by runs, for a reader of several moments, who holds references as for `batches` and has opened the file (`prepareScan`). */
  baseRuns(deltas: DeltaStack): Iterable<BaseRun> {
    return diskRuns({ reader: this.reader, schema: this.schema, deltas })
  }

  /** The changes of its rows, in memory and on disk. Another stack once there are other sources. */
  get deltas(): DeltaStack {
    return this.stack
  }

  /** Reads that begin from now on see these changes. Takes over the caller's reference, and lets go of the stack before. */
  setDeltas(deltas: DeltaStack): void {
    invariant(this.references > 0, 'a DiskRowSet was given deltas after its last reference was released')
    const before = this.stack
    this.stack = deltas
    before.release()
  }

  /** Reads that begin from now on see the changes of a store too, which are newer than all others. */
  addChanges(store: MemDeltaSource): void {
    this.setDeltas(this.stack.withNewest(store))
  }

  /** Whether a row may be dead: then `isAliveNow` knows. */
  get mayHaveDeadRows(): boolean {
    return this.stack.mayKillNow
  }

  /** Whether a row is alive in the newest state; undefined: `misses` says what must be loaded. */
  isAliveNow(row: number, misses: LookupMisses): boolean | undefined {
    return isAliveNow(this.stack, row, misses)
  }

  /** When a row changed last: its insertion, if it never did; undefined: `misses` says what must be loaded. */
  newestChangeTime(row: number, misses: LookupMisses): number | undefined {
    const insertedAt = this.insertTime(row, misses)
    return insertedAt === undefined ? undefined : newestChangeTime(this.stack, row, insertedAt, misses)
  }

  /**
   * Reads a row that `find` gave, as the read's snapshot sees it. False: there is no such row; undefined: the read's
   * `misses` knows what to load before asking again.
   */
  readRow(row: number, read: RowRead): boolean | undefined {
    const visible = this.isVisible(row, read.timestamp, read.misses)
    if (!visible) return visible
    if (this.stack.appliesAt(read.timestamp)) {
      const changed = readChanged(this, row, read)
      if (changed !== 'unchanged') return changed
    }
    read.index = this.vectorsAt(row, read.positions, read.vectors, read.misses)
    return read.index >= 0 ? true : undefined
  }

  /** For `readChanged`. */
  readBase(row: number, positions: readonly number[], vectors: ColumnVector[], indexes: number[], misses: LookupMisses): boolean {
    const index = this.vectorsAt(row, positions, vectors, misses)
    for (let i = 0; i < positions.length; i++) indexes[i] = index
    return index >= 0
  }

  /** Every logged change of its rows up to this op is in its files. */
  get flushedThroughOp(): number {
    let through = this.meta.flushedThroughOp
    for (const source of this.stack.redo) if (source instanceof DeltaFile) through = Math.max(through, source.meta.flushedThroughOp)
    return through
  }

  /** Keeps the file for one more user. */
  retain(): void {
    invariant(this.references > 0, 'a DiskRowSet was retained after its last reference was released')
    this.references++
  }

  /** As `retain`; false, and nothing done, if the last reference was released already. */
  tryRetain(): boolean {
    if (this.references === 0) return false
    this.references++
    return true
  }

  /** Lets go; with the last reference the file is closed and `onReleased` called. */
  release(): void {
    invariant(this.references > 0, 'a DiskRowSet was released more often than retained')
    if (--this.references > 0) return
    this.stack.release()
    this.reader.close()
    this.users.leave()
  }

  private isOpen(misses: LookupMisses): boolean {
    if (this.reader.isOpen) return true
    misses.wantOpen(this)
    return false
  }

  private filter(misses: LookupMisses): BloomFilter | undefined {
    return this.isOpen(misses) ? (this.reader.filter() ?? misses.filter(this)) : undefined
  }

  private findBehind(filter: BloomFilter, keys: KeyBlock, index: number, hash: number, misses: LookupMisses): number {
    if (!filter.mayContain(hash)) return -1
    const { reader } = this
    const group = reader.locateGroup(keys, index)
    if (group < 0) return -1
    const cached = reader.searchableKeys(group)
    if (cached?.isSearchable) return this.rowId(group, cached.find(keys, index, hash))
    const groupKeys = cached?.keys ?? misses.keys(this, group)
    return groupKeys === undefined ? notInMemory : this.rowId(group, findKey(groupKeys, keys, index))
  }

  private rowId(group: number, index: number): number {
    return index < 0 ? -1 : group * this.reader.rowsPerGroup + index
  }

  private insertTime(row: number, misses: LookupMisses): number | undefined {
    if (!this.isOpen(misses)) return undefined
    const group = Math.floor(row / this.reader.rowsPerGroup)
    const { min, max } = this.reader.timestampRange(group)
    if (min === max) return min
    return (this.reader.timestamps(group) ?? misses.timestamps(this, group))?.[row - group * this.reader.rowsPerGroup]
  }
}

function fileUnder(schema: TableSchema, source: DeltaSource): DeltaFile {
  invariant(source instanceof DeltaFile, 'rows are read under another schema once their changes are in files')
  return source.withSchema(schema)
}
