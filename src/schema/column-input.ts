import { type ByteScratch, columnBuilder } from './column-builder.ts'
import { describeValue, invalidValue, nullProblem, unknownColumn } from './column-value.ts'
import type { ColumnVector, RowBlock } from './column-vector.ts'
import { type EncodedDictionary, encodeDictionary } from './dictionary-input.ts'
import { checkedFixed, isNumberArray, type NumberArray } from './fixed-input.ts'
import type { ColumnSchema, TableSchema } from './table-schema.ts'
import { asciiVector } from './utf8.ts'
import { constantVector } from './vector-ops.ts'

/** Columns as an application gives them, their outer shape checked: names, kinds of arrays, lengths. */
export interface ColumnInput {
  readonly rowCount: number
  /**
   * Rows [from, to), checked value by value: INVALID_VALUE { table, column, rowIndex }, where `rowIndex` counts from
   * the beginning of the input. Typed arrays of the column's own kind are not copied, so they must not change while
   * the block is used.
   */
  slice(from: number, to: number): RowBlock
}

/** One column of the input, ready to be cut. */
type Source = (from: number, to: number) => ColumnVector

interface GivenColumn {
  readonly values: unknown
  readonly nulls: Uint8Array | undefined
}

/**
 * Takes `{ [column]: values }`. Values: a typed array of numbers, `BigInt64Array` for int64, `Uint8Array` of 0 and 1
 * for bool, an array of what rows would hold, `{ codes, dictionary }` for strings; or `{ values, nulls }` with
 * `nulls[i] === 1` where a value is null. Columns with a default and nullable ones may be left out. TypeError for
 * something else and for lengths that differ; INVALID_VALUE for a column that is missing or unknown.
 */
export function columnInput(schema: TableSchema, input: unknown): ColumnInput {
  if (typeof input !== 'object' || input === null || Array.isArray(input) || ArrayBuffer.isView(input)) {
    throw new TypeError(`insertColumns takes an object { column: values } for table ${schema.name}; got ${describeValue(input)}.`)
  }
  const given = givenColumns(schema, input as Readonly<Record<string, unknown>>)
  const rowCount = commonLength(schema, given)
  const sources = schema.columns.map((column) => sourceOf(schema.name, column, given.get(column.name)))
  return { rowCount, slice: (from, to) => ({ rowCount: to - from, columns: sources.map((source) => source(from, to)) }) }
}

function givenColumns(schema: TableSchema, input: Readonly<Record<string, unknown>>): Map<string, GivenColumn> {
  const names = schema.columns.map(({ name }) => name)
  const given = new Map<string, GivenColumn>()
  for (const name of Object.keys(input)) {
    const column = input[name]
    if (!names.includes(name)) throw unknownColumn(schema.name, name, names, undefined)
    if (column !== undefined) given.set(name, unwrapped(schema.name, name, column))
  }
  return given
}

function unwrapped(table: string, name: string, column: unknown): GivenColumn {
  if (!isPlainObject(column) || !('values' in column)) return { values: column, nulls: undefined }
  const { values, nulls } = column
  if (nulls === undefined) return { values, nulls: undefined }
  if (!(nulls instanceof Uint8Array))
    throw new TypeError(`${table}.${name}: nulls is a Uint8Array with 1 where a value is null; got ${describeValue(nulls)}.`)
  if (nulls.length !== lengthOf(table, name, values))
    throw new TypeError(
      `${table}.${name}: there are ${lengthOf(table, name, values)} values and ${nulls.length} nulls; give one null mark a value.`,
    )
  return { values, nulls }
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value)
}

function lengthOf(table: string, name: string, values: unknown): number {
  if (Array.isArray(values) || isNumberArray(values)) return values.length
  if (isPlainObject(values) && ArrayBuffer.isView(values['codes']) && Array.isArray(values['dictionary']))
    return (values['codes'] as unknown as NumberArray).length
  throw new TypeError(
    `${table}.${name}: give a typed array, an array, { codes, dictionary } or { values, nulls }; got ${describeValue(values)}.`,
  )
}

function commonLength(schema: TableSchema, given: ReadonlyMap<string, GivenColumn>): number {
  let first: { name: string; length: number } | undefined
  for (const [name, { values }] of given) {
    const length = lengthOf(schema.name, name, values)
    first ??= { name, length }
    if (length !== first.length) {
      throw new TypeError(
        `Columns of table ${schema.name} have different lengths: ${first.name} ${first.length}, ${name} ${length}; give one value a row in each.`,
      )
    }
  }
  if (first === undefined) throw new TypeError(`insertColumns got no columns for table ${schema.name}; give at least those of its key.`)
  return first.length
}

function sourceOf(table: string, column: ColumnSchema, given: GivenColumn | undefined): Source {
  if (given === undefined) {
    const fallback = column.default ?? null
    if (fallback === null && !column.nullable) throw invalidValue(table, column.name, undefined, nullProblem(undefined))
    return (from, to) => constantVector(column, fallback, to - from)
  }
  const { values, nulls } = given
  if (isPlainObject(values)) {
    if (column.kind !== 'string')
      throw invalidValue(table, column.name, undefined, `codes with a dictionary do not fit a ${column.kind} column; give its values`)
    const dictionary = encodeDictionary(table, column, values['codes'], values['dictionary'] as readonly unknown[])
    return (from, to) => dictionarySlice(table, column, dictionary, nulls, from, to)
  }
  if (Array.isArray(values)) {
    const scratch: ByteScratch = { bytes: new Uint8Array(0) }
    const build = (from: number, to: number) => buildSlice(table, column, values, nulls, from, to, scratch)
    if (column.kind !== 'string' || nulls !== undefined) return build
    return (from, to) => asciiVector(values, from, to) ?? build(from, to)
  }
  if (column.kind === 'string' || column.kind === 'binary') {
    const wanted = column.kind === 'string' ? 'an array of strings, or { codes, dictionary }' : 'an array of Uint8Arrays'
    throw invalidValue(table, column.name, undefined, `${describeValue(values)} does not fit a ${column.kind} column; give ${wanted}`)
  }
  return (from, to) => {
    const cut = checkedNulls(table, column, nulls, from, to)
    const checked = checkedFixed(table, column, (values as NumberArray).subarray(from, to), cut, from)
    return { form: 'fixed', length: to - from, values: checked, nulls: cut }
  }
}

/** Any values, one by one, through the same builder as rows. */
function buildSlice(
  table: string,
  column: ColumnSchema,
  values: readonly unknown[],
  nulls: Uint8Array | undefined,
  from: number,
  to: number,
  scratch: ByteScratch,
): ColumnVector {
  const cut = checkedNulls(table, column, nulls, from, to)
  const builder = columnBuilder(table, column, to - from, scratch)
  for (let i = 0; i < to - from; i++) builder.put(i, cut !== undefined && cut[i] === 1 ? null : values[from + i], from + i)
  return builder.finish()
}

function dictionarySlice(
  table: string,
  column: ColumnSchema,
  given: EncodedDictionary,
  nulls: Uint8Array | undefined,
  from: number,
  to: number,
): ColumnVector {
  const cut = checkedNulls(table, column, nulls, from, to)
  const { dictionary, places } = given
  const codes = given.codes.subarray(from, to)
  const length = codes.length
  const distinct = places?.length ?? dictionary.length
  for (let i = 0; i < length; i++) {
    if ((codes[i] as number) < distinct && (codes[i] as number) >= 0) continue
    if (cut === undefined || cut[i] !== 1)
      throw invalidValue(table, column.name, from + i, `code ${codes[i]} is outside the dictionary of ${distinct} values`)
  }
  if (places === undefined && cut === undefined) return { form: 'dictionary', length, codes, dictionary, nulls: undefined }
  const out =
    dictionary.length <= 256 ? new Uint8Array(length) : dictionary.length <= 65536 ? new Uint16Array(length) : new Int32Array(length)
  for (let i = 0; i < length; i++) {
    if (cut !== undefined && cut[i] === 1) continue
    const code = codes[i] as number
    out[i] = places === undefined ? code : (places[code] as number)
  }
  return { form: 'dictionary', length, codes: out, dictionary, nulls: cut }
}

/** The null marks of a slice, undefined if none is set. */
function checkedNulls(
  table: string,
  column: ColumnSchema,
  nulls: Uint8Array | undefined,
  from: number,
  to: number,
): Uint8Array | undefined {
  if (nulls === undefined) return undefined
  const cut = nulls.subarray(from, to)
  let any = false
  for (let i = 0; i < cut.length; i++) {
    const mark = cut[i] as number
    if (mark === 0) continue
    if (mark !== 1) throw invalidValue(table, column.name, from + i, `a null mark is 0 or 1; got ${mark}`)
    if (!column.nullable) throw invalidValue(table, column.name, from + i, nullProblem(null))
    any = true
  }
  return any ? cut : undefined
}
