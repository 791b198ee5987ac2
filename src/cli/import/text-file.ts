import { open, stat } from 'node:fs/promises'
import { countText } from '../amounts.ts'
import { UsageError } from '../usage-error.ts'
import { InputError } from './input-error.ts'
import type { ProgressListener } from './table-input.ts'

const chunkBytes = 256 * 1024

/**
 * The size of a file, in bytes. The error of the system if it cannot be opened; a directory is EISDIR. UsageError for a pipe or a
 * device: an import reads its file more than once, and what a first reading took out of a pipe would be missing from the second.
 */
export async function fileBytes(path: string): Promise<number> {
  // Looked at before it is opened: to open a named pipe is to wait for its writer.
  const found = await stat(path)
  if (found.isDirectory()) throw Object.assign(new Error(`${path} is a directory`), { code: 'EISDIR', path })
  if (!found.isFile())
    throw new UsageError(
      `${path} is a pipe or a device. An import reads its file more than once (for the types, then for the rows): write it to a file first.`,
    )
  await using file = await open(path)
  return (await file.stat()).size
}

/** The text of a UTF-8 file in parts, without a byte order mark. InputError, near the byte, for what is not UTF-8. */
export async function* textOfFile(path: string, onProgress: ProgressListener): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  await using file = await open(path)
  const buffer = Buffer.allocUnsafe(chunkBytes)
  let done = 0
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, chunkBytes)
    let text: string
    try {
      text = decoder.decode(buffer.subarray(0, bytesRead), { stream: bytesRead > 0 })
    } catch (cause) {
      const near = done + firstBadByte(buffer.subarray(0, bytesRead))
      throw new InputError(
        `${path} is not UTF-8 text: see byte ${countText(near)}. Convert it first, e.g. with iconv -t UTF-8.`,
        { path, offset: near },
        cause,
      )
    }
    done += bytesRead
    onProgress(done)
    if (text.length > 0) yield text
    if (bytesRead === 0) return
  }
}

/** The first byte that does not decode; a character that began in an earlier part counts as beginning here. */
function firstBadByte(bytes: Buffer): number {
  let low = 0
  let high = bytes.length
  const whole = (end: number) => {
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, end), { stream: true })
      return true
    } catch {
      return false
    }
  }
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if (whole(middle)) low = middle
    else high = middle - 1
  }
  return low
}
