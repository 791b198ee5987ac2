/** Arrays that grow: at least `length` long, by doubling, what is new filled with `fill`; the same array if it is long enough. */
export function grownDoubles(values: Float64Array<ArrayBuffer>, length: number, fill = 0): Float64Array<ArrayBuffer> {
  if (length <= values.length) return values
  const grown = new Float64Array(Math.max(length, values.length * 2))
  grown.set(values)
  if (fill !== 0) grown.fill(fill, values.length)
  return grown
}

/** As `grownDoubles`. */
export function grownIntegers(values: Int32Array<ArrayBuffer>, length: number, fill = 0): Int32Array<ArrayBuffer> {
  if (length <= values.length) return values
  const grown = new Int32Array(Math.max(length, values.length * 2))
  grown.set(values)
  if (fill !== 0) grown.fill(fill, values.length)
  return grown
}
