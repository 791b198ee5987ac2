import type { Clock } from '../base/clock.ts'
import { asError, VarveError } from '../base/errors.ts'
import type { EventBus } from '../events/event-map.ts'
import { type AppendFile, joinPath, type Vfs } from '../vfs/vfs.ts'
import { beginFrame, frameHeaderBytes, frameTypes, sealFrame } from '../wal/frame.ts'
import { diskFullError, isDiskFull, writesStoppedError } from '../wal/persist-errors.ts'
import { installCurrent, prepareCurrent } from './current-file.ts'
import { manifestFileName } from './database-files.ts'
import { encodeEdit } from './edit-codec.ts'
import { encodeManifestHeader, manifestHeaderBytes, manifestSeed } from './manifest-header.ts'
import type { Version } from './version.ts'
import type { VersionEdit } from './version-edit.ts'

/** A manifest, as the cleaner is asked to remove it. */
export interface ManifestFile {
  readonly fileNumber: number
  readonly path: string
}

export interface ManifestOptions {
  readonly vfs: Vfs
  readonly directory: string
  readonly clock: Clock
  readonly events: EventBus
  /** Takes the next number of the database's one sequence. */
  nextFileNumber(): number
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

/** The file being written. `sizeBytes` through the last synced edit. */
interface OpenManifest extends ManifestFile {
  readonly file: AppendFile
  readonly seed: number
  readonly snapshotBytes: number
  sizeBytes: number
  sequence: number
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
      await installCurrent(o.vfs, o.directory)
      const manifest = new Manifest(o, open, o.version)
      o.events.emit('manifest:created', { fileNumber: open.fileNumber, path: open.path })
      if (o.previous) manifest.#retire(o.previous)
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
   */
  append(edit: VersionEdit): Promise<Version> {
    return new Promise((resolve, reject) => {
      if (this.#stopped) throw this.#stopped
      if (this.#closed) throw new VarveError('DATABASE_CLOSED', 'The database has been closed.')
      const next = this.#tail.apply(edit)
      this.#tail = next
      this.#queue.push({ edit, next, resolve, reject })
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
      for (const { next, resolve } of group) {
        this.#version = next
        resolve(next)
      }
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
    this.#open.sizeBytes = start + bytes.length
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
      await installCurrent(this.#o.vfs, this.#o.directory)
    } catch (error) {
      this.#stop(error)
      await open.file.close().catch(() => {})
      return
    }
    this.#open = open
    this.#rotateAtBytes = this.#nextRotation()
    this.#o.events.emit('manifest:created', { fileNumber: open.fileNumber, path: open.path })
    await old.file.close().catch(() => {})
    this.#retire({ fileNumber: old.fileNumber, path: old.path })
  }

  #retire(file: ManifestFile): void {
    this.#o.events.emit('manifest:deleted', file)
    this.#o.obsolete(file)
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

/** Writes and syncs a manifest that CURRENT does not name yet, and the new CURRENT beside the old one. Removes what it wrote if it fails. */
async function writeSnapshot(o: ManifestOptions, version: Version): Promise<OpenManifest> {
  const fileNumber = o.nextFileNumber()
  const path = joinPath(o.directory, manifestFileName(fileNumber))
  const seed = manifestSeed(fileNumber)
  const snapshot = version.snapshotEdit(o.clock.nowMs())
  const payload = encodeEdit({ ...snapshot, nextFileNumber: Math.max(snapshot.nextFileNumber, fileNumber + 1) })
  const frames = encodeFrames([payload], { sequence: 0, seed, position: manifestHeaderBytes, syncedBytes: 0 })
  const file = await o.vfs.create(path)
  try {
    await file.append(encodeManifestHeader(fileNumber))
    await file.append(frames)
    await file.sync()
    await prepareCurrent(o.vfs, o.directory, fileNumber)
    const sizeBytes = manifestHeaderBytes + frames.length
    return { fileNumber, path, file, seed, snapshotBytes: sizeBytes, sizeBytes, sequence: 1 }
  } catch (error) {
    await file.close().catch(() => {})
    await o.vfs.remove(path).catch(() => {})
    throw error
  }
}

/** Frames for payloads, end to end; for no payload, the one frame that says how much is synced. */
function encodeFrames(
  payloads: readonly Uint8Array[],
  o: { sequence: number; seed: number; position: number; syncedBytes: number },
): Uint8Array {
  const list = payloads.length > 0 ? payloads : [new Uint8Array(0)]
  const type = payloads.length > 0 ? frameTypes.record : frameTypes.synced
  const bytes = new Uint8Array(list.reduce((total, payload) => total + frameHeaderBytes + payload.length, 0))
  const view = new DataView(bytes.buffer)
  let offset = 0
  list.forEach((payload, i) => {
    beginFrame(view, offset, type, o.sequence + i, payload.length)
    bytes.set(payload, offset + frameHeaderBytes)
    sealFrame(bytes, view, offset, { seed: o.seed, position: o.position + offset, syncedBytes: o.syncedBytes })
    offset += frameHeaderBytes + payload.length
  })
  return bytes
}
