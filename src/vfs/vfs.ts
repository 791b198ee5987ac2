import { token } from '../base/token.ts'

/**
 * The file system as the engine sees it. Paths are absolute or relative as the caller gave them, joined with '/'.
 * Errors are those of `node:fs` (`code`: ENOENT, EEXIST, ENOSPC, EIO …); the caller turns them into VarveErrors.
 *
 * What a power cut may take: bytes appended since the last `sync` of the file; a directory entry (creation, rename,
 * link, removal) since the last `syncDirectory` of its directory. Nothing else.
 */
export interface Vfs {
  /** By how it is made: `disk`, `memory`. */
  readonly name: string
  /** Creates a file that must not exist yet (EEXIST) and opens it for appending. */
  create(path: string): Promise<AppendFile>
  /** Opens an existing file (ENOENT) for appending after its last byte. */
  openAppend(path: string): Promise<AppendFile>
  /** Opens an existing file for reading. */
  open(path: string): Promise<ReadableFile>
  /** As `open`, blocking. Only for `getSync` and start-up. */
  openSync(path: string): ReadableFile
  /** The whole content of a small file. */
  readFile(path: string): Promise<Uint8Array>
  /** Names (not paths) of a directory's entries, sorted. ENOENT if it is missing. */
  list(directory: string): Promise<string[]>
  /** Size and kind, or undefined if there is nothing at the path. */
  stat(path: string): Promise<FileStat | undefined>
  /**
   * Moves a file over whatever file the target names, in one step. Between two directories the move is durable once
   * either of them is synced. Directories are not moved.
   */
  rename(from: string, to: string): Promise<void>
  /** A second name for a file; falls back to nothing: EXDEV or ENOTSUP if the file system cannot. */
  link(from: string, to: string): Promise<void>
  /** Removes a file (ENOENT if it is missing). */
  remove(path: string): Promise<void>
  /** Makes a directory and its parents, durably: no `syncDirectory` is needed for them. An existing one is fine. */
  makeDirectory(path: string): Promise<void>
  /** Makes the directory's entries durable. */
  syncDirectory(path: string): Promise<void>
  /**
   * Takes the exclusive right to a database directory, by a LOCK file (`path`, in a directory that exists) that
   * names its holder; DATABASE_LOCKED (with the holder in its context) if another process, or this one, has it. A
   * lock whose holder has died is taken over.
   */
  lock(path: string): Promise<FileLock>
  /** What a worker needs to use the same files; see `openVfsHandle`. Of files in this thread's memory: `localVfsHandle(this)`. */
  handle(): VfsHandle
}
export const Vfs = token<Vfs>('Vfs')

export interface FileStat {
  /** 0 for a directory. */
  readonly sizeBytes: number
  readonly isDirectory: boolean
  readonly modifiedMs: number
}

export interface FileLock {
  /** Idempotent. */
  release(): Promise<void>
}

/** A file that only grows. One writer; calls must not overlap, except that `sync` may run beside `append`. */
export interface AppendFile extends AsyncDisposable {
  readonly path: string
  /** Bytes in the file, counting every append that was begun and has not failed. */
  readonly sizeBytes: number
  /**
   * Appends all bytes, which must not change meanwhile, or rejects; after a rejection the file may end in a part of
   * them. Then `truncate` must succeed before the next append (InvariantError), so that no bytes end up behind a torn part.
   */
  append(bytes: Uint8Array): Promise<void>
  /** As `append`, blocking; never while an `append` is pending. */
  appendSync(bytes: Uint8Array): void
  /** Cuts the file to a length, at most `sizeBytes`; e.g. to take a failed append back. Durable after the next `sync`. */
  truncate(sizeBytes: number): Promise<void>
  /** As `truncate`, blocking. */
  truncateSync(sizeBytes: number): void
  /** Makes what was appended before this call durable (fdatasync). */
  sync(): Promise<void>
  /** Idempotent. */
  close(): Promise<void>
}

/** A file open for reading at any place. */
export interface ReadableFile extends AsyncDisposable {
  readonly path: string
  /** Size at the time of the call. */
  size(): Promise<number>
  sizeSync(): number
  /**
   * Exactly `length` bytes from `offset`, in a buffer of their own, 8-byte aligned; fewer only at the file's end. `room`, of at
   * least `length` bytes, may be that buffer, the bytes at its beginning: nobody else uses it until the read has ended.
   */
  read(offset: number, length: number, room?: ArrayBuffer): Promise<Uint8Array>
  readSync(offset: number, length: number, room?: ArrayBuffer): Uint8Array
  /** The bytes from first to last, in chunks of bounded size. */
  stream(o?: { signal?: AbortSignal }): AsyncIterable<Uint8Array>
  /** Idempotent. */
  close(): Promise<void>
  closeSync(): void
}

/**
 * How another thread opens the same files: a module whose export `openVfs(data)` returns a Vfs, and plain data for
 * it; or, for files that live in this thread's memory, a number that only this thread can resolve.
 */
export type VfsHandle = { readonly module: string; readonly data: unknown } | { readonly local: number }

/** What a file of the database is; tells a cleaner what it is asked to remove. */
export type FileKind = 'sstable' | 'delta' | 'manifest' | 'wal' | 'temp'

/** Joins a directory and a name. */
export function joinPath(directory: string, name: string): string {
  return directory.endsWith('/') ? directory + name : `${directory}/${name}`
}
