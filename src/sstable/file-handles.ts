import type { ReadableFile, Vfs } from '../vfs/vfs.ts'

interface Entry {
  readonly file: ReadableFile
  users: number
  /** No longer in the cache: the last user closes it. */
  dropped: boolean
  closed: boolean
}

/** A borrowed open file; `release` it once, soon. */
export interface FileHandle {
  readonly file: ReadableFile
  release(): void
}

/**
 * A bounded cache of files open for reading, by file number, least recently used out first. A file in use is never
 * closed: while more are in use than the bound allows, the bound is exceeded.
 */
export class FileHandles {
  readonly #vfs: Vfs
  readonly #capacity: number
  /** In order of last use. */
  readonly #entries = new Map<number, Entry>()
  readonly #opening = new Map<number, Promise<Entry>>()
  #closed = false

  /** @param capacity open files kept, 256 by default */
  constructor(vfs: Vfs, capacity = 256) {
    if (!Number.isSafeInteger(capacity) || capacity < 1)
      throw new TypeError('The capacity of FileHandles must be a whole number of at least 1.')
    this.#vfs = vfs
    this.#capacity = capacity
  }

  /** Files open now. */
  get openCount(): number {
    return this.#entries.size
  }

  /** Opens a file, or borrows the open one. Rejects with the Vfs's error. */
  async acquire(fileNumber: number, path: string): Promise<FileHandle> {
    for (;;) {
      const entry = this.#entries.get(fileNumber) ?? (await this.#open(fileNumber, path))
      // Between its opening and this line another user may have had it, and the cache closed it after that.
      if (!entry.closed) return this.#lend(fileNumber, entry)
    }
  }

  /** As `acquire`, blocking. */
  acquireSync(fileNumber: number, path: string): FileHandle {
    const open = this.#entries.get(fileNumber)
    if (open !== undefined) return this.#lend(fileNumber, open)
    return this.#lend(fileNumber, this.#add(fileNumber, this.#vfs.openSync(path), !this.#closed))
  }

  /** Closes a file that is to be deleted, at once or when its last user releases it. */
  forget(fileNumber: number): void {
    this.#opening.delete(fileNumber)
    const entry = this.#entries.get(fileNumber)
    if (entry === undefined) return
    this.#entries.delete(fileNumber)
    this.#drop(entry)
  }

  /** Closes all files, those in use when they are released. Idempotent. */
  close(): void {
    this.#closed = true
    for (const fileNumber of [...this.#entries.keys()]) this.forget(fileNumber)
  }

  #open(fileNumber: number, path: string): Promise<Entry> {
    const underWay = this.#opening.get(fileNumber)
    if (underWay !== undefined) return underWay
    const opening: Promise<Entry> = this.#vfs.open(path).then(
      (file) => {
        // Forgotten meanwhile, or opened by a blocking call as well: it serves those who wait for it, and is closed then.
        const wanted = this.#opening.get(fileNumber) === opening && !this.#entries.has(fileNumber) && !this.#closed
        if (this.#opening.get(fileNumber) === opening) this.#opening.delete(fileNumber)
        return this.#add(fileNumber, file, wanted)
      },
      (error: unknown) => {
        if (this.#opening.get(fileNumber) === opening) this.#opening.delete(fileNumber)
        throw error
      },
    )
    this.#opening.set(fileNumber, opening)
    return opening
  }

  #add(fileNumber: number, file: ReadableFile, wanted: boolean): Entry {
    const entry = { file, users: 0, dropped: !wanted, closed: false }
    if (wanted) this.#entries.set(fileNumber, entry)
    return entry
  }

  #lend(fileNumber: number, entry: Entry): FileHandle {
    entry.users++
    if (!entry.dropped) {
      this.#entries.delete(fileNumber)
      this.#entries.set(fileNumber, entry)
      this.#evict()
    }
    let released = false
    return {
      file: entry.file,
      release: () => {
        if (released) return
        released = true
        entry.users--
        if (entry.dropped) this.#closeUnused(entry)
        else this.#evict()
      },
    }
  }

  #evict(): void {
    if (this.#entries.size <= this.#capacity) return
    for (const [fileNumber, entry] of this.#entries) {
      if (entry.users > 0) continue
      this.forget(fileNumber)
      if (this.#entries.size <= this.#capacity) return
    }
  }

  #drop(entry: Entry): void {
    entry.dropped = true
    this.#closeUnused(entry)
  }

  #closeUnused(entry: Entry): void {
    if (entry.users > 0 || entry.closed) return
    entry.closed = true
    entry.file.closeSync()
  }
}
