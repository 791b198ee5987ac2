import { throwIfAborted } from '../base/errors.ts'
import type { ReadableFile } from './vfs.ts'

const chunkBytes = 256 * 1024

/** The body of `ReadableFile.stream` for a file that has `read`: chunks of 256 KiB up to the end of the file. */
export async function* streamFile(file: Pick<ReadableFile, 'read'>, signal?: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  for (let offset = 0; ; ) {
    throwIfAborted(signal)
    const chunk = await file.read(offset, chunkBytes)
    throwIfAborted(signal)
    if (chunk.length > 0) yield chunk
    if (chunk.length < chunkBytes) return
    offset += chunk.length
  }
}

/** Throws a TypeError unless offset and length can be those of a read. */
export function checkReadRange(offset: number, length: number): void {
  if (!Number.isSafeInteger(offset) || offset < 0) throw new TypeError(`A read's offset must be a whole number of bytes, not ${offset}.`)
  if (!Number.isSafeInteger(length) || length < 0) throw new TypeError(`A read's length must be a whole number of bytes, not ${length}.`)
}
