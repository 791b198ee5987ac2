import { BlockingPolicy } from '../base/blocking-policy.ts'
import type { Clock } from '../base/clock.ts'
import { asError, invariant, VarveError } from '../base/errors.ts'
import { isDiskFull } from '../base/file-error.ts'
import type { EventBus } from '../events/event-map.ts'
import type { RowBlock } from '../schema/column-vector.ts'
import type { Vfs } from '../vfs/vfs.ts'
import { BatchEncoder } from './batch-encoder.ts'
import type { SectionKind, SectionPlace } from './batch-format.ts'
import type { LogPosition } from './log-position.ts'
import { createSegment, type OpenSegment } from './open-segment.ts'
import { diskFullError, writesStoppedError } from './persist-errors.ts'
import { SealedSegments } from './sealed-segments.ts'
import { encodeSyncedMark, syncedMarkBytes } from './synced-mark.ts'
import type { LogSegment } from './wal-recovery.ts'

export interface WalOptions {
  readonly vfs: Vfs
  readonly directory: string
  readonly clock: Clock
  readonly events: EventBus
  /** Takes the next number of the database's one sequence. */
  nextFileNumber(): number
  /** What recovery kept; empty for a new database. */
  readonly segments: readonly LogSegment[]
  /** The last op id in use, by log and manifest: the next batch has a greater one. */
  readonly lastOpId: number
  /** A new segment is begun past this size; 8 MiB by default. */
  readonly segmentBytes?: number
  /** Batches larger than this are written in parts; a multiple of 8, 1 MiB by default. */
  readonly fragmentBytes?: number
  /** The manifest in force and its synced length: noted in the log, so that a manifest cut short later is noticed. */
  manifest?(): { readonly fileNumber: number; readonly sizeBytes: number }
  readonly policy?: BlockingPolicy
}

/** Bytes that the last sync before a switch of segments may have to write, if syncs beforehand can bring that about. */
const finalSyncBytesMax = 256 * 1024
const earlySyncsMax = 3

/**
 * The write-ahead log being written. One writer: `begin`, `section`, `end`, for one or several batches, then `commit`;
 * apply them when `commit` has returned or resolved, and begin nothing new before. `sync` may be called at any time.
 *
 * Segments. When the live one is full, it is synced and the next one made (file, header, directory entry, all synced)
 * in the background while writing goes on; then what was written meanwhile is synced, and the next commit goes to
 * the new segment. So a segment is always durable before the next has a record, and no commit waits for a long sync.
 *
 * Failures. A full disk: what was written of the group is cut off, durably, and the group rejected with DISK_FULL;
 * later ones may succeed. Any other failed write, a failed cut and a failed sync stop the log for good (WRITES_STOPPED):
 * after a failed sync nobody knows what is on disk.
 */
export class Wal {
  readonly #o: WalOptions
  readonly #segmentBytes: number
  readonly #encoder: BatchEncoder
  readonly #policy: BlockingPolicy
  /** Bytes written and syncs done since it was opened. */
  writtenBytes = 0
  syncCount = 0
  /** Segments before the live one, ascending. */
  readonly #sealed: SealedSegments
  #live: OpenSegment
  /** The segment to switch to, once it is durable. */
  #next: OpenSegment | undefined
  #preparing: Promise<void> | undefined
  #prepareAtBytes: number
  #writing: Promise<void> | undefined
  #syncing: Promise<void> | undefined
  #lastOpId: number
  #syncedOpId: number
  /** The op of the last batch that waits for `commit`. */
  #pendingOpId: number
  /** The op of the last batch that had ended when the newest was begun. */
  #endedOpId: number
  #stopped: VarveError | undefined
  #closing: Promise<void> | undefined

  private constructor(o: WalOptions, live: OpenSegment) {
    this.#o = o
    this.#segmentBytes = o.segmentBytes ?? 8 * 1024 * 1024
    this.#encoder = new BatchEncoder(o.fragmentBytes ?? 1024 * 1024)
    this.#policy = o.policy ?? new BlockingPolicy()
    this.#sealed = new SealedSegments(o.segments)
    this.#live = live
    this.#prepareAtBytes = this.#segmentBytes
    this.#lastOpId = o.lastOpId
    this.#syncedOpId = o.lastOpId
    this.#pendingOpId = o.lastOpId
    this.#endedOpId = o.lastOpId
  }

  /** Begins a new segment behind those that recovery kept (and synced). Rejects with DISK_FULL, or what the file system reports. */
  static async open(o: WalOptions): Promise<Wal> {
    const last = o.segments.at(-1)
    try {
      const live = await createSegment(o, {
        fileNumber: o.nextFileNumber(),
        predecessor: last?.fileNumber ?? 0,
        predecessorSyncedBytes: last?.sizeBytes ?? 0,
        firstOpId: o.lastOpId + 1,
      })
      live.predecessorBytes = last?.sizeBytes ?? 0
      o.events.emit('wal:created', { fileNumber: live.fileNumber, path: live.path })
      return new Wal(o, live)
    } catch (error) {
      throw isDiskFull(error) ? diskFullError('the log in', o.directory, error) : error
    }
  }

  /** The last op whose batch is in the operating system's hands. */
  get lastOpId(): number {
    return this.#lastOpId
  }

  /** Every op up to this one is durable. */
  get syncedOpId(): number {
    return this.#syncedOpId
  }

  /** Bytes that wait for `commit`. */
  get pendingBytes(): number {
    return this.#encoder.sizeBytes
  }

  /** Bytes of all segments. */
  get retainedBytes(): number {
    return this.#sealed.sizeBytes + this.#live.sizeBytes
  }

  /** Every segment, ascending, the live one last. */
  get segments(): readonly LogSegment[] {
    return [...this.#sealed.list, describe(this.#live)]
  }

  /** Why writes have stopped, if they have. */
  get stopped(): VarveError | undefined {
    return this.#stopped
  }

  /** Begins a batch; its op id must be above that of every batch before. */
  begin(opId: number, timestamp: number): void {
    invariant(!this.#writing, `Batch ${opId} was begun while a commit was pending.`)
    invariant(opId > this.#pendingOpId, `Batch ${opId} was begun after batch ${this.#pendingOpId}.`)
    this.#encoder.begin(opId, timestamp)
    this.#endedOpId = this.#pendingOpId
    this.#pendingOpId = opId
  }

  /** Adds rows to the batch that was begun. */
  section(kind: SectionKind, place: SectionPlace, rows: RowBlock): void {
    this.#encoder.section(kind, place, rows)
  }

  /** Ends the batch: it waits for `commit`. */
  end(): void {
    this.#encoder.end()
  }

  /** Forgets the batch that was begun and has not ended; those before it still wait. */
  abandonBatch(): void {
    if (this.#encoder.abandon()) this.#pendingOpId = this.#endedOpId
  }

  /** Forgets every batch that waits for `commit`, ended or not. */
  abandon(): void {
    this.#encoder.reset()
    this.#pendingOpId = this.#lastOpId
  }

  /**
   * Hands every batch that waits to the operating system, in one write; at once if that is quick, else it returns a
   * promise. Throws or rejects with DISK_FULL or WRITES_STOPPED; then none of them is in the log, nor will ever be.
   */
  commit(): void | Promise<void> {
    invariant(!this.#writing, 'A commit was begun while another was pending.')
    if (this.#stopped || this.#closing) {
      this.abandon()
      throw this.#stopped ?? new VarveError('DATABASE_CLOSED', 'The database has been closed.')
    }
    if (this.#encoder.sizeBytes === 0) return
    if (this.#next || (this.#preparing && this.#live.sizeBytes >= 2 * this.#segmentBytes)) {
      if (!this.#next || this.#live.syncedBytes < this.#live.sizeBytes) return this.#hold(this.#switchAndWrite())
      this.#switch()
    }
    const writing = this.#write()
    return writing && this.#hold(writing)
  }

  /** Makes every batch committed so far durable. Callers share syncs. Rejects with WRITES_STOPPED. */
  sync(): Promise<void> {
    return this.syncThrough(this.#lastOpId)
  }

  /** Makes every batch up to an op durable, as far as it is committed. */
  async syncThrough(opId: number): Promise<void> {
    const target = Math.min(opId, this.#lastOpId)
    while (this.#syncedOpId < target) await this.#syncLive()
  }

  /** Begins a new segment, unless the live one holds no batch; so that the one until now can become obsolete. Rejects if it cannot. */
  async roll(): Promise<void> {
    const full = this.#live
    while (this.#live === full && full.lastOpId > 0) {
      if (this.#stopped) throw this.#stopped
      if (this.#closing) return
      if (this.#writing) await this.#writing.catch(() => {})
      else if (!this.#next) await (this.#preparing ?? this.#prepare())
      else if (full.syncedBytes < full.sizeBytes) await this.#syncLive()
      else this.#switch()
    }
  }

  /** Where an op lies, or will: for an edit to say that the log is needed from there on. */
  positionOf(opId: number): LogPosition {
    return { opId, segment: this.#sealed.numberOf(opId) ?? this.#live.fileNumber }
  }

  /** Takes the segments before a position that a durable edit states out of the log, for the cleaner to remove; never the live one. */
  takeObsolete({ segment }: LogPosition): readonly LogSegment[] {
    return this.#sealed.takeBefore(segment)
  }

  /** Bytes of segments that would be obsolete if no op up to `opId` were needed. Cheap: a look at each segment. */
  bytesRetainedBy(opId: number): number {
    return this.#sealed.bytesThrough(opId)
  }

  /** Syncs, notes that all is synced, and lets go of the files. Rejects with WRITES_STOPPED if that fails. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#writing?.catch(() => {})
    await this.#preparing?.catch(() => {})
    try {
      const live = this.#live
      while (!this.#stopped && live.syncedBytes < live.sizeBytes) await this.#syncLive()
      if (!this.#stopped) this.#markSynced()
    } finally {
      await this.#live.file.close()
      await this.#discard(this.#next)
    }
  }

  #write(): void | Promise<void> {
    const { file, seed, predecessor, sizeBytes, syncedBytes } = this.#live
    const bytes = this.#encoder.seal({ seed, position: sizeBytes, syncedBytes, predecessor })
    const { clock } = this.#o
    const startMs = clock.monotonicMs()
    if (this.#policy.choose(bytes.length, startMs) === 'asynchronous') return this.#writeAsynchronously(bytes)
    try {
      file.appendSync(bytes)
    } catch (error) {
      return this.#takeBack(error)
    }
    const endMs = clock.monotonicMs()
    this.#policy.took(endMs - startMs, endMs)
    this.#committed(bytes.length)
  }

  async #writeAsynchronously(bytes: Uint8Array): Promise<void> {
    try {
      await this.#live.file.append(bytes)
    } catch (error) {
      await this.#takeBack(error)
    }
    this.#committed(bytes.length)
  }

  /** Keeps `begin` and `commit` out until a commit has settled. */
  #hold(commit: Promise<void>): Promise<void> {
    this.#writing = commit.finally(() => {
      this.#writing = undefined
    })
    return this.#writing
  }

  #committed(bytes: number): void {
    const live = this.#live
    live.sizeBytes += bytes
    this.writtenBytes += bytes
    live.lastOpId = this.#pendingOpId
    this.#lastOpId = this.#pendingOpId
    this.#encoder.reset()
    if (live.sizeBytes >= this.#prepareAtBytes && !this.#next && !this.#preparing) this.#prepare().catch(() => {})
  }

  /** Cuts a failed append off, durably: what is rejected now must not be found by a recovery. Always throws. */
  async #takeBack(error: unknown): Promise<never> {
    const { file, sizeBytes, path } = this.#live
    this.abandon()
    await this.#syncing?.catch(() => {})
    try {
      await file.truncate(sizeBytes)
      await file.sync()
    } catch (second) {
      throw this.#stop(second)
    }
    throw isDiskFull(error) && !this.#stopped ? diskFullError('the log', path, error) : this.#stop(error)
  }

  /** One sync of the live segment, shared by all who wait for it. */
  #syncLive(): Promise<void> {
    this.#syncing ??= this.#syncNow(this.#live).finally(() => {
      this.#syncing = undefined
    })
    return this.#syncing
  }

  async #syncNow(live: OpenSegment): Promise<void> {
    if (this.#stopped) throw this.#stopped
    const { sizeBytes } = live
    const opId = this.#lastOpId
    try {
      await live.file.sync()
    } catch (error) {
      throw this.#stop(error)
    }
    this.syncCount++
    live.syncedBytes = Math.max(live.syncedBytes, sizeBytes)
    this.#syncedOpId = Math.max(this.#syncedOpId, opId)
    const idle = live === this.#live && live.sizeBytes === sizeBytes && !this.#writing && !this.#next && !this.#preparing && !this.#closing
    if (idle) this.#markSynced()
  }

  /**
   * Notes behind the last batch that it is synced, so that damage to it is known for what it is. A help only: if the
   * disk is full there will be no mark.
   */
  #markSynced(): void {
    const { file, seed, predecessor, sizeBytes, syncedBytes, predecessorBytes } = this.#live
    const { fileNumber = 0, sizeBytes: manifestBytes = 0 } = this.#o.manifest?.() ?? {}
    const mark = { manifestNumber: fileNumber, manifestBytes, predecessorBytes }
    try {
      file.appendSync(encodeSyncedMark(mark, { seed, position: sizeBytes, syncedBytes, predecessor }))
      this.#live.sizeBytes += syncedMarkBytes
    } catch {
      try {
        file.truncateSync(sizeBytes)
      } catch (error) {
        this.#stop(error)
      }
    }
  }

  /** Syncs the live segment ahead of its end, and makes the next one. Rejects if it cannot be made; then it is tried again later. */
  #prepare(): Promise<void> {
    const task = this.#prepareNext()
      .catch((error: unknown) => {
        this.#prepareAtBytes = this.#live.sizeBytes + this.#segmentBytes / 4
        if (!this.#stopped)
          this.#o.events.emit('background-error', {
            error: asError(error),
            context: { task: 'new log segment', directory: this.#o.directory },
          })
        throw isDiskFull(error) ? diskFullError('the log in', this.#o.directory, error) : error
      })
      .finally(() => {
        this.#preparing = undefined
      })
    this.#preparing = task
    return task
  }

  async #prepareNext(): Promise<void> {
    const live = this.#live
    for (let i = 0; i < earlySyncsMax && live.sizeBytes - live.syncedBytes > (i === 0 ? 0 : finalSyncBytesMax); i++) await this.#syncLive()
    this.#next = await createSegment(this.#o, {
      fileNumber: this.#o.nextFileNumber(),
      predecessor: live.fileNumber,
      predecessorSyncedBytes: live.syncedBytes,
      firstOpId: this.#lastOpId + 1,
    })
  }

  async #switchAndWrite(): Promise<void> {
    await this.#preparing?.catch(() => {})
    if (this.#next) {
      while (this.#live.syncedBytes < this.#live.sizeBytes) await this.#syncLive()
      this.#switch()
    }
    await this.#write()
  }

  /** The live segment is durable: from now on the next one is live. */
  #switch(): void {
    const old = this.#live
    const next = this.#next as OpenSegment
    this.#sealed.add(describe(old))
    next.predecessorBytes = old.sizeBytes
    // Its header was written while batches still went to the one before.
    next.firstOpId = this.#lastOpId + 1
    this.#live = next
    this.#next = undefined
    this.#prepareAtBytes = this.#segmentBytes
    this.#o.events.emit('wal:created', { fileNumber: next.fileNumber, path: next.path })
    old.file
      .close()
      .catch((error: unknown) => this.#o.events.emit('background-error', { error: asError(error), context: { path: old.path } }))
  }

  /** A segment made ahead that was not needed. If it cannot be removed, recovery finds it empty. */
  async #discard(segment: OpenSegment | undefined): Promise<void> {
    if (!segment) return
    await segment.file.close().catch(() => {})
    await this.#o.vfs.remove(segment.path).catch(() => {})
  }

  #stop(cause: unknown): VarveError {
    this.#stopped ??= writesStoppedError('the log', this.#live.path, cause)
    return this.#stopped
  }
}

function describe({ fileNumber, path, sizeBytes, firstOpId, lastOpId }: OpenSegment): LogSegment {
  return { fileNumber, path, sizeBytes, firstOpId, lastOpId: Math.max(lastOpId, firstOpId - 1) }
}
