/**
 * The engine room: owns the manifest, the log, the write queue and the tablets, and is the host that tablets work
 * through. Opened by `openStorage` (recovery), shown to applications by `VarveDatabase`.
 */

import type { Timer } from '../base/clock.ts'
import { asError, InvariantError, throwIfAborted, VarveError } from '../base/errors.ts'
import type { ObsoleteFiles } from '../cleaner/obsolete-files.ts'
import type { FileInfo } from '../events/event-map.ts'
import type { JobIds } from '../events/job-ids.ts'
import type { ResolvedConfig } from '../kernel/config.ts'
import type { MemoryBudget } from '../maintenance/memory-budget.ts'
import type { WorkerPool } from '../maintenance/worker-pool.ts'
import { deltaFileName, sstableFileName } from '../manifest/database-files.ts'
import type { Manifest } from '../manifest/manifest.ts'
import type { Version } from '../manifest/version.ts'
import type { FileMeta, VersionEdit } from '../manifest/version-edit.ts'
import type { ChunkPool } from '../rowset/chunk-pool.ts'
import { DeltaFile } from '../rowset/delta-file.ts'
import { DeltaStack } from '../rowset/delta-stack.ts'
import { DiskRowSet } from '../rowset/disk-rowset.ts'
import type { TableSchema } from '../schema/table-schema.ts'
import type { BlockCache } from '../sstable/block-cache.ts'
import type { Codec } from '../sstable/codec.ts'
import type { FileHandles } from '../sstable/file-handles.ts'
import type { RowCache } from '../tablet/row-cache.ts'
import type { Tablet } from '../tablet/tablet.ts'
import type { RowSetMetas, TabletEdit, TabletHost } from '../tablet/tablet-host.ts'
import { joinPath, type VfsHandle } from '../vfs/vfs.ts'
import type { LogPosition } from '../wal/log-position.ts'
import type { Wal } from '../wal/wal.ts'
import { type CheckpointOptions, Checkpoints } from './checkpoint.ts'
import type { EngineOptions } from './engine-options.ts'
import type { TableForm } from './engine-table.ts'
import type { FileNumbers } from './file-numbers.ts'
import { type HybridClock, timestampAtStartOf } from './hybrid-clock.ts'
import { IdleChunks } from './idle-chunks.ts'
import { Ingest } from './ingest.ts'
import { MissLoader } from './miss-loader.ts'
import { Snapshots } from './snapshots.ts'
import { TableCatalog } from './table-catalog.ts'
import { WriteQueue } from './write-queue.ts'
import { WriteThrottle } from './write-throttle.ts'

export interface StorageParts {
  readonly options: EngineOptions
  readonly config: ResolvedConfig
  readonly memory: MemoryBudget
  readonly cache: BlockCache
  readonly rowCache: RowCache | undefined
  readonly jobIds: JobIds
  readonly codecs: readonly Codec[]
  readonly pool: WorkerPool
  readonly chunks: ChunkPool
  readonly files: FileHandles
  readonly obsolete: ObsoleteFiles
  readonly numbers: FileNumbers
  readonly time: HybridClock
  /** Lets the directory go: called once nobody can write to it any more. */
  unlock(): Promise<void>
}

/** What recovery found, and what goes on from there; `wal` and `manifest` are absent when reading only. */
export interface RecoveredState {
  readonly manifest: Manifest | undefined
  readonly wal: Wal | undefined
  readonly nextTableId: number
  readonly lastOpId: number
}

export class StorageEngine implements TabletHost {
  readonly parts: StorageParts
  readonly counts = {
    flushes: 0,
    flushFailures: 0,
    flushedRows: 0,
    flushedBytes: 0,
    compactions: 0,
    compactionFailures: 0,
    compactedBytesRead: 0,
    compactedBytesWritten: 0,
    ingests: 0,
    ingestedRows: 0,
    ingestedBytes: 0,
    batches: 0,
    rows: 0,
  }
  readonly catalog: TableCatalog
  readonly snapshots = new Snapshots(() => this.queue.visibleTimestamp)
  readonly missLoader = new MissLoader(() => this.parts.options.clock.monotonicMs())
  /** Shares memory out anew when stores have grown or gone. */
  onMemoryChange: (() => void) | undefined
  #manifest: Manifest | undefined
  #wal: Wal | undefined
  #queue: WriteQueue | undefined
  #throttle: WriteThrottle | undefined
  readonly #checkpoints: Checkpoints
  readonly #idleChunks: IdleChunks
  readonly #closing = new AbortController()
  readonly #ingests = new Set<Promise<unknown>>()
  #stopped: Error | undefined
  #closed = false
  #syncTimer: Timer | undefined

  constructor(parts: StorageParts) {
    this.parts = parts
    this.catalog = new TableCatalog({
      host: this,
      commitEdit: (edit) => this.commitEdit(edit),
      settleWrites: () => this.queue.settled(),
    })
    this.#idleChunks = new IdleChunks({ clock: parts.options.clock, chunks: parts.chunks, trimmed: () => this.memoryChanged() })
    this.#checkpoints = new Checkpoints({ ...parts, state: () => this.#checkpointState() })
  }

  /** Takes over what was recovered; from here on reads and writes are served. */
  begin(state: RecoveredState): void {
    const { options, memory, time, jobIds } = this.parts
    this.#manifest = state.manifest
    this.#wal = state.wal
    this.catalog.nextTableId = state.nextTableId
    const flushableBytes = () => this.tablets.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0)
    this.#throttle = new WriteThrottle({ clock: options.clock, events: options.events, memory, jobIds, flushableBytes })
    this.#queue = new WriteQueue({
      log: state.wal,
      time,
      throttle: this.#throttle,
      lastOpId: state.lastOpId,
      visibleTimestamp: time.last,
      refusal: () => this.#refusal(),
      applied: ({ inserted, updated, deleted }) => {
        this.counts.batches++
        this.counts.rows += inserted + updated + deleted
      },
      syncSoon: () => this.#syncSoon(),
      broken: (error) => this.stopWrites(error),
    })
    options.events.on('flush:end', ({ outputs, error }) => this.#countFlush(outputs, error))
    options.events.on('compaction:end', ({ inputs, outputs, error }) => {
      if (error) this.counts.compactionFailures++
      else this.counts.compactions++
      if (error) return
      this.counts.compactedBytesRead += bytesOf(inputs)
      this.counts.compactedBytesWritten += bytesOf(outputs)
    })
    options.events.on('sstable:ingested', ({ files }) => {
      this.counts.ingests++
      for (const { rows } of files) this.counts.ingestedRows += rows
      this.counts.ingestedBytes += bytesOf(files)
    })
    // A full segment is one more that a tablet keeps, though nobody may have written to that tablet.
    options.events.on('wal:created', () => {
      for (const tablet of this.tablets) tablet.logGrew()
    })
  }

  // What tablets need.

  get chunks(): ChunkPool {
    return this.parts.chunks
  }

  get rowCache(): RowCache | undefined {
    return this.parts.rowCache
  }

  get events() {
    return this.parts.options.events
  }

  get lastAppliedOp(): number {
    return this.queue.lastAppliedOp
  }

  get mayFreeze(): boolean {
    return !this.queue.isApplying
  }

  whileUnmoved<R>(move: () => R): Promise<R> {
    return this.queue.whileUnmoved(move)
  }

  get monotonicMs(): number {
    return this.parts.options.clock.monotonicMs()
  }

  get codecs(): readonly Codec[] {
    return this.parts.codecs
  }

  get jobIds(): JobIds {
    return this.parts.jobIds
  }

  nextFileNumber(): number {
    return this.parts.numbers.next()
  }

  sstablePath(fileNumber: number): string {
    return this.path(sstableFileName(fileNumber))
  }

  deltaPath(fileNumber: number): string {
    return this.path(deltaFileName(fileNumber))
  }

  vfsHandle(): VfsHandle {
    return this.parts.options.vfs.handle()
  }

  openRowSet({ base, undo, redo }: RowSetMetas, schema: TableSchema): DiskRowSet {
    const { cache, files, codecs, obsolete } = this.parts
    const path = this.sstablePath(base.fileNumber)
    const sources = { undo: undo.map((meta) => this.openDeltas(meta, schema)), redo: redo.map((meta) => this.openDeltas(meta, schema)) }
    const deltas = new DeltaStack(sources)
    for (const source of [...sources.undo, ...sources.redo]) source.release()
    const onReleased = () => obsolete.add([{ kind: 'sstable', path }])
    return new DiskRowSet({ meta: base, schema, path, cache, files, codecs, deltas, onReleased })
  }

  openDeltas(meta: FileMeta, base: TableSchema): DeltaFile {
    const { cache, files, codecs, obsolete } = this.parts
    const path = this.deltaPath(meta.fileNumber)
    return new DeltaFile({ meta, base, path, cache, files, codecs, onReleased: () => obsolete.add([{ kind: 'delta', path }]) })
  }

  historyNeededFrom({ retentionMs = this.parts.config.history.retentionMs }: TableSchema): number {
    const retained = timestampAtStartOf(Math.max(0, this.parts.options.clock.nowMs() - retentionMs))
    return Math.min(retained, this.snapshots.newest, this.snapshots.oldest ?? Number.POSITIVE_INFINITY)
  }

  syncDirectory(): Promise<void> {
    return this.parts.options.vfs.syncDirectory(this.parts.options.directory)
  }

  async syncLogThrough(opId: number): Promise<void> {
    await this.#orStop(this.#wal?.syncThrough(opId))
  }

  async commitEdit(
    edit: TabletEdit & Pick<VersionEdit, 'tables' | 'droppedTables'> & Partial<Pick<VersionEdit, 'lastOpId'>>,
  ): Promise<void> {
    if (!this.#manifest) throw readOnlyError()
    const { numbers, options, time } = this.parts
    const complete = {
      ...edit,
      wallClockMs: options.clock.nowMs(),
      nextFileNumber: numbers.peek,
      lastOpId: edit.lastOpId ?? this.lastAppliedOp,
      lastTimestamp: time.last,
      nextTableId: this.catalog.nextTableId,
      logSyncedThrough: this.#wal?.syncedOpId ?? 0,
    }
    await this.#orStop(this.#manifest.append(complete, (next) => this.#logNeededFrom(next)))
  }

  /** Waits; if log or manifest have failed for good meanwhile, nobody may wait for memory that no flush will free. */
  async #orStop(work: Promise<unknown> | undefined): Promise<void> {
    try {
      await work
    } catch (error) {
      if (this.stoppedBy) this.stopWrites(this.stoppedBy)
      throw error
    }
  }

  logBytesRetainedBy({ oldestOpId }: Pick<Tablet, 'oldestOpId'>): number {
    if (!this.#wal || oldestOpId === undefined) return 0
    return this.#wal.bytesRetainedBy(Number.POSITIVE_INFINITY) - this.#wal.bytesRetainedBy(oldestOpId - 1)
  }

  /** Lets go of the log segments that come before what the last durable edit needs. */
  installed(): void {
    this.memoryChanged()
    const needed = this.#manifest?.version.logNeededFrom
    if (!this.#wal || !needed) return
    const segments = this.#wal.takeObsolete(needed)
    this.parts.obsolete.add(segments.map(({ fileNumber, path }) => ({ kind: 'wal' as const, fileNumber, path })))
  }

  async discardFiles(paths: readonly string[]): Promise<void> {
    // Of a job that outlived its database: the next opening finds them.
    if (this.#closed) return
    const { vfs } = this.parts.options
    for (const path of paths) await vfs.remove(path).catch(() => undefined)
  }

  memoryChanged(): void {
    this.#idleChunks.look()
    this.onMemoryChange?.()
    this.#throttle?.look()
  }

  // What the database needs.

  get queue(): WriteQueue {
    if (!this.#queue) throw new InvariantError('the engine is used before it has recovered')
    return this.#queue
  }

  get throttle(): WriteThrottle | undefined {
    return this.#throttle
  }

  get wal(): Wal | undefined {
    return this.#wal
  }

  get tablets(): Tablet[] {
    return this.catalog.tablets
  }

  path(name: string): string {
    return joinPath(this.parts.options.directory, name)
  }

  /** Why no write is taken any more, reads going on: a failure to persist, or a broken invariant. */
  get stoppedBy(): Error | undefined {
    return this.#stopped ?? this.#wal?.stopped ?? this.#manifest?.stopped
  }

  /** A failure to persist, or a broken invariant: no more writes; reads go on. */
  stopWrites(error: Error): void {
    if (this.#stopped) return
    this.#stopped = error
    this.#throttle?.close()
    this.events.emit('background-error', { error, context: { consequence: 'writes stopped' } })
  }

  requireOpen(): void {
    if (this.#closed) throw new VarveError('DATABASE_CLOSED', 'The database has been closed. Open it again to use it.')
  }

  /** READ_ONLY, DATABASE_CLOSED or WRITES_STOPPED if nothing may be written. */
  requireWritable(): void {
    const refusal = this.#refusal()
    if (refusal) throw refusal
  }

  /** Copies the database as it is now to an empty directory. */
  async checkpoint(directory: string, o: CheckpointOptions): Promise<void> {
    this.requireOpen()
    return this.#checkpoints.take(directory, o)
  }

  /** Takes SSTables that were written elsewhere into a table. */
  async ingest(form: TableForm, files: readonly string[], signal: AbortSignal | undefined): Promise<void> {
    this.requireWritable()
    throwIfAborted(signal)
    const signals = signal ? [signal, this.#closing.signal] : [this.#closing.signal]
    const ingest = new Ingest(this, form, files, AbortSignal.any(signals)).run()
    const ended = ingest.catch(() => undefined)
    this.#ingests.add(ended)
    try {
      await ingest
    } catch (error) {
      const isAborted = error instanceof VarveError && error.code === 'ABORTED'
      if (!isAborted || signal?.aborted) throw error
      throw new VarveError('DATABASE_CLOSED', 'The database was closed while files were being ingested; nothing was.', { cause: error })
    } finally {
      this.#ingests.delete(ended)
    }
  }

  #checkpointState(): { manifest: Manifest; wal: Wal } {
    this.requireOpen()
    if (!this.#manifest || !this.#wal) throw readOnlyError()
    return { manifest: this.#manifest, wal: this.#wal }
  }

  /** Ends writing: no write is taken any more, those under way are finished, and the log is made durable. The directory stays locked. */
  async close(): Promise<void> {
    this.#closing.abort()
    if (this.#ingests.size > 0) await Promise.all(this.#ingests)
    this.#closed = true
    this.#syncTimer?.cancel()
    this.#idleChunks.close()
    this.#throttle?.close()
    await this.#queue?.settled()
    await this.#checkpoints.close()
    const { files, obsolete } = this.parts
    const failures: Error[] = []
    const attempt = async (work: Promise<unknown> | undefined) => {
      try {
        await work
      } catch (thrown) {
        failures.push(asError(thrown))
      }
    }
    if (!this.#wal?.stopped) await attempt(this.#wal?.sync())
    if (!this.stoppedBy) {
      await attempt(this.#leaveNoLog().catch(passDiskFull))
      // The last edit says how far the log is durable, and where it is needed from: one that lost something later is noticed.
      if (this.#manifest) await attempt(this.commitEdit({ reason: { kind: 'close' } }).catch(passDiskFull))
      this.installed()
    }
    await attempt(this.#wal?.close())
    await attempt(obsolete.drain())
    await attempt(this.#manifest?.close())
    for (const tablet of this.tablets) tablet.close()
    files.close()
    // That writes have stopped was said; that something acknowledged may not be on disk must be said here.
    const isDurable = !this.#wal || this.#wal.syncedOpId >= this.lastAppliedOp
    const failure = isDurable && this.stoppedBy ? undefined : (this.#wal?.stopped ?? failures[0])
    if (failure) throw failure
  }

  #countFlush(outputs: readonly FileInfo[], error: Error | undefined): void {
    const { counts } = this
    if (error) counts.flushFailures++
    else if (outputs.length > 0) counts.flushes++
    for (const { kind, rows, sizeBytes } of outputs) {
      if (kind === 'sstable') counts.flushedRows += rows
      counts.flushedBytes += sizeBytes
    }
  }

  /** Durability 'interval': one sync serves every write of the interval. */
  #syncSoon(): void {
    const { clock } = this.parts.options
    this.#syncTimer ??= clock.after(this.parts.config.wal.syncIntervalMs, () => {
      this.#syncTimer = undefined
      this.#wal?.sync().catch((thrown: unknown) => this.stopWrites(asError(thrown)))
    })
  }

  /** If nothing is in memory only, begins an empty segment, so that the next opening has nothing to replay. */
  async #leaveNoLog(): Promise<void> {
    if (this.tablets.every(({ oldestOpId }) => oldestOpId === undefined)) await this.#wal?.roll()
  }

  #refusal(): Error | undefined {
    if (this.#closed) return new VarveError('DATABASE_CLOSED', 'The database has been closed. Open it again to use it.')
    if (this.parts.config.readOnly) return readOnlyError()
    const stopped = this.stoppedBy
    if (!stopped) return undefined
    if (stopped instanceof VarveError && stopped.code === 'WRITES_STOPPED') return stopped
    return new VarveError('WRITES_STOPPED', `Writes have stopped: ${stopped.message} Reads go on; reopen the database.`, { cause: stopped })
  }

  /** Where the log is needed from once `next` is durable: the oldest op that only memory holds then; without one, the op to come. */
  #logNeededFrom(next: Version): LogPosition {
    if (!this.#wal) throw new InvariantError('an edit was made without a log')
    let oldest = this.lastAppliedOp + 1
    for (const tablet of this.tablets) {
      const { tableId } = tablet.schema
      // The rows of a table that the edit drops, recovery passes over.
      const opId = next.tables.has(tableId) ? tablet.oldestOpIdAfter(next.tablet(tableId, tablet.ordinal)) : undefined
      if (opId !== undefined && opId < oldest) oldest = opId
    }
    return this.#wal.positionOf(oldest)
  }
}

function bytesOf(files: readonly FileInfo[]): number {
  return files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
}

/** What closing does on a full disk that it could as well do without. */
function passDiskFull(error: unknown): void {
  if (!(error instanceof VarveError && error.code === 'DISK_FULL')) throw error
}

/** READ_ONLY, with what to do. */
export function readOnlyError(): VarveError {
  return new VarveError('READ_ONLY', 'The database was opened with readOnly: true. Open it without to write.')
}
