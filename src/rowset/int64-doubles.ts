/**
 * 64-bit integers as doubles. A value lies within ±2^53 if the bits above its 53 lowest all agree with the sign; that
 * is seen in the high half alone, except for −2^53 and 2^53 themselves, so no BigInt is made.
 */

/** 2^53 ÷ 2^32. */
const highMax = 0x200000

/** Whether every value lies within ±2^53, the bounds included. */
export function allWithinDoubles(values: BigInt64Array): boolean {
  const halves = new Int32Array(values.buffer, values.byteOffset, values.length * 2)
  for (let i = 0; i < halves.length; i += 2) {
    const high = halves[i + 1] as number
    if (high >= highMax ? high > highMax || halves[i] !== 0 : high < -highMax) return false
  }
  return true
}

/** The values as doubles; exact if `allWithinDoubles`. */
export function doublesOf(values: BigInt64Array): Float64Array {
  const halves = new Int32Array(values.buffer, values.byteOffset, values.length * 2)
  const doubles = new Float64Array(values.length)
  for (let i = 0, h = 0; i < doubles.length; i++, h += 2) {
    doubles[i] = (halves[h + 1] as number) * 4294967296 + ((halves[h] as number) >>> 0)
  }
  return doubles
}
