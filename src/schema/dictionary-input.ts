import { BytesColumnBuilder } from './column-builder.ts'
import { describeValue, invalidValue } from './column-value.ts'
import type { BytesVector, DictionaryVector } from './column-vector.ts'
import { compareRanges } from './key-search.ts'
import type { ColumnSchema } from './table-schema.ts'
import { gatherVector } from './vector-ops.ts'

/** A dictionary as an application gave it, brought into the form of a `DictionaryVector`. */
export interface EncodedDictionary {
  /** As given: they index the dictionary as given. */
  readonly codes: DictionaryVector['codes']
  /** Distinct, ascending by bytes, at least one value. */
  readonly dictionary: BytesVector
  /** Where each value given went in `dictionary`; undefined if each stayed in its place. */
  readonly places: Int32Array | undefined
}

/** Checks, sorts and makes distinct the strings of `{ codes, dictionary }`. */
export function encodeDictionary(table: string, column: ColumnSchema, codes: unknown, strings: readonly unknown[]): EncodedDictionary {
  if (!(codes instanceof Uint8Array || codes instanceof Uint16Array || codes instanceof Int32Array)) {
    throw new TypeError(`${table}.${column.name}: codes are a Uint8Array, Uint16Array or Int32Array; got ${describeValue(codes)}.`)
  }
  const given = encodeStrings(table, column, strings)
  if (given.length === 0) return { codes, dictionary: encodeStrings(table, column, ['']), places: new Int32Array(0) }
  const order = Int32Array.from({ length: given.length }, (_, i) => i).sort((a, b) => compareAt(given, a, b))
  const places = new Int32Array(given.length)
  const kept: number[] = []
  let moved = false
  for (const [rank, i] of order.entries()) {
    if (rank === 0 || compareAt(given, order[rank - 1] as number, i) !== 0) kept.push(i)
    places[i] = kept.length - 1
    if (places[i] !== i) moved = true
  }
  if (!moved) return { codes, dictionary: given, places: undefined }
  return { codes, dictionary: gatherVector(given, Int32Array.from(kept)) as BytesVector, places }
}

function encodeStrings(table: string, column: ColumnSchema, strings: readonly unknown[]): BytesVector {
  const builder = new BytesColumnBuilder(table, column, strings.length, { bytes: new Uint8Array(0) })
  for (let i = 0; i < strings.length; i++) {
    if (strings[i] === null || strings[i] === undefined)
      throw invalidValue(table, column.name, undefined, `dictionary[${i}] is ${strings[i]}; mark null rows in nulls`)
    builder.put(i, strings[i], i)
  }
  return builder.finish() as BytesVector
}

function compareAt({ bytes, offsets }: BytesVector, a: number, b: number): number {
  return compareRanges(bytes, offsets[a] as number, offsets[a + 1] as number, bytes, offsets[b] as number, offsets[b + 1] as number)
}
