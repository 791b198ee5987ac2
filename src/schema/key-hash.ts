import type { FixedKeys, KeyBlock, VariableKeys } from './column-vector.ts'

/**
 * The hash of an encoded key: MurmurHash3 (x86, 32 bit, Austin Appleby, public domain), seed 0, over the key read as
 * big-endian 32-bit words, the last one padded with zero bytes. The length mixed in at the end is the number of bytes
 * hashed: the padded length for `fixed` keys, the exact one for `variable` keys.
 *
 * STABLE ON DISK: bloom filters and hash partitions store what follows from it. A block and a single key agree.
 */
export function hashKeys(keys: KeyBlock, out: Uint32Array = new Uint32Array(keys.count)): Uint32Array {
  if (keys.form === 'variable') hashVariable(keys, out)
  else if (keys.wordsPerKey === 1) hashOne(keys, out)
  else if (keys.wordsPerKey === 2) hashTwo(keys, out)
  else if (keys.wordsPerKey === 3) hashThree(keys, out)
  else hashWords(keys, keys.wordsPerKey, out)
  return out
}

/** The hashes of the keys that `gatherKeys` takes. */
export function gatherHashes(hashes: Uint32Array, rows: Int32Array): Uint32Array {
  const gathered = new Uint32Array(rows.length)
  for (let k = 0; k < rows.length; k++) gathered[k] = hashes[rows[k] as number] as number
  return gathered
}

/** The hash of one key of a block, as `hashKeys` gives it: an unsigned 32-bit number. */
export function hashKey(keys: KeyBlock, i: number): number {
  if (keys.form === 'variable') return hashRange(keys.bytes, keys.offsets[i] as number, keys.offsets[i + 1] as number)
  const { words, wordsPerKey } = keys
  let h = 0
  const end = (i + 1) * wordsPerKey
  for (let w = i * wordsPerKey; w < end; w++) h = mix(h, words[w] as number)
  return finish(h, wordsPerKey * 4)
}

/** Hashes the first `wordCount` words of each key: the hash of the leading columns that these words hold. */
export function hashLeadingWords(keys: FixedKeys, wordCount: number, out: Uint32Array = new Uint32Array(keys.count)): Uint32Array {
  hashWords(keys, wordCount, out)
  return out
}

function mix(h: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51)
  k = (k << 15) | (k >>> 17)
  h ^= Math.imul(k, 0x1b873593)
  h = (h << 13) | (h >>> 19)
  return (Math.imul(h, 5) + 0xe6546b64) | 0
}

function finish(h: number, byteCount: number): number {
  h ^= byteCount
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

function hashOne({ words, count }: FixedKeys, out: Uint32Array): void {
  for (let i = 0; i < count; i++) out[i] = finish(mix(0, words[i] as number), 4)
}

function hashTwo({ words, count }: FixedKeys, out: Uint32Array): void {
  for (let i = 0, w = 0; i < count; i++, w += 2) out[i] = finish(mix(mix(0, words[w] as number), words[w + 1] as number), 8)
}

function hashThree({ words, count }: FixedKeys, out: Uint32Array): void {
  for (let i = 0, w = 0; i < count; i++, w += 3) {
    out[i] = finish(mix(mix(mix(0, words[w] as number), words[w + 1] as number), words[w + 2] as number), 12)
  }
}

function hashWords({ words, wordsPerKey, count }: FixedKeys, wordCount: number, out: Uint32Array): void {
  for (let i = 0; i < count; i++) {
    const from = i * wordsPerKey
    let h = 0
    for (let w = from; w < from + wordCount; w++) h = mix(h, words[w] as number)
    out[i] = finish(h, wordCount * 4)
  }
}

function hashVariable({ bytes, offsets, count }: VariableKeys, out: Uint32Array): void {
  for (let i = 0; i < count; i++) out[i] = hashRange(bytes, offsets[i] as number, offsets[i + 1] as number)
}

function hashRange(bytes: Uint8Array, from: number, to: number): number {
  let h = 0
  let at = from
  for (; at + 4 <= to; at += 4) {
    h = mix(
      h,
      ((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number),
    )
  }
  if (at < to) {
    let word = 0
    for (let shift = 24; at < to; at++, shift -= 8) word |= (bytes[at] as number) << shift
    h = mix(h, word)
  }
  return finish(h, to - from)
}
