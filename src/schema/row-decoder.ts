import { compileFunction, quoted } from './code-generation.ts'
import type { BytesVector, ColumnVector, DictionaryVector } from './column-vector.ts'
import type { ColumnSchema, ColumnValue, TableSchema } from './table-schema.ts'
import { readUtf8 } from './utf8.ts'

/** A row as an application sees it, its properties in the order of the columns asked for. */
export type DecodedRow = Record<string, ColumnValue>

/** Turns columns into rows. `columns[k]` is the vector of the k-th position that the decoder was made for. */
export interface RowDecoder {
  /** The row at index `at` of every vector; or, where the vectors do not share one, at `at[k]` of vector k. */
  row(columns: readonly ColumnVector[], at: number | readonly number[]): DecodedRow
  /** Appends rows to `out`: those of `selection`, in its order, or else all. */
  rows(columns: readonly ColumnVector[], selection: Int32Array | undefined, out: object[]): void
}

/** What is compiled. */
interface Decode {
  rows: DecodeRows
  row: (columns: readonly ColumnVector[], at: readonly number[]) => DecodedRow
  rowAt: (columns: readonly ColumnVector[], i: number) => DecodedRow
}

type DecodeRows = (columns: readonly ColumnVector[], selection: Int32Array | undefined, from: number, to: number, out: object[]) => void

/** Decoders kept for a schema: many short scans of the same columns must not compile each time. */
const decodersMax = 64
const decoders = new WeakMap<TableSchema, Map<string, RowDecoder>>()

/** The decoder of some columns (positions in the schema). Compiles code, once. `o.compile: false` takes the generic loop. */
export function rowDecoder(schema: TableSchema, positions: readonly number[], o: { compile?: boolean } = {}): RowDecoder {
  if (o.compile === false) return makeDecoder(schema, positions, o)
  const ofSchema = decoders.get(schema) ?? new Map<string, RowDecoder>()
  decoders.set(schema, ofSchema)
  const name = positions.join()
  let decoder = ofSchema.get(name)
  if (decoder === undefined) {
    if (ofSchema.size === decodersMax) ofSchema.clear()
    decoder = makeDecoder(schema, positions, o)
    ofSchema.set(name, decoder)
  }
  return decoder
}

function makeDecoder(schema: TableSchema, positions: readonly number[], o: { compile?: boolean }): RowDecoder {
  const asked = positions.map((position) => schema.columns[position] as ColumnSchema)
  const decode = (o.compile === false ? undefined : compileDecode(asked)) ?? genericDecode(asked)
  const texts = asked.flatMap(({ kind }, k) => (kind === 'string' ? [k] : []))
  return {
    row(columns, at) {
      for (let k = 0; k < texts.length; k++) memoizeStrings(columns[texts[k] as number] as ColumnVector, dictionaryLengthSmall)
      return typeof at === 'number' ? decode.rowAt(columns, at) : decode.row(columns, at)
    },
    rows(columns, selection, out) {
      const count = selection?.length ?? columns[0]?.length ?? 0
      for (let k = 0; k < texts.length; k++) memoizeStrings(columns[texts[k] as number] as ColumnVector, count)
      decode.rows(columns, selection, 0, count, out)
    },
  }
}

/** The value of row i of a column's vector, as a row shows it: int64 as the column's mode says; binary is a copy. */
export function valueAt(column: ColumnSchema, vector: ColumnVector, i: number): ColumnValue {
  if (vector.nulls !== undefined && vector.nulls[i] === 1) return null
  if (vector.form !== 'fixed') return column.kind === 'string' ? stringAt(vector, i) : binaryAt(vector, i)
  const value = vector.values[i] as number | bigint
  if (column.kind === 'bool') return value === 1
  if (column.kind === 'int64') return column.mode === 'bigint' ? BigInt(value) : Number(value)
  return value
}

/** The string of row i of a vector; null rows show the empty string. */
export function stringAt(vector: BytesVector | DictionaryVector, i: number): string {
  if (vector.form === 'bytes') return readUtf8(vector.bytes, vector.offsets[i] as number, vector.offsets[i + 1] as number)
  const code = vector.codes[i] as number
  if (vector.strings !== undefined) return vector.strings[code] as string
  return stringAt(vector.dictionary, code)
}

/** The distinct strings of a dictionary column, decoded once and kept on the vector. */
export function dictionaryStrings(vector: DictionaryVector): readonly string[] {
  vector.strings ??= Array.from({ length: vector.dictionary.length }, (_, code) => stringAt(vector.dictionary, code))
  return vector.strings
}

function binaryAt(vector: BytesVector | DictionaryVector, i: number): Uint8Array {
  if (vector.form === 'dictionary') return binaryAt(vector.dictionary, vector.codes[i] as number)
  const { bytes, offsets } = vector
  // Not bytes.slice(): that of a Buffer would share memory.
  return new Uint8Array(bytes.subarray(offsets[i], offsets[i + 1]))
}

/** A dictionary so small that it is decoded as a whole for the sake of one row: more are to come. */
const dictionaryLengthSmall = 256

/** Decodes a dictionary as a whole when about as many strings are going to be read from it. */
function memoizeStrings(vector: ColumnVector, count: number): void {
  if (vector.form === 'dictionary' && vector.strings === undefined && vector.dictionary.length <= count) dictionaryStrings(vector)
}

/** The source makes an object literal a row, so that all rows have one shape from the first on. */
function compileDecode(asked: readonly ColumnSchema[]): Decode | undefined {
  const heads = asked.map((_, k) => `const c${k} = columns[${k}], v${k} = c${k}.values, n${k} = c${k}.nulls`)
  const cells = (index: (k: number) => string) =>
    asked
      .map(
        (column, k) =>
          `${quoted(column.name)}: n${k} !== undefined && n${k}[${index(k)}] === 1 ? null : ${cellSource(column, k, index(k))}`,
      )
      .join(', ')
  const make = compileFunction(
    ['stringAt', 'binaryAt'],
    `function rows(columns, selection, from, to, out) {
  ${heads.join('\n  ')}
  for (let r = from; r < to; r++) {
    const i = selection === undefined ? r : selection[r]
    out.push({ ${cells(() => 'i')} })
  }
}
function rowAt(columns, i) {
  ${heads.join('\n  ')}
  return { ${cells(() => 'i')} }
}
function row(columns, at) {
  ${heads.join('\n  ')}
  return { ${cells((k) => `at[${k}]`)} }
}
return { rows, row, rowAt }`,
  )
  return make?.(stringAt, binaryAt) as Decode | undefined
}

function cellSource({ kind, mode }: ColumnSchema, k: number, i: string): string {
  switch (kind) {
    case 'bool':
      return `v${k}[${i}] === 1`
    case 'int64':
      return mode === 'bigint' ? `BigInt(v${k}[${i}])` : `Number(v${k}[${i}])`
    case 'string':
      return `c${k}.strings !== undefined ? c${k}.strings[c${k}.codes[${i}]] : stringAt(c${k}, ${i})`
    case 'binary':
      return `binaryAt(c${k}, ${i})`
    default:
      return `v${k}[${i}]`
  }
}

function genericDecode(asked: readonly ColumnSchema[]): Decode {
  const row = (columns: readonly ColumnVector[], at: readonly number[]) => {
    const decoded: DecodedRow = {}
    for (let k = 0; k < asked.length; k++) {
      const column = asked[k] as ColumnSchema
      decoded[column.name] = valueAt(column, columns[k] as ColumnVector, at[k] as number)
    }
    return decoded
  }
  return {
    row,
    rowAt: (columns, i) => row(columns, new Array<number>(asked.length).fill(i)),
    rows(columns, selection, from, to, out) {
      const at = asked.map(() => 0)
      for (let r = from; r < to; r++) out.push(row(columns, at.fill(selection === undefined ? r : (selection[r] as number))))
    },
  }
}
