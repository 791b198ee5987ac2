import { asError, VarveError } from '../base/errors.ts'
import { isDiskFull } from '../base/file-error.ts'
import type { EventBus } from '../events/event-map.ts'
import { type LogPosition, laterPosition } from '../wal/log-position.ts'
import { diskFullError, writesStoppedError } from '../wal/persist-errors.ts'
import { encodeEdit } from './edit-codec.ts'
import { encodeFrames, installManifest, type ManifestFile, type ManifestPlace, type OpenManifest, writeSnapshot } from './open-manifest.ts'
import type { Version } from './version.ts'
import type { VersionEdit } from './version-edit.ts'

export interface ManifestOptions extends ManifestPlace {
  readonly events: EventBus
  /** Told of each manifest that is no longer in force, once that is durable. */
  obsolete(file: ManifestFile): void
  /** A new manifest is begun past this size, and past twice its own snapshot; 1 MiB by default. */
  readonly rotateAtBytes?: number
}

interface PendingEdit {
  readonly edit: VersionEdit
  readonly next: Version
  resolve(version: Version): void
  reject(error: Error): void
}

/**
 * The log of version edits being written. Edits are validated and ordered by the call of `append`, written together
 * where several wait, and become the current version once they are synced. What fails to persist in an unknown way
 * stops writes for good (WRITES_STOPPED); a full disk takes back the edits that found it full (DISK_FULL).
 */
export class Manifest {
  readonly #o: ManifestOptions
  #open: OpenManifest
  #version: Version
  /** The version after every edit that waits. */
  #tail: Version
  #queue: PendingEdit[] = []
  #pump: Promise<void> | undefined
  #stopped: VarveError | undefined
  #closed = false
  #rotateAtBytes: number

  private constructor(o: ManifestOptions, open: OpenManifest, version: Version) {
    this.#o = o
    this.#open = open
    this.#version = version
    this.#tail = version
    this.#rotateAtBytes = this.#nextRotation()
  }

  /**
   * Begins a new manifest with a snapshot of a version, and makes it the one in force: of a new database
   * (`Version.empty`), or of one being opened (`previous` is then the manifest that was read; it becomes obsolete).
   * Rejects with DISK_FULL, or whatever the file system reports; then the previous manifest is still in force.
   */
  static async begin(o: ManifestOptions & { version: Version; previous?: ManifestFile }): Promise<Manifest> {
    try {
      const open = await writeSnapshot(o, o.version)
      await installManifest(open, o)
      const manifest = new Manifest(o, open, o.version)
      o.events.emit('manifest:created', { fileNumber: open.fileNumber, path: open.path })
      if (o.previous) o.obsolete(o.previous)
      return manifest
    } catch (error) {
      throw isDiskFull(error) ? diskFullError('the manifest in', o.directory, error) : error
    }
  }

  /** The version that every synced edit adds up to. */
  get version(): Version {
    return this.#version
  }

  get fileNumber(): number {
    return this.#open.fileNumber
  }

  get path(): string {
    return this.#open.path
  }

  /** Length through the last synced edit: a copy of this prefix is a valid manifest of `version`. */
  get sizeBytes(): number {
    return this.#open.sizeBytes
  }

  /** Why writes have stopped, if they have. */
  get stopped(): VarveError | undefined {
    return this.#stopped
  }

  /**
   * Writes an edit; resolves with the version that it makes once it is synced, edits of earlier calls first. Rejects
   * with DISK_FULL (retryable; edits that waited behind it are rejected too, as they build on it), WRITES_STOPPED, or
   * an InvariantError if the edit does not fit the version after those that wait.
   *
   * `logNeededFrom` completes the edit, within the call: it is given the version after this edit and those that wait,
   * which are durable before it, and says where the log is needed from then.
   */
  append(edit: VersionEdit, logNeededFrom?: (next: Version) => LogPosition): Promise<Version> {
    return new Promise((resolve, reject) => {
      if (this.#stopped) throw this.#stopped
      if (this.#closed) throw new VarveError('DATABASE_CLOSED', 'The database has been closed.')
      let pending = { edit, next: this.#tail.apply(edit) }
      if (logNeededFrom) pending = completed(pending, logNeededFrom(pending.next))
      this.#tail = pending.next
      this.#queue.push({ ...pending, resolve, reject })
      this.#pump ??= this.#writeAll()
    })
  }

  /** Waits for edits under way, then lets go of the file. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#pump
    await this.#open.file.close()
  }

  /** Writes what waits, group after group. Never rejects. */
  async #writeAll(): Promise<void> {
    while (this.#queue.length > 0 && !this.#stopped) {
      const group = this.#queue
      this.#queue = []
      try {
        await this.#writeGroup(group)
      } catch (error) {
        this.#tail = this.#version
        for (const { reject } of [...group, ...this.#queue]) reject(asError(error))
        this.#queue = []
        continue
      }
      for (const { next, resolve } of group) resolve(next)
      await this.#markSynced()
      if (this.#open.file.sizeBytes > this.#rotateAtBytes && !this.#stopped) await this.#rotate()
    }
    for (const { reject } of this.#queue) reject(this.#stopped as VarveError)
    this.#queue = []
    this.#pump = undefined
  }

  async #writeGroup(group: readonly PendingEdit[]): Promise<void> {
    const { file, sequence, seed } = this.#open
    const start = file.sizeBytes
    const payloads = group.map(({ edit }) => encodeEdit(edit))
    const bytes = encodeFrames(payloads, { sequence, seed, position: start, syncedBytes: start })
    try {
      await file.append(bytes)
    } catch (error) {
      await this.#takeBack(start, error)
    }
    await file.sync().catch((error: unknown) => {
      throw this.#stop(error)
    })
    this.#open.sequence += group.length
    // In one tick, so that whoever copies the manifest finds length and version in agreement.
    this.#open.sizeBytes = start + bytes.length
    this.#version = group.at(-1)?.next ?? this.#version
  }

  /** Cuts a failed append off, durably, so that what is rejected now never shows up after a crash. Always throws. */
  async #takeBack(start: number, error: unknown): Promise<never> {
    try {
      await this.#open.file.truncate(start)
      await this.#open.file.sync()
    } catch (second) {
      throw this.#stop(second)
    }
    throw isDiskFull(error) ? diskFullError('the manifest', this.#open.path, error) : this.#stop(error)
  }

  /** Notes behind the edits that they are synced, so that later damage to them is known for what it is. A help only: may fail. */
  async #markSynced(): Promise<void> {
    const { file, seed, sizeBytes } = this.#open
    try {
      await file.append(encodeFrames([], { sequence: 0, seed, position: sizeBytes, syncedBytes: sizeBytes }))
    } catch {
      await file.truncate(sizeBytes).catch((error: unknown) => this.#stop(error))
    }
  }

  /** Begins a new manifest. While CURRENT is untouched a failure only puts it off. */
  async #rotate(): Promise<void> {
    const old = this.#open
    let open: OpenManifest
    try {
      open = await writeSnapshot(this.#o, this.#version)
    } catch (error) {
      this.#rotateAtBytes = old.file.sizeBytes + this.#limitBytes()
      this.#o.events.emit('background-error', { error: asError(error), context: { task: 'manifest rotation', path: old.path } })
      return
    }
    try {
      await installManifest(open, this.#o)
    } catch (error) {
      this.#stop(error)
      return
    }
    this.#open = open
    this.#rotateAtBytes = this.#nextRotation()
    this.#o.events.emit('manifest:created', { fileNumber: open.fileNumber, path: open.path })
    await old.file.close().catch(() => {})
    this.#o.obsolete({ fileNumber: old.fileNumber, path: old.path })
  }

  #nextRotation(): number {
    return Math.max(this.#limitBytes(), 2 * this.#open.snapshotBytes)
  }

  #limitBytes(): number {
    return this.#o.rotateAtBytes ?? 1024 * 1024
  }

  #stop(cause: unknown): VarveError {
    this.#stopped ??= writesStoppedError('the manifest', this.#open.path, cause)
    return this.#stopped
  }
}

/** An edit, and the version that it makes, with where the log is needed from: like counters, that only rises. */
function completed({ edit, next }: Pick<PendingEdit, 'edit' | 'next'>, neededFrom: LogPosition): Pick<PendingEdit, 'edit' | 'next'> {
  const logNeededFrom = laterPosition(next.logNeededFrom, neededFrom)
  return { edit: { ...edit, logNeededFrom }, next: next.withLog({ logNeededFrom }) }
}
