/** Which rows are null, one bit a row, lowest bits first, padded to a multiple of eight bytes with zeros. */
import type { PayloadReader } from './payload-reader.ts'
import type { PayloadWriter } from './payload-writer.ts'

/** How many of the first `count` rows are null. */
export function countNulls(nulls: Uint8Array | undefined, count: number): number {
  if (nulls === undefined) return 0
  let total = 0
  for (let i = 0; i < count; i++) total += nulls[i] as number
  return total
}

export function writeNulls(out: PayloadWriter, nulls: Uint8Array, count: number): void {
  const words = out.words(Math.ceil(count / 32))
  for (let i = 0; i < count; i++) {
    const at = i >>> 5
    words[at] = (words[at] as number) | ((nulls[i] as number) << (i & 31))
  }
  out.align()
}

/** One byte a row, 0 or 1. */
export function readNulls(reader: PayloadReader, count: number): Uint8Array {
  const words = reader.words(Math.ceil(count / 32))
  reader.align()
  const nulls = new Uint8Array(count)
  for (let at = 0; at < words.length; at++) {
    let word = words[at] as number
    for (let i = at * 32; word !== 0; i++, word >>>= 1) if ((word & 1) === 1) nulls[i] = 1
  }
  return nulls
}
