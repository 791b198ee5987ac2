import { VarveError } from '../base/errors.ts'
import { checkValue, invalidValue, nullProblem, type StoredValue } from './column-value.ts'
import type { ColumnVector, FixedArray } from './column-vector.ts'
import type { ColumnSchema } from './table-schema.ts'
import { writeUtf8 } from './utf8.ts'
import { fixedArrayOf } from './vector-ops.ts'

/** Most bytes of strings in one column of one block; far above any batch that a memory limit lets through. */
const columnBytesMax = 2 ** 31

/**
 * Fills one column of a block, row by row. `put` takes any value and is complete: it checks, defaults, and stores or
 * throws. Compiled encoders write the common values straight into `values` and leave the others to it.
 */
export abstract class ColumnBuilder {
  readonly table: string
  readonly column: ColumnSchema
  readonly length: number
  nulls: Uint8Array | undefined = undefined

  constructor(table: string, column: ColumnSchema, length: number) {
    this.table = table
    this.column = column
    this.length = length
  }

  /** Stores the value of row i. False if it was undefined, so that null or the default stands in. `rowIndex` is for errors. */
  put(i: number, value: unknown, rowIndex: number): boolean {
    if (value === undefined) {
      const fallback = this.column.default
      if (fallback !== undefined && fallback !== null) this.store(i, fallback, rowIndex)
      else if (this.column.nullable) this.#putNull(i)
      else throw invalidValue(this.table, this.column.name, rowIndex, nullProblem(undefined))
      return false
    }
    if (value === null) {
      if (!this.column.nullable) throw invalidValue(this.table, this.column.name, rowIndex, nullProblem(null))
      this.#putNull(i)
    } else {
      this.store(i, checkValue(this.table, this.column, value, rowIndex), rowIndex)
    }
    return true
  }

  /** Stores a value that was checked. */
  protected abstract store(i: number, value: StoredValue, rowIndex: number): void

  /** Leaves the zero value in row i. */
  protected abstract skip(i: number): void

  /** The column; the builder is done with. */
  abstract finish(): ColumnVector

  #putNull(i: number): void {
    this.nulls ??= new Uint8Array(this.length)
    this.nulls[i] = 1
    this.skip(i)
  }
}

/** Any kind of fixed width but int64. */
export class FixedColumnBuilder extends ColumnBuilder {
  readonly values: Exclude<FixedArray, BigInt64Array>

  constructor(table: string, column: ColumnSchema, length: number) {
    super(table, column, length)
    this.values = fixedArrayOf(column.kind, length)
  }

  protected store(i: number, value: StoredValue): void {
    this.values[i] = Number(value)
  }

  protected skip(): void {}

  finish(): ColumnVector {
    return { form: 'fixed', length: this.length, values: this.values, nulls: this.nulls }
  }
}

/** Int64: doubles until a value beyond ±(2^53 − 1) comes, 64-bit integers from then on. */
export class Int64ColumnBuilder extends ColumnBuilder {
  values: Float64Array
  #wide: BigInt64Array | undefined

  constructor(table: string, column: ColumnSchema, length: number) {
    super(table, column, length)
    this.values = new Float64Array(length)
  }

  protected store(i: number, value: StoredValue): void {
    if (this.#wide === undefined) {
      const double = Number(value)
      if (Number.isSafeInteger(double)) {
        this.values[i] = double
        return
      }
      this.#wide = new BigInt64Array(this.length)
    }
    this.#wide[i] = BigInt(value as bigint)
    this.values[i] = Number.NaN
  }

  protected skip(): void {}

  finish(): ColumnVector {
    const { length, values, nulls } = this
    const wide = this.#wide
    if (wide === undefined) return { form: 'fixed', length, values, nulls }
    // Compiled encoders go on writing small values to `values`; a NaN there marks what went to `wide` instead.
    for (let i = 0; i < length; i++) {
      const value = values[i] as number
      if (!Number.isNaN(value)) wide[i] = BigInt(value)
    }
    return { form: 'fixed', length, values: wide, nulls }
  }
}

/** A buffer that builders of one column hand on from block to block. */
export interface ByteScratch {
  bytes: Uint8Array
}

/** Strings and binary values, end to end. Rows must come in order. */
export class BytesColumnBuilder extends ColumnBuilder {
  readonly #offsets: Uint32Array
  readonly #scratch: ByteScratch
  #bytes: Uint8Array
  #at = 0

  constructor(table: string, column: ColumnSchema, length: number, scratch: ByteScratch) {
    super(table, column, length)
    this.#offsets = new Uint32Array(length + 1)
    this.#scratch = scratch
    this.#bytes = scratch.bytes
    // Taken, not shared: a getter of a row might insert into the same table while this block is being built.
    scratch.bytes = new Uint8Array(0)
  }

  /** Hot: a string column's common case. */
  putString(i: number, value: string, rowIndex: number): void {
    const room = this.#at + value.length * 3
    if (room > this.#bytes.length) this.#grow(room)
    const end = writeUtf8(this.#bytes, this.#at, value)
    if (end < 0) checkValue(this.table, this.column, value, rowIndex)
    this.#at = end
    this.#offsets[i + 1] = end
  }

  protected store(i: number, value: StoredValue, rowIndex: number): void {
    if (typeof value === 'string') {
      this.putString(i, value, rowIndex)
      return
    }
    const bytes = value as Uint8Array
    const end = this.#at + bytes.length
    if (end > this.#bytes.length) this.#grow(end)
    this.#bytes.set(bytes, this.#at)
    this.#at = end
    this.#offsets[i + 1] = end
  }

  protected skip(i: number): void {
    this.#offsets[i + 1] = this.#at
  }

  finish(): ColumnVector {
    const bytes = this.#bytes.slice(0, this.#at)
    if (this.#bytes.length <= 2 ** 20) this.#scratch.bytes = this.#bytes
    return { form: 'bytes', length: this.length, offsets: this.#offsets, bytes, nulls: this.nulls }
  }

  #grow(needed: number): void {
    if (needed > columnBytesMax) {
      throw new VarveError(
        'BATCH_TOO_LARGE',
        `${this.table}.${this.column.name}: one call holds more than 2 GiB of this column; write it in several calls.`,
        {
          context: { table: this.table, column: this.column.name },
        },
      )
    }
    const grown = new Uint8Array(Math.min(columnBytesMax, Math.max(needed, this.#bytes.length * 2, 256)))
    grown.set(this.#bytes.subarray(0, this.#at))
    this.#bytes = grown
  }
}

/** The builder of a column for a block of `length` rows. */
export function columnBuilder(table: string, column: ColumnSchema, length: number, scratch: ByteScratch): ColumnBuilder {
  if (column.kind === 'string' || column.kind === 'binary') return new BytesColumnBuilder(table, column, length, scratch)
  if (column.kind === 'int64') return new Int64ColumnBuilder(table, column, length)
  return new FixedColumnBuilder(table, column, length)
}
