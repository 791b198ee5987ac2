import { closeSync, constants, fstatSync, open as openCallback, openSync } from 'node:fs'
import fs from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { isMainThread } from 'node:worker_threads'
import { systemCode } from '../base/errors.ts'
import { BlockingAppendFile, DiskAppendFile } from './disk-append-file.ts'
import { BlockingReadableFile, DiskReadableFile } from './disk-readable-file.ts'
import { takeFileLock } from './file-lock.ts'
import type { AppendFile, FileLock, FileStat, ReadableFile, Vfs, VfsHandle } from './vfs.ts'

const openDescriptor = promisify(openCallback)

/** The file system of the machine, through `node:fs`. It holds no state, so all of them are alike. */
export function diskVfs(): Vfs {
  return new DiskVfs({ blocking: false })
}

/**
 * What a `VfsHandle` names: how a worker opens the same files. A job has its thread to itself and nothing to do while it
 * waits, so that its reads and writes block: the way through the thread pool, which it would share with the reads of the
 * main thread, takes longer than most of them, and on a busy machine ten times as long.
 */
export function openVfs(_data: unknown): Vfs {
  return new DiskVfs({ blocking: !isMainThread })
}

class DiskVfs implements Vfs {
  readonly name = 'disk'
  readonly #AppendFile: typeof DiskAppendFile
  readonly #ReadableFile: typeof DiskReadableFile

  /** `blocking`: reading and appending keep the thread, though they return promises. */
  constructor({ blocking }: { blocking: boolean }) {
    this.#AppendFile = blocking ? BlockingAppendFile : DiskAppendFile
    this.#ReadableFile = blocking ? BlockingReadableFile : DiskReadableFile
  }

  async create(path: string): Promise<AppendFile> {
    const fd = await openDescriptor(path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o644)
    return new this.#AppendFile(path, fd, 0)
  }

  async openAppend(path: string): Promise<AppendFile> {
    const fd = await openDescriptor(path, constants.O_WRONLY)
    try {
      return new this.#AppendFile(path, fd, fstatSync(fd).size)
    } catch (error) {
      closeSync(fd)
      throw error
    }
  }

  async open(path: string): Promise<ReadableFile> {
    return new this.#ReadableFile(path, await openDescriptor(path, constants.O_RDONLY))
  }

  openSync(path: string): ReadableFile {
    return new this.#ReadableFile(path, openSync(path, constants.O_RDONLY))
  }

  async readFile(path: string): Promise<Uint8Array> {
    const file = await this.open(path)
    try {
      return await file.read(0, await file.size())
    } finally {
      await file.close()
    }
  }

  async list(directory: string): Promise<string[]> {
    return (await fs.readdir(directory)).sort()
  }

  async stat(path: string): Promise<FileStat | undefined> {
    try {
      const found = await fs.stat(path)
      const isDirectory = found.isDirectory()
      return { sizeBytes: isDirectory ? 0 : found.size, isDirectory, modifiedMs: found.mtimeMs }
    } catch (error) {
      const code = systemCode(error)
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
      throw error
    }
  }

  rename(from: string, to: string): Promise<void> {
    return fs.rename(from, to)
  }

  link(from: string, to: string): Promise<void> {
    return fs.link(from, to)
  }

  remove(path: string): Promise<void> {
    return fs.unlink(path)
  }

  async makeDirectory(path: string): Promise<void> {
    if (await this.#made(path)) return
    await this.makeDirectory(dirname(path))
    if (await this.#made(path)) return
    // Below some directories that are there nothing can be made (/proc, or a working directory that was removed).
    const error = new Error(`ENOENT: no such file or directory, mkdir '${path}'`)
    throw Object.assign(error, { code: 'ENOENT', syscall: 'mkdir', path })
  }

  /** Whether the directory is there now; false: something above it is missing. */
  async #made(path: string): Promise<boolean> {
    try {
      await fs.mkdir(path)
    } catch (error) {
      const code = systemCode(error)
      if (code === 'EEXIST' && (await this.stat(path))?.isDirectory) return true
      if (code === 'ENOENT' && dirname(path) !== path) return false
      throw error
    }
    await this.syncDirectory(dirname(path))
    return true
  }

  async syncDirectory(path: string): Promise<void> {
    // Windows neither needs nor allows this: its file systems journal directory entries by themselves.
    if (process.platform === 'win32') return
    const directory = await fs.open(path, constants.O_RDONLY | constants.O_DIRECTORY)
    try {
      await directory.sync()
    } finally {
      await directory.close()
    }
  }

  lock(path: string): Promise<FileLock> {
    return takeFileLock(path)
  }

  handle(): VfsHandle {
    return { module: import.meta.url, data: undefined }
  }
}
