/**
 * Taking a checkpoint: a copy of the database as it is in one tick, which opens as a database.
 *   1. the directory must be empty, or not there yet
 *   2. in one tick: the version, the length of the manifest that says it, the length of the log; every file of these is
 *      pinned, so that it stays though a compaction replaces it
 *   3. data files, which never change, are linked where that can be, else copied; of the log and the manifest, which grow,
 *      that length is copied. Rows that are in memory only come along in the log
 *   4. all is synced, and then CURRENT written: before it, nothing opens the copy as a database
 * If it fails, what it made is removed, CURRENT first.
 */
import { systemCode, throwIfAborted, VarveError } from '../base/errors.ts'
import { fileError } from '../base/file-error.ts'
import type { ObsoleteFiles } from '../cleaner/obsolete-files.ts'
import type { JobIds } from '../events/job-ids.ts'
import { installCurrent, prepareCurrent } from '../manifest/current-file.ts'
import { currentFileName, dataFileName, manifestFileName } from '../manifest/database-files.ts'
import type { Manifest } from '../manifest/manifest.ts'
import { joinPath, type Vfs } from '../vfs/vfs.ts'
import { segmentFileName } from '../wal/segment-header.ts'
import type { Wal } from '../wal/wal.ts'
import type { EngineOptions } from './engine-options.ts'

const chunkBytes = 1 << 20

/** What a checkpoint is taken of. */
export interface CheckpointSource {
  readonly options: EngineOptions
  readonly obsolete: ObsoleteFiles
  readonly jobIds: JobIds
  /** What is written to now. Throws if there is nothing to take a checkpoint of. */
  state(): { readonly manifest: Manifest; readonly wal: Wal }
}

export interface CheckpointOptions {
  /** Where the copy goes. */
  readonly vfs: Vfs
  readonly signal?: AbortSignal | undefined
}

/** Takes checkpoints, several at a time if need be, until the database is closed. */
export class Checkpoints {
  readonly #source: CheckpointSource
  readonly #closing = new AbortController()
  readonly #running = new Set<Promise<void>>()

  constructor(source: CheckpointSource) {
    this.#source = source
  }

  /** Rejects with DIRECTORY_NOT_EMPTY, ABORTED, DISK_FULL, IO_ERROR; DATABASE_CLOSED if the database is closed meanwhile. */
  take(directory: string, o: CheckpointOptions): Promise<void> {
    const taken = this.#take(directory, o)
    const ended = taken.catch(() => undefined)
    this.#running.add(ended)
    void ended.then(() => this.#running.delete(ended))
    return taken
  }

  /** Gives up those under way; resolves when they have cleaned up. */
  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.all(this.#running)
  }

  async #take(directory: string, { vfs, signal }: CheckpointOptions): Promise<void> {
    throwIfAborted(signal)
    const copy = new CheckpointCopy(this.#source.options.vfs, vfs, directory, () => {
      throwIfAborted(signal)
      if (this.#closing.signal.aborted)
        throw new VarveError('DATABASE_CLOSED', 'The database was closed while a checkpoint was being taken.')
    })
    try {
      await copy.begin()
      await this.#copyState(copy, directory)
    } catch (thrown) {
      throw fileError(thrown)
    }
  }

  async #copyState(copy: CheckpointCopy, directory: string): Promise<void> {
    const { options, obsolete, jobIds } = this.#source
    const { events, clock } = options
    const { manifest, wal } = this.#source.state()
    const { fileNumber, sizeBytes, path } = manifest
    const dataFiles = Array.from(manifest.version.liveFiles(), (file) => ({ name: dataFileName(file), sizeBytes: file.sizeBytes }))
    const segments = wal.segments.map((segment) => ({ name: segmentFileName(segment.fileNumber), sizeBytes: segment.sizeBytes }))
    const own = ({ name }: { readonly name: string }) => joinPath(options.directory, name)
    using _pinned = obsolete.pin([...dataFiles.map(own), ...segments.map(own), path])
    const scope = { jobId: jobIds.next(), reason: 'a checkpoint was asked for', directory, manifest: { fileNumber, sizeBytes } }
    const beganMs = clock.monotonicMs()
    const end = (error?: Error) => {
      const { fileCount, linkedBytes, copiedBytes } = copy
      const result = { durationMs: clock.monotonicMs() - beganMs, fileCount, linkedBytes, copiedBytes }
      events.emit('checkpoint:end', { ...scope, ...result, ...(error && { error }) })
    }
    events.emit('checkpoint:begin', scope)
    try {
      for (const file of dataFiles) await copy.link(own(file), file)
      for (const segment of segments) await copy.copy(own(segment), segment)
      await copy.copy(path, { name: manifestFileName(fileNumber), sizeBytes })
      await copy.finish(fileNumber)
    } catch (thrown) {
      await copy.discard()
      const error = fileError(thrown)
      end(error)
      throw error
    }
    end()
  }
}

interface CopiedFile {
  readonly name: string
  /** So much of it, from its beginning, is taken. */
  readonly sizeBytes: number
}

/** The copy being made. */
class CheckpointCopy {
  fileCount = 0
  linkedBytes = 0
  copiedBytes = 0
  readonly #from: Vfs
  readonly #to: Vfs
  readonly #directory: string
  /** Throws if the work is to end. */
  readonly #goOn: () => void
  readonly #made: string[] = []
  #mayLink: boolean

  constructor(from: Vfs, to: Vfs, directory: string, goOn: () => void) {
    this.#from = from
    this.#to = to
    this.#directory = directory
    this.#goOn = goOn
    this.#mayLink = from === to
  }

  async begin(): Promise<void> {
    const stat = await this.#to.stat(this.#directory)
    if (stat && !stat.isDirectory) throw notEmpty(this.#directory, 'it is a file')
    if (!stat) return this.#to.makeDirectory(this.#directory)
    const [first] = await this.#to.list(this.#directory)
    if (first !== undefined) throw notEmpty(this.#directory, `it holds ${first}`)
  }

  /** A second name for a file that never changes, or a copy of it. */
  async link(from: string, file: CopiedFile): Promise<void> {
    this.#goOn()
    if (!this.#mayLink) return this.copy(from, file)
    const path = joinPath(this.#directory, file.name)
    try {
      await this.#to.link(from, path)
    } catch (error) {
      if (!cannotLink.has(systemCode(error) ?? '')) throw this.#refusal(error)
      this.#mayLink = false
      return this.copy(from, file)
    }
    this.#made.push(path)
    this.fileCount++
    this.linkedBytes += file.sizeBytes
  }

  /** The first bytes of a file, synced. */
  async copy(from: string, { name, sizeBytes }: CopiedFile): Promise<void> {
    this.#goOn()
    const path = joinPath(this.#directory, name)
    await using source = await this.#from.open(from)
    await using target = await this.#to.create(path).catch((error: unknown) => {
      throw this.#refusal(error)
    })
    this.#made.push(path)
    while (target.sizeBytes < sizeBytes) {
      this.#goOn()
      const chunk = await source.read(target.sizeBytes, Math.min(chunkBytes, sizeBytes - target.sizeBytes))
      if (chunk.length === 0) throw cutShort(from, target.sizeBytes, sizeBytes)
      await target.append(chunk)
    }
    await target.sync()
    this.fileCount++
    this.copiedBytes += sizeBytes
  }

  /** From here on it is a database. */
  async finish(manifestNumber: number): Promise<void> {
    this.#goOn()
    const path = joinPath(this.#directory, currentFileName)
    this.#made.push(`${path}.tmp`)
    await prepareCurrent(this.#to, this.#directory, manifestNumber)
    this.#goOn()
    this.#made.push(path)
    await installCurrent(this.#to, this.#directory)
    this.fileCount++
  }

  /** Removes what was made, CURRENT first. Never rejects. */
  async discard(): Promise<void> {
    for (const path of this.#made.reverse()) await this.#to.remove(path).catch(() => undefined)
    await this.#to.syncDirectory(this.#directory).catch(() => undefined)
  }

  /** Somebody else is writing into the same directory. */
  #refusal(error: unknown): unknown {
    return systemCode(error) === 'EEXIST' ? notEmpty(this.#directory, 'somebody else writes to it') : error
  }
}

/** What a file system answers that has no links, or not between these places, or not so many. */
const cannotLink: ReadonlySet<string> = new Set(['EXDEV', 'ENOTSUP', 'EOPNOTSUPP', 'EPERM', 'EMLINK', 'ENOSYS'])

function notEmpty(directory: string, problem: string): VarveError {
  const message = `${directory} cannot take a checkpoint: ${problem}. It goes to an empty directory, or to one that is not there yet. Choose another one.`
  return new VarveError('DIRECTORY_NOT_EMPTY', message, { context: { directory } })
}

function cutShort(path: string, sizeBytes: number, expectedBytes: number): VarveError {
  const message = `The file ${path} ends after ${sizeBytes} of ${expectedBytes} bytes. Look for damage with "varve verify".`
  return new VarveError('CORRUPTION', message, { context: { path, offset: sizeBytes } })
}
