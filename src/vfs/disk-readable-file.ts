import fs from 'node:fs'
import { promisify } from 'node:util'
import { Descriptor } from './descriptor.ts'
import { checkReadRange, streamFile } from './stream-file.ts'
import type { ReadableFile } from './vfs.ts'

const read = promisify(fs.read)
const fstat = promisify(fs.fstat)

/** Longer reads ask for the file's size first, so that a damaged length does not allocate what the file cannot hold. */
const trustedReadBytes = 1024 * 1024

/** A file on disk, open for reading. Reads may overlap; closing waits for them. */
export class DiskReadableFile implements ReadableFile {
  readonly path: string
  readonly #descriptor: Descriptor

  /** Takes over an open descriptor. */
  constructor(path: string, fd: number) {
    this.path = path
    this.#descriptor = new Descriptor(path, fd)
  }

  size(): Promise<number> {
    return this.#descriptor.use('fstat', async (fd) => (await fstat(fd)).size)
  }

  sizeSync(): number {
    return this.#descriptor.useSync('fstat', (fd) => fs.fstatSync(fd).size)
  }

  async read(offset: number, length: number, room?: ArrayBuffer): Promise<Uint8Array> {
    checkReadRange(offset, length)
    return this.#descriptor.use('read', async (fd) => {
      const wanted = length > trustedReadBytes ? Math.min(length, Math.max(0, (await fstat(fd)).size - offset)) : length
      const bytes = room === undefined ? ownBytes(wanted) : new Uint8Array(room, 0, wanted)
      let done = 0
      while (done < wanted) {
        const { bytesRead } = await read(fd, bytes, done, wanted - done, offset + done)
        if (bytesRead === 0) break
        done += bytesRead
      }
      return done === wanted ? bytes : bytes.slice(0, done)
    })
  }

  readSync(offset: number, length: number, room?: ArrayBuffer): Uint8Array {
    checkReadRange(offset, length)
    return this.#descriptor.useSync('read', (fd) => {
      const wanted = length > trustedReadBytes ? Math.min(length, Math.max(0, fs.fstatSync(fd).size - offset)) : length
      const bytes = room === undefined ? ownBytes(wanted) : new Uint8Array(room, 0, wanted)
      let done = 0
      while (done < wanted) {
        const bytesRead = fs.readSync(fd, bytes, done, wanted - done, offset + done)
        if (bytesRead === 0) break
        done += bytesRead
      }
      return done === wanted ? bytes : bytes.slice(0, done)
    })
  }

  stream(o: { signal?: AbortSignal } = {}): AsyncIterable<Uint8Array> {
    return streamFile(this, o.signal)
  }

  close(): Promise<void> {
    return this.#descriptor.close()
  }

  closeSync(): void {
    this.#descriptor.closeSync()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** Keeps its thread while it reads. */
export class BlockingReadableFile extends DiskReadableFile {
  override async read(offset: number, length: number, room?: ArrayBuffer): Promise<Uint8Array> {
    return this.readSync(offset, length, room)
  }
}

/** Memory that is not zeroed first, since the read fills it, and not a slice of Node's pool, which is not aligned. */
function ownBytes(length: number): Uint8Array {
  const buffer = Buffer.allocUnsafeSlow(length)
  return new Uint8Array(buffer.buffer, 0, length)
}
