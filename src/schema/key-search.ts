import { InvariantError } from '../base/errors.ts'
import type { FixedKeys, KeyBlock, VariableKeys } from './column-vector.ts'

/** Compares byte strings as unsigned bytes, a prefix before what it begins: negative, 0 or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  return compareRanges(a, 0, a.length, b, 0, b.length)
}

/** Compares `a[aFrom .. aTo)` with `b[bFrom .. bTo)` without copying. */
export function compareRanges(a: Uint8Array, aFrom: number, aTo: number, b: Uint8Array, bFrom: number, bTo: number): number {
  const common = Math.min(aTo - aFrom, bTo - bFrom)
  for (let k = 0; k < common; k++) {
    const difference = (a[aFrom + k] as number) - (b[bFrom + k] as number)
    if (difference !== 0) return difference
  }
  return aTo - aFrom - (bTo - bFrom)
}

/** Compares key i of `a` with key j of `b`; both blocks belong to one table. Negative, 0 or positive. */
export function compareKeys(a: KeyBlock, i: number, b: KeyBlock, j: number): number {
  if (a.form === 'fixed' && b.form === 'fixed') return compareWords(a.words, i * a.wordsPerKey, b.words, j * b.wordsPerKey, a.wordsPerKey)
  if (a.form === 'variable' && b.form === 'variable') {
    return compareRanges(
      a.bytes,
      a.offsets[i] as number,
      a.offsets[i + 1] as number,
      b.bytes,
      b.offsets[j] as number,
      b.offsets[j + 1] as number,
    )
  }
  throw new InvariantError('Keys of different forms were compared; keys of one table have one form.')
}

/**
 * Compares key i with an encoded key or an encoded bound (a prefix, or the end of one). `bytes` must not be longer
 * than a key of a `fixed` table; a shorter one is compared as if padded with zero bytes, which orders bounds rightly:
 * the smallest key that begins with a prefix compares as 0, every other as above.
 */
export function compareKeyToBytes(keys: KeyBlock, i: number, bytes: Uint8Array): number {
  if (keys.form === 'variable')
    return compareRanges(keys.bytes, keys.offsets[i] as number, keys.offsets[i + 1] as number, bytes, 0, bytes.length)
  const { words, wordsPerKey } = keys
  const from = i * wordsPerKey
  for (let w = 0; w < wordsPerKey; w++) {
    const a = words[from + w] as number
    const b = wordAt(bytes, w * 4)
    if (a !== b) return a < b ? -1 : 1
  }
  return bytes.length > wordsPerKey * 4 ? -1 : 0
}

/** The first index of ascending `keys` whose key is at or above `bytes` (see `compareKeyToBytes`); `count` if none is. */
export function lowerBound(keys: KeyBlock, bytes: Uint8Array): number {
  let low = 0
  let high = keys.count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareKeyToBytes(keys, middle, bytes) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/** The index in ascending `keys` of key j of `probe`, or −1. */
export function findKey(keys: KeyBlock, probe: KeyBlock, j: number): number {
  if (keys.form === 'fixed' && probe.form === 'fixed') {
    if (keys.wordsPerKey === 1) return findOne(keys, probe.words[j] as number)
    if (keys.wordsPerKey === 2) return findTwo(keys, probe.words[2 * j] as number, probe.words[2 * j + 1] as number)
    if (keys.wordsPerKey === 3)
      return findThree(keys, probe.words[3 * j] as number, probe.words[3 * j + 1] as number, probe.words[3 * j + 2] as number)
    return findWords(keys, probe, j)
  }
  if (keys.form === 'variable' && probe.form === 'variable') return findVariable(keys, probe, j)
  throw new InvariantError('Keys of different forms were compared; keys of one table have one form.')
}

/** The smallest byte string above all that begin with `bytes`, or undefined if there is none (all bytes are 0xff). */
export function prefixEnd(bytes: Uint8Array): Uint8Array | undefined {
  let last = bytes.length - 1
  while (last >= 0 && bytes[last] === 0xff) last--
  if (last < 0) return undefined
  const end = bytes.slice(0, last + 1)
  end[last] = (end[last] as number) + 1
  return end
}

/** The big-endian word at `at`, zero bytes beyond the end. */
export function wordAt(bytes: Uint8Array, at: number): number {
  const length = bytes.length
  if (at + 4 <= length) {
    return (
      (((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)) >>>
      0
    )
  }
  let word = 0
  for (let k = 0; k < 4; k++) word = (word << 8) | (at + k < length ? (bytes[at + k] as number) : 0)
  return word >>> 0
}

function compareWords(a: Uint32Array, aFrom: number, b: Uint32Array, bFrom: number, count: number): number {
  for (let k = 0; k < count; k++) {
    const x = a[aFrom + k] as number
    const y = b[bFrom + k] as number
    if (x !== y) return x < y ? -1 : 1
  }
  return 0
}

function findOne({ words, count }: FixedKeys, k0: number): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((words[middle] as number) < k0) low = middle + 1
    else high = middle
  }
  return low < count && words[low] === k0 ? low : -1
}

function findTwo({ words, count }: FixedKeys, k0: number, k1: number): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    const w0 = words[2 * middle] as number
    if (w0 < k0 || (w0 === k0 && (words[2 * middle + 1] as number) < k1)) low = middle + 1
    else high = middle
  }
  return low < count && words[2 * low] === k0 && words[2 * low + 1] === k1 ? low : -1
}

function findThree({ words, count }: FixedKeys, k0: number, k1: number, k2: number): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    const at = 3 * middle
    const w0 = words[at] as number
    const w1 = words[at + 1] as number
    if (w0 < k0 || (w0 === k0 && (w1 < k1 || (w1 === k1 && (words[at + 2] as number) < k2)))) low = middle + 1
    else high = middle
  }
  const at = 3 * low
  return low < count && words[at] === k0 && words[at + 1] === k1 && words[at + 2] === k2 ? low : -1
}

function findWords(keys: FixedKeys, probe: FixedKeys, j: number): number {
  const { words, wordsPerKey, count } = keys
  const from = j * wordsPerKey
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareWords(words, middle * wordsPerKey, probe.words, from, wordsPerKey) < 0) low = middle + 1
    else high = middle
  }
  return low < count && compareWords(words, low * wordsPerKey, probe.words, from, wordsPerKey) === 0 ? low : -1
}

function findVariable(keys: VariableKeys, probe: VariableKeys, j: number): number {
  const { bytes, offsets, count } = keys
  const from = probe.offsets[j] as number
  const to = probe.offsets[j + 1] as number
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    const order = compareRanges(bytes, offsets[middle] as number, offsets[middle + 1] as number, probe.bytes, from, to)
    if (order === 0) return middle
    if (order < 0) low = middle + 1
    else high = middle
  }
  return -1
}
