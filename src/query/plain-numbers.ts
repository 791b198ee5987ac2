/**
 * Columns of every kind of number as one class of array, so that the loops over them see one class only and need no
 * code of their own for each kind. What is an array of that class already is not copied; the rest is converted by the
 * engine's own copy, at a fraction of what a loop over several classes loses.
 */
import type { FixedArray } from '../schema/column-vector.ts'
import { grownDoubles, grownIntegers } from './grown-arrays.ts'

export class PlainNumbers {
  #doubles = new Float64Array(0)
  #integers = new Int32Array(0)

  /** The values as doubles; valid until the next call. */
  doublesOf(values: Exclude<FixedArray, BigInt64Array> | Uint16Array): Float64Array {
    if (values instanceof Float64Array) return values
    this.#doubles = grownDoubles(this.#doubles, values.length)
    this.#doubles.set(values)
    return this.#doubles
  }

  /** Whole numbers of at most 32 bits as such; valid until the next call. */
  integersOf(values: Uint8Array | Int8Array | Int16Array | Uint16Array | Int32Array): Int32Array {
    if (values instanceof Int32Array) return values
    this.#integers = grownIntegers(this.#integers, values.length)
    this.#integers.set(values)
    return this.#integers
  }
}
