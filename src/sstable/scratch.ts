/**
 * Working arrays of the encoders and decoders, kept from call to call so that a block costs no allocation but its
 * result. Everything that uses them is synchronous and lets go before it returns; each name has one user at a time.
 */
let doubles = new Float64Array(8192)
let scaled = new Float64Array(8192)
let unsigned = new Uint32Array(8192)
let runs = new Uint32Array(8192)
let ints = new Int32Array(8192)
let slots = new Int32Array(8192)
let distinct = new Float64Array(4096)

/** For the values of a column as doubles. */
export function scratchDoubles(count: number): Float64Array {
  if (doubles.length < count) doubles = new Float64Array(count)
  return doubles
}

/** For the same values as whole numbers. */
export function scratchScaled(count: number): Float64Array {
  if (scaled.length < count) scaled = new Float64Array(count)
  return scaled
}

/** For what is to be packed, or was unpacked. */
export function scratchUnsigned(count: number): Uint32Array {
  if (unsigned.length < count) unsigned = new Uint32Array(count)
  return unsigned
}

/** For the values and lengths of runs. */
export function scratchRuns(count: number): Uint32Array {
  if (runs.length < count) runs = new Uint32Array(count)
  return runs
}

/** For decoded integers before they are narrowed. */
export function scratchInts(count: number): Int32Array {
  if (ints.length < count) ints = new Int32Array(count)
  return ints
}

/** For the places of a hash table: zeros, exactly as many. */
export function scratchSlots(count: number): Int32Array {
  if (slots.length < count) slots = new Int32Array(count)
  return slots.subarray(0, count).fill(0)
}

/** For the distinct values that such a table finds. */
export function scratchDistinct(count: number): Float64Array {
  if (distinct.length < count) distinct = new Float64Array(count)
  return distinct
}
