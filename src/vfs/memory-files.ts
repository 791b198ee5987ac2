import { posix } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { VarveError } from '../base/errors.ts'
import { AppendState } from './append-state.ts'
import type { MemoryFile } from './memory-file.ts'
import type { MemoryTree } from './memory-tree.ts'
import { checkReadRange, streamFile } from './stream-file.ts'
import { systemError } from './system-error.ts'
import type { AppendFile, FileLock, FileStat, ReadableFile, Vfs, VfsHandle } from './vfs.ts'
import { localVfsHandle } from './vfs-handle.ts'

/** The state that all files of one file system in memory share. */
export interface MemoryDisk {
  readonly tree: MemoryTree
  /** Bytes that fit; a write past it is cut short with ENOSPC. */
  capacityBytes: number
  readonly clock: Pick<Clock, 'nowMs'> | undefined
  readonly locks: Map<string, string>
}

/**
 * A file system in memory without faults: `MemoryVfs` puts them around it. Every call does its work at once and
 * resolves in a microtask. The working directory of relative paths is the root.
 */
export class MemoryFiles implements Vfs {
  readonly name = 'memory'
  readonly #disk: MemoryDisk

  constructor(disk: MemoryDisk) {
    this.#disk = disk
  }

  async create(path: string): Promise<AppendFile> {
    const file = this.#disk.tree.create(normalPath(path))
    file.modifiedMs = this.#disk.clock?.nowMs() ?? 0
    return new MemoryAppendFile(path, file, this.#disk)
  }

  async openAppend(path: string): Promise<AppendFile> {
    return new MemoryAppendFile(path, this.#disk.tree.find(normalPath(path), 'open'), this.#disk)
  }

  async open(path: string): Promise<ReadableFile> {
    return this.openSync(path)
  }

  openSync(path: string): ReadableFile {
    return new MemoryReadableFile(path, this.#disk.tree.find(normalPath(path), 'open'), this.#disk)
  }

  async readFile(path: string): Promise<Uint8Array> {
    const file = this.#disk.tree.find(normalPath(path), 'read')
    return file.read(0, file.length)
  }

  async list(directory: string): Promise<string[]> {
    return this.#disk.tree.list(normalPath(directory))
  }

  async stat(path: string): Promise<FileStat | undefined> {
    const file = this.#disk.tree.get(normalPath(path))
    if (file) return { sizeBytes: file.length, isDirectory: false, modifiedMs: file.modifiedMs }
    return this.#disk.tree.isDirectory(normalPath(path)) ? { sizeBytes: 0, isDirectory: true, modifiedMs: 0 } : undefined
  }

  async rename(from: string, to: string): Promise<void> {
    this.#disk.tree.rename(normalPath(from), normalPath(to))
  }

  async link(from: string, to: string): Promise<void> {
    this.#disk.tree.link(normalPath(from), normalPath(to))
  }

  async remove(path: string): Promise<void> {
    this.#disk.tree.remove(normalPath(path))
  }

  async makeDirectory(path: string): Promise<void> {
    this.#disk.tree.makeDirectory(normalPath(path))
  }

  async syncDirectory(path: string): Promise<void> {
    this.#disk.tree.syncDirectory(normalPath(path))
  }

  /** The lock is a note in this file system's memory, so that it ends with the simulated process; the file is for show. */
  async lock(path: string): Promise<FileLock> {
    const { locks, tree, clock } = this.#disk
    const key = normalPath(path)
    const held = locks.get(key)
    if (held !== undefined) {
      const context = { path, pid: process.pid, since: held }
      const message = `The database is locked: this process (${process.pid}) has it open since ${held}; use that Database, or close it first.`
      throw new VarveError('DATABASE_LOCKED', message, { context })
    }
    if (!tree.get(key)) tree.create(key)
    locks.set(key, new Date(clock?.nowMs() ?? 0).toISOString())
    let released = false
    return {
      release: async () => {
        if (released) return
        released = true
        locks.delete(key)
        if (tree.get(key)) tree.remove(key)
      },
    }
  }

  handle(): VfsHandle {
    return localVfsHandle(this)
  }
}

/** An absolute path without `.`, `..` and doubled slashes. */
export function normalPath(path: string): string {
  return posix.resolve('/', path)
}

/** A descriptor: it keeps the content in use while the file has no name any more. */
class OpenMemoryFile {
  readonly path: string
  readonly #file: MemoryFile
  readonly disk: MemoryDisk
  #closed = false

  constructor(path: string, file: MemoryFile, disk: MemoryDisk) {
    this.path = path
    this.#file = file
    this.disk = disk
    file.openCount++
  }

  use(syscall: string): MemoryFile {
    if (this.#closed) throw systemError('EBADF', syscall, this.path)
    return this.#file
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#file.openCount--
    this.disk.tree.dropped(this.#file)
  }
}

class MemoryAppendFile implements AppendFile {
  readonly path: string
  readonly #open: OpenMemoryFile
  readonly #state: AppendState

  constructor(path: string, file: MemoryFile, disk: MemoryDisk) {
    this.path = path
    this.#open = new OpenMemoryFile(path, file, disk)
    this.#state = new AppendState(path, file.length)
  }

  get sizeBytes(): number {
    return this.#state.sizeBytes
  }

  async append(bytes: Uint8Array): Promise<void> {
    this.appendSync(bytes)
  }

  appendSync(bytes: Uint8Array): void {
    const file = this.#open.use('write')
    const { disk } = this.#open
    const position = this.#state.begin(bytes.length)
    const fitting = Math.min(bytes.length, Math.max(0, disk.capacityBytes - disk.tree.usedBytes))
    file.append(bytes.subarray(0, fitting))
    file.modifiedMs = disk.clock?.nowMs() ?? 0
    disk.tree.resized(fitting)
    if (fitting === bytes.length) return this.#state.succeed()
    this.#state.fail(position)
    throw systemError('ENOSPC', 'write', this.path)
  }

  async truncate(sizeBytes: number): Promise<void> {
    this.truncateSync(sizeBytes)
  }

  truncateSync(sizeBytes: number): void {
    const file = this.#open.use('ftruncate')
    this.#state.checkTruncate(sizeBytes)
    this.#open.disk.tree.resized(sizeBytes - file.length)
    file.truncate(sizeBytes)
    this.#state.truncated(sizeBytes)
  }

  async sync(): Promise<void> {
    const file = this.#open.use('fdatasync')
    const mark = file.mark()
    // What is appended from here on is not covered, and a crash before the next line finds nothing of it durable.
    await Promise.resolve()
    file.settle(mark)
  }

  async close(): Promise<void> {
    this.#open.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

class MemoryReadableFile implements ReadableFile {
  readonly path: string
  readonly #open: OpenMemoryFile

  constructor(path: string, file: MemoryFile, disk: MemoryDisk) {
    this.path = path
    this.#open = new OpenMemoryFile(path, file, disk)
  }

  async size(): Promise<number> {
    return this.sizeSync()
  }

  sizeSync(): number {
    return this.#open.use('fstat').length
  }

  async read(offset: number, length: number, room?: ArrayBuffer): Promise<Uint8Array> {
    return this.readSync(offset, length, room)
  }

  readSync(offset: number, length: number, room?: ArrayBuffer): Uint8Array {
    checkReadRange(offset, length)
    return this.#open.use('read').read(offset, length, room)
  }

  stream(o: { signal?: AbortSignal } = {}): AsyncIterable<Uint8Array> {
    return streamFile(this, o.signal)
  }

  async close(): Promise<void> {
    this.#open.close()
  }

  closeSync(): void {
    this.#open.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
