import fs from 'node:fs'
import { promisify } from 'node:util'
import { AppendState } from './append-state.ts'
import { Descriptor } from './descriptor.ts'
import { systemError } from './system-error.ts'
import type { AppendFile } from './vfs.ts'

const write = promisify(fs.write)
const fdatasync = promisify(fs.fdatasync)
const ftruncate = promisify(fs.ftruncate)

/**
 * A growing file on disk. Writes name their position, so that a short write is continued where it ended and a failed
 * one can be taken back without asking how much of it was written.
 */
export class DiskAppendFile implements AppendFile {
  readonly path: string
  readonly #descriptor: Descriptor
  readonly #state: AppendState

  /** Takes over an open descriptor of a file that is `sizeBytes` long. */
  constructor(path: string, fd: number, sizeBytes: number) {
    this.path = path
    this.#descriptor = new Descriptor(path, fd)
    this.#state = new AppendState(path, sizeBytes)
  }

  get sizeBytes(): number {
    return this.#state.sizeBytes
  }

  append(bytes: Uint8Array): Promise<void> {
    return this.#descriptor.use('write', async (fd) => {
      const position = this.#state.begin(bytes.length)
      try {
        for (let done = 0; done < bytes.length; ) {
          const { bytesWritten } = await write(fd, bytes, done, bytes.length - done, position + done)
          done += this.#progress(bytesWritten)
        }
        this.#state.succeed()
      } catch (error) {
        this.#state.fail(position)
        throw error
      }
    })
  }

  appendSync(bytes: Uint8Array): void {
    this.#descriptor.useSync('write', (fd) => {
      const position = this.#state.begin(bytes.length)
      try {
        for (let done = 0; done < bytes.length; ) {
          done += this.#progress(fs.writeSync(fd, bytes, done, bytes.length - done, position + done))
        }
        this.#state.succeed()
      } catch (error) {
        this.#state.fail(position)
        throw error
      }
    })
  }

  truncate(sizeBytes: number): Promise<void> {
    return this.#descriptor.use('ftruncate', async (fd) => {
      this.#state.checkTruncate(sizeBytes)
      await ftruncate(fd, sizeBytes)
      this.#state.truncated(sizeBytes)
    })
  }

  truncateSync(sizeBytes: number): void {
    this.#descriptor.useSync('ftruncate', (fd) => {
      this.#state.checkTruncate(sizeBytes)
      fs.ftruncateSync(fd, sizeBytes)
      this.#state.truncated(sizeBytes)
    })
  }

  sync(): Promise<void> {
    return this.#descriptor.use('fdatasync', (fd) => fdatasync(fd))
  }

  close(): Promise<void> {
    return this.#descriptor.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** A write that takes nothing and reports nothing would be repeated for ever. */
  #progress(bytesWritten: number): number {
    if (bytesWritten === 0) throw systemError('EIO', 'write', this.path)
    return bytesWritten
  }
}

/** Keeps its thread while it appends. */
export class BlockingAppendFile extends DiskAppendFile {
  override async append(bytes: Uint8Array): Promise<void> {
    this.appendSync(bytes)
  }
}
