/**
 * The one shape of columnar data in Varve. Rows given by a caller become a `RowBlock`; a log record holds one, a
 * MemRowSet is appended one, an SSTable writer takes them, a scan yields their vectors, predicates and aggregates run
 * over them.
 *
 * Three forms. `fixed`: a typed array, one element a row. `bytes`: strings (UTF-8) and binary values, end to end, with
 * offsets. `dictionary`: codes into distinct values in ascending byte order; so comparing codes compares values.
 *
 * A null row has `nulls[i] === 1`, and a zero value (0, an empty string, code 0). `nulls` is absent when no row is null.
 */
export type ColumnVector = FixedVector | BytesVector | DictionaryVector

export type ColumnKind = 'bool' | 'int8' | 'int16' | 'int32' | 'int64' | 'float' | 'double' | 'timestamp' | 'string' | 'binary'

/** Bool: `Uint8Array` of 0 and 1. Timestamp: `Float64Array` of whole milliseconds. Int64: see `FixedVector`. */
export type FixedArray = Uint8Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array | BigInt64Array

export interface FixedVector {
  readonly form: 'fixed'
  readonly length: number
  /**
   * By kind: bool Uint8Array, int8 Int8Array, int16 Int16Array, int32 Int32Array, float Float32Array, double and
   * timestamp Float64Array, int64 Float64Array while every value lies within ±2^53, else BigInt64Array (whatever the
   * column's mode: the mode decides only what a row shows).
   */
  readonly values: FixedArray
  readonly nulls: Uint8Array | undefined
}

export interface BytesVector {
  readonly form: 'bytes'
  readonly length: number
  /** `length + 1` ascending positions in `bytes`; value i is `bytes[offsets[i] .. offsets[i + 1])`. */
  readonly offsets: Uint32Array
  readonly bytes: Uint8Array
  readonly nulls: Uint8Array | undefined
}

export interface DictionaryVector {
  readonly form: 'dictionary'
  readonly length: number
  readonly codes: Uint8Array | Uint16Array | Int32Array
  /** Distinct, ascending by bytes, none null. */
  readonly dictionary: BytesVector
  /** The dictionary as JavaScript strings, once somebody asked (string columns only). */
  strings?: readonly string[]
  readonly nulls: Uint8Array | undefined
}

/** Rows as columns, in the order of the schema's columns. */
export interface RowBlock {
  readonly rowCount: number
  readonly columns: readonly ColumnVector[]
}

/**
 * Encoded keys of a block of rows. A table whose key columns all have a fixed width uses `fixed` everywhere: each key
 * is `wordsPerKey` unsigned 32-bit words, the big-endian values of its encoded bytes, the last word padded with zero
 * bytes; comparing words in order compares keys. Any other table uses `variable` everywhere.
 */
export type KeyBlock = FixedKeys | VariableKeys

export interface FixedKeys {
  readonly form: 'fixed'
  readonly count: number
  readonly wordsPerKey: number
  /** Key i is words[i × wordsPerKey .. (i + 1) × wordsPerKey). */
  readonly words: Uint32Array
}

export interface VariableKeys {
  readonly form: 'variable'
  readonly count: number
  /** `count + 1` positions in `bytes`. */
  readonly offsets: Uint32Array
  readonly bytes: Uint8Array
}
