import type { ColumnKind, FixedArray, FixedVector } from '../schema/column-vector.ts'
import { blockEncodings, type EncodedColumn, elementBytes } from './block-encoding.ts'
import { bridgeNulls, DistinctDoubles, type NumberProfile, profileNumbers } from './number-profile.ts'
import type { PayloadWriter } from './payload-writer.ts'
import { scratchDoubles, scratchScaled, scratchUnsigned } from './scratch.ts'
import type { ZoneMap } from './sstable.ts'
import { unsignedSizeBytes, writeUnsigned } from './unsigned-stream.ts'
import { commonDeltaStep, commonStep, scaleToWhole } from './whole-numbers.ts'
import { encodeWide, narrowBigInts } from './wide-integers.ts'
import { emptyZoneMap } from './zone-map.ts'

/** A way to encode a block, its size about known, and the work that does it. */
interface Candidate {
  readonly sizeBytes: number
  write(out: PayloadWriter): number
}

/** Beyond this, a value is taken to have too many distinct neighbours for a look-up table. */
const lookupValuesMax = 2048
const lookupSample = 256
const wordRange = 4294967295

/**
 * Encodes a column of numbers, in four steps: bring the values to doubles, nulls bridged; profile them; estimate what
 * each encoding that fits would take; write the smallest. Decoding plain blocks costs nothing, so that any other
 * encoding must save an eighth.
 */
export function encodeFixed(out: PayloadWriter, vector: FixedVector, kind: ColumnKind, nullCount: number): EncodedColumn {
  const count = vector.length
  const narrowed = vector.values instanceof BigInt64Array ? narrowBigInts(vector.values, count) : vector.values
  if (narrowed instanceof BigInt64Array) return encodeWide(out, narrowed, vector.nulls, nullCount, count)
  const values = scratchDoubles(count).subarray(0, count)
  values.set(narrowed.length === count ? narrowed : narrowed.subarray(0, count))
  if (nullCount > 0) bridgeNulls(values, vector.nulls as Uint8Array, count)
  const profile = profileNumbers(values, count)
  const best = choose(values, profile, kind, narrowed)
  return { encoding: best.write(out), zoneMap: numberZoneMap(profile, nullCount, count) }
}

function numberZoneMap({ min, max, nanCount }: NumberProfile, nullCount: number, count: number): ZoneMap {
  if (nullCount === count || min > max) return emptyZoneMap(nullCount, nanCount > 0)
  return { min, max, nullCount, hasNaN: nanCount > 0, known: true }
}

function choose(values: Float64Array, profile: NumberProfile, kind: ColumnKind, original: Exclude<FixedArray, BigInt64Array>): Candidate {
  if (isConstant(values, profile)) return constantCandidate(values[0] as number)
  const plain = plainCandidate(original, values.length)
  const width = elementBytes(kind)
  let best = plain
  const whole = wholeNumbers(values, kind)
  if (whole !== undefined) {
    const scaled = whole.divisor === 1 ? profile : profileNumbers(whole.numbers, values.length)
    best = smaller(best, frameCandidate(whole.numbers, scaled, whole.divisor), 0.875)
    if (whole.divisor === 1 && width > 1) best = smaller(best, deltaCandidate(whole.numbers, scaled), 0.875)
  }
  if (width >= 4 && best.sizeBytes > values.length) best = smaller(best, lookupCandidate(values, profile), 0.75)
  return best
}

function smaller(a: Candidate, b: Candidate | undefined, factor: number): Candidate {
  return b !== undefined && b.sizeBytes < a.sizeBytes * factor ? b : a
}

/** Zeros of both signs are equal, and must both come back. */
function isConstant(values: Float64Array, { min, max, nanCount }: NumberProfile): boolean {
  if (nanCount > 0) return false
  if (min !== max) return false
  if (min !== 0) return true
  const first = values[0] as number
  for (let i = 1; i < values.length; i++) if (!Object.is(values[i], first)) return false
  return true
}

function constantCandidate(value: number): Candidate {
  return {
    sizeBytes: 8,
    write(out) {
      out.f64(value)
      return blockEncodings.constant
    },
  }
}

function plainCandidate(values: Exclude<FixedArray, BigInt64Array>, count: number): Candidate {
  return {
    sizeBytes: count * values.BYTES_PER_ELEMENT,
    write(out) {
      out.array(values.subarray(0, count))
      return blockEncodings.plain
    },
  }
}

function wholeNumbers(values: Float64Array, kind: ColumnKind): { numbers: Float64Array; divisor: number } | undefined {
  if (kind !== 'double' && kind !== 'float') return { numbers: values, divisor: 1 }
  const numbers = scratchScaled(values.length).subarray(0, values.length)
  const divisor = scaleToWhole(values, values.length, kind === 'float', numbers)
  return divisor === 0 ? undefined : { numbers, divisor }
}

/** Whole numbers in a narrow range, or multiples of one step. */
function frameCandidate(numbers: Float64Array, { min, max, runs }: NumberProfile, divisor: number): Candidate | undefined {
  const range = max - min
  if (range > Number.MAX_SAFE_INTEGER) return undefined
  const step = range > 15 ? commonStep(numbers, numbers.length, min) : 1
  const top = range / step
  if (top > wordRange) return undefined
  return {
    sizeBytes: 24 + unsignedSizeBytes(numbers.length, top, runs),
    write(out) {
      out.f64(min)
      out.f64(step)
      out.f64(divisor)
      const unsigned = scratchUnsigned(numbers.length)
      if (step === 1) for (let i = 0; i < numbers.length; i++) unsigned[i] = (numbers[i] as number) - min
      else for (let i = 0; i < numbers.length; i++) unsigned[i] = ((numbers[i] as number) - min) / step
      writeUnsigned(out, unsigned, numbers.length)
      return blockEncodings.frame
    },
  }
}

/** Whole numbers whose steps lie in a narrow range, as sorted ones do. */
function deltaCandidate(numbers: Float64Array, { minDelta, maxDelta, runs }: NumberProfile): Candidate | undefined {
  const count = numbers.length
  const range = maxDelta - minDelta
  if (Math.abs(minDelta) > Number.MAX_SAFE_INTEGER || Math.abs(maxDelta) > Number.MAX_SAFE_INTEGER || range > Number.MAX_SAFE_INTEGER)
    return undefined
  const step = range > 15 ? commonDeltaStep(numbers, count, minDelta) : 1
  const top = range / step
  if (top > wordRange) return undefined
  return {
    sizeBytes: 24 + unsignedSizeBytes(count, top, Math.min(count, 2 * runs)),
    write(out) {
      out.f64(numbers[0] as number)
      out.f64(minDelta)
      out.f64(step)
      const unsigned = scratchUnsigned(count)
      for (let i = 1; i < count; i++) unsigned[i - 1] = ((numbers[i] as number) - (numbers[i - 1] as number) - minDelta) / step
      writeUnsigned(out, unsigned, count - 1)
      return blockEncodings.delta
    },
  }
}

/** Few distinct values in a wide range. A sample decides whether counting them is worth while. */
function lookupCandidate(values: Float64Array, { runs }: NumberProfile): Candidate | undefined {
  const count = values.length
  const sample = new DistinctDoubles(lookupSample)
  const stride = Math.max(1, Math.floor(count / lookupSample))
  for (let i = 0, taken = 0; i < count && taken < lookupSample; i += stride, taken++) sample.codeOf(values[i] as number)
  if (sample.count > lookupSample * 0.75) return undefined
  const distinct = new DistinctDoubles(Math.min(lookupValuesMax, count))
  const codes = scratchUnsigned(count)
  for (let i = 0; i < count; i++) {
    const code = distinct.codeOf(values[i] as number)
    if (code === -1) return undefined
    codes[i] = code
  }
  return {
    sizeBytes: 8 + distinct.count * 8 + unsignedSizeBytes(count, distinct.count - 1, runs),
    write(out) {
      out.u32(distinct.count)
      out.array(distinct.values())
      // Other candidates use the same scratch, but only when they are the ones written.
      writeUnsigned(out, codes, count)
      return blockEncodings.lookup
    },
  }
}
