/**
 * Turning doubles into whole numbers where that loses nothing: decimals by a power of ten (12.25 → 1225), multiples
 * by their common step (timestamps of whole minutes → minutes).
 */
const divisors = [1, 10, 100, 1000, 10_000]
const sampleSize = 64

/**
 * The least power of ten (up to 10,000) that makes every value a whole number, which then lie in `whole`; 0 if there
 * is none. Exact: dividing again gives each value bit by bit (as a float, where `single`); so −0, NaN and infinities fail.
 */
export function scaleToWhole(values: Float64Array, count: number, single: boolean, whole: Float64Array): number {
  let candidate = 0
  const stride = Math.max(1, Math.floor(count / sampleSize))
  for (let i = 0; i < count; i += stride) {
    while (candidate < divisors.length && !isWhole(values[i] as number, divisors[candidate] as number, single)) candidate++
    if (candidate === divisors.length) return 0
  }
  for (; candidate < divisors.length; candidate++) {
    const divisor = divisors[candidate] as number
    if (single ? scaleFloats(values, count, divisor, whole) : scaleDoubles(values, count, divisor, whole)) return divisor
  }
  return 0
}

function isWhole(value: number, divisor: number, single: boolean): boolean {
  const rounded = Math.round(value * divisor)
  const back = single ? Math.fround(rounded / divisor) : rounded / divisor
  return back === value && !(rounded === 0 && Object.is(value, -0)) && Math.abs(rounded) <= Number.MAX_SAFE_INTEGER
}

function scaleDoubles(values: Float64Array, count: number, divisor: number, whole: Float64Array): boolean {
  for (let i = 0; i < count; i++) {
    const value = values[i] as number
    const rounded = Math.round(value * divisor)
    if (rounded / divisor !== value || (value === 0 && 1 / value < 0) || rounded > 9007199254740991 || rounded < -9007199254740991)
      return false
    whole[i] = rounded + 0
  }
  return true
}

function scaleFloats(values: Float64Array, count: number, divisor: number, whole: Float64Array): boolean {
  for (let i = 0; i < count; i++) {
    const value = values[i] as number
    const rounded = Math.round(value * divisor)
    if (
      Math.fround(rounded / divisor) !== value ||
      (value === 0 && 1 / value < 0) ||
      rounded > 9007199254740991 ||
      rounded < -9007199254740991
    )
      return false
    whole[i] = rounded + 0
  }
  return true
}

/** The greatest step such that every value is `base` + a multiple of it, taken from a sample and then proved; else 1. */
export function commonStep(values: Float64Array, count: number, base: number): number {
  const step = sampledStep(values, count, (at) => (values[at] as number) - base)
  if (step <= 1) return 1
  for (let i = 0; i < count; i++) {
    const times = ((values[i] as number) - base) / step
    if (times !== Math.floor(times)) return 1
  }
  return step
}

/** As `commonStep`, of the differences of neighbours. */
export function commonDeltaStep(values: Float64Array, count: number, base: number): number {
  const step = sampledStep(values, count, (at) => (at === 0 ? 0 : (values[at] as number) - (values[at - 1] as number) - base))
  if (step <= 1) return 1
  for (let i = 1; i < count; i++) {
    const times = ((values[i] as number) - (values[i - 1] as number) - base) / step
    if (times !== Math.floor(times)) return 1
  }
  return step
}

function sampledStep(values: Float64Array, count: number, distanceAt: (at: number) => number): number {
  const stride = Math.max(1, Math.floor(Math.min(count, values.length) / sampleSize))
  let step = 0
  for (let i = 0; i < count; i += stride) {
    step = greatestCommonDivisor(distanceAt(i), step)
    if (step === 1) return 1
  }
  return step
}

function greatestCommonDivisor(a: number, b: number): number {
  let x = a
  let y = b
  while (y !== 0) {
    const rest = x % y
    x = y
    y = rest
  }
  return x
}
