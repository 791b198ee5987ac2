/**
 * Unsigned integers of a fixed width (0 to 32 bits), end to end in little-endian 32-bit words, lowest bits first: value
 * i occupies bits [i × width, (i + 1) × width). At 8, 16 and 32 bits this is a plain little-endian array.
 */

/** Bits that hold 0 … max. */
export function bitsFor(max: number): number {
  return 32 - Math.clz32(max)
}

/** The width to pack at: where packing would gain less than an eighth, the next one that a typed array is laid straight over. */
export function packingWidth(max: number): number {
  const bits = bitsFor(max)
  if (bits === 7) return 8
  if (bits === 14 || bits === 15) return 16
  return bits >= 28 ? 32 : bits
}

/** Words taken by `count` values. */
export function packedWords(count: number, width: number): number {
  return Math.ceil((count * width) / 32)
}

/** Writes `count` values, each below 2^width, to `words`. */
export function pack(values: Uint32Array, count: number, width: number, words: Uint32Array): void {
  if (width === 0) return
  let word = 0
  let used = 0
  let at = 0
  for (let i = 0; i < count; i++) {
    const value = values[i] as number
    word |= value << used
    used += width
    if (used >= 32) {
      words[at++] = word
      used -= 32
      word = used === 0 ? 0 : value >>> (width - used)
    }
  }
  if (used > 0) words[at] = word
}

/** The reverse of `pack`. Widths 8, 16 and 32 are for the caller to lay a typed array over; they work here too. */
export function unpack(words: Uint32Array, count: number, width: number, values: Uint32Array): void {
  if (width === 0) {
    values.fill(0, 0, count)
  } else if (width === 32) {
    values.set(words.subarray(0, count))
  } else if (32 % width === 0) {
    unpackWithinWords(words, count, width, values)
  } else {
    unpackAcrossWords(words, count, width, values)
  }
}

/** Widths 1, 2, 4, 8 and 16: no value crosses a word. */
function unpackWithinWords(words: Uint32Array, count: number, width: number, values: Uint32Array): void {
  const mask = (1 << width) - 1
  const perWord = 32 / width
  const whole = Math.floor(count / perWord)
  let i = 0
  for (let at = 0; at < whole; at++) {
    let word = words[at] as number
    for (let k = 0; k < perWord; k++) {
      values[i++] = word & mask
      word >>>= width
    }
  }
  for (let word = i < count ? (words[whole] as number) : 0; i < count; word >>>= width) values[i++] = word & mask
}

function unpackAcrossWords(words: Uint32Array, count: number, width: number, values: Uint32Array): void {
  const mask = -1 >>> (32 - width)
  let at = 0
  let word = words[0] as number
  let left = 32
  for (let i = 0; i < count; i++) {
    if (left >= width) {
      values[i] = word & mask
      word >>>= width
      left -= width
    } else {
      // The value crosses into the next word; at `left` 0 nothing is left of this one but zeros.
      const low = word
      word = words[++at] as number
      values[i] = (low | (word << left)) & mask
      const taken = width - left
      word >>>= taken
      left = 32 - taken
    }
  }
}
