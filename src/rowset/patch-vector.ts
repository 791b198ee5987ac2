/**
 * Puts changed values over a column. The base vector is shared with whoever else reads its block, so it is copied, never
 * written to; what can stay as it is (a dictionary that has all new values already) is shared in turn.
 */
import { invariant } from '../base/errors.ts'
import type { BytesVector, ColumnVector, DictionaryVector, FixedArray, FixedVector } from '../schema/column-vector.ts'
import { toBytesVector } from '../schema/vector-ops.ts'
import { allWithinDoubles, doublesOf } from './int64-doubles.ts'
import { mergeDictionary, textsOf } from './merge-dictionary.ts'
import { patchBytes } from './patch-bytes.ts'
import type { ColumnPatch } from './row-changes.ts'

/** The base with the patch's values in the patch's rows. */
export function patchVector(base: ColumnVector, patch: ColumnPatch): ColumnVector {
  if (patch.rows.length === 0) return base
  const nulls = patchNulls(base, patch)
  if (base.form === 'fixed') {
    invariant(patch.values.form === 'fixed', 'a column of fixed width was changed to one that is not')
    return { form: 'fixed', length: base.length, values: patchFixed(base, patch.rows, patch.values), nulls }
  }
  invariant(patch.values.form !== 'fixed', 'a column of strings was changed to one of fixed width')
  if (base.form === 'dictionary') {
    const patched = patchCodes(base, patch.rows, patch.values, nulls)
    if (patched !== undefined) return patched
  }
  return patchBytes(toBytesVector(base), patch.rows, toBytesVector(patch.values), nulls)
}

/** Undefined: none is left. */
function patchNulls(base: ColumnVector, { rows, values }: ColumnPatch): Uint8Array | undefined {
  if (base.nulls === undefined && values.nulls === undefined) return undefined
  const nulls = base.nulls?.slice() ?? new Uint8Array(base.length)
  for (let k = 0; k < rows.length; k++) nulls[rows[k] as number] = values.nulls === undefined ? 0 : (values.nulls[k] as number)
  return nulls.includes(1) ? nulls : undefined
}

/** 64-bit integers take the form that their values need once the new ones are there. */
function patchFixed({ values: own }: FixedVector, rows: Int32Array, { values: patch }: FixedVector): FixedArray {
  if (own instanceof BigInt64Array || patch instanceof BigInt64Array) {
    const wide = wideCopy(own)
    for (let k = 0; k < rows.length; k++) wide[rows[k] as number] = BigInt(patch[k] as number | bigint)
    return allWithinDoubles(wide) ? doublesOf(wide) : wide
  }
  // One loop for each kind of array that is common, so that these stay monomorphic.
  if (own instanceof Float64Array) {
    const out = own.slice()
    for (let k = 0; k < rows.length; k++) out[rows[k] as number] = patch[k] as number
    return out
  }
  if (own instanceof Int32Array) {
    const out = own.slice()
    for (let k = 0; k < rows.length; k++) out[rows[k] as number] = patch[k] as number
    return out
  }
  const out = own.slice()
  for (let k = 0; k < rows.length; k++) out[rows[k] as number] = patch[k] as number
  return out
}

function wideCopy(values: FixedArray): BigInt64Array {
  if (values instanceof BigInt64Array) return values.slice()
  const wide = new BigInt64Array(values.length)
  for (let i = 0; i < values.length; i++) wide[i] = BigInt(values[i] as number)
  return wide
}

/** A dictionary takes in so many values at any rate … */
const distinctAlways = 16
/** … and more as long as it has no more values than this share of the rows. */
const distinctShareMax = 0.75

/** As codes into the base's dictionary, or one that has the new values too; undefined: that would not pay. */
function patchCodes(
  base: DictionaryVector,
  rows: Int32Array,
  values: BytesVector | DictionaryVector,
  nulls: Uint8Array | undefined,
): DictionaryVector | undefined {
  const added = textsOf(values)
  // With a distinct value for most rows, codes only add to what the values take.
  if (added.dictionary.length > distinctAlways && base.dictionary.length + added.dictionary.length > base.length * distinctShareMax)
    return undefined
  const { dictionary, codesOfBase, codesOfAdded } = mergeDictionary(base.dictionary, added.dictionary)
  const codes = codesFor(dictionary.length, base.length)
  const own = base.codes
  if (codesOfBase === undefined) codes.set(own)
  else for (let i = 0; i < own.length; i++) codes[i] = codesOfBase[own[i] as number] as number
  for (let k = 0; k < rows.length; k++) codes[rows[k] as number] = codesOfAdded[added.codes[k] as number] as number
  if (nulls !== undefined) for (let i = 0; i < nulls.length; i++) if (nulls[i] === 1) codes[i] = 0
  const patched: DictionaryVector = { form: 'dictionary', length: base.length, codes, dictionary, nulls }
  if (codesOfBase === undefined && base.strings !== undefined) patched.strings = base.strings
  return patched
}

function codesFor(distinct: number, length: number): Uint8Array | Uint16Array | Int32Array {
  if (distinct <= 0x100) return new Uint8Array(length)
  return distinct <= 0x10000 ? new Uint16Array(length) : new Int32Array(length)
}
