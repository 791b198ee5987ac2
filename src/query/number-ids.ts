import type { ColumnVector } from '../schema/column-vector.ts'
import type { ColumnSchema, ColumnValue } from '../schema/table-schema.ts'
import type { ColumnIds } from './column-ids.ts'
import { NumberTable } from './number-table.ts'
import { PlainNumbers } from './plain-numbers.ts'

/** Numbers the values of a column of numbers or booleans. */
export class NumberIds implements ColumnIds {
  readonly #column: ColumnSchema
  readonly #table = new NumberTable()
  readonly #plain = new PlainNumbers()
  /** Integers beyond ±2^53. */
  readonly #wide = new Map<bigint, number>()
  readonly #wideById = new Map<number, bigint>()
  #nullId = -1

  constructor(column: ColumnSchema) {
    this.#column = column
  }

  get count(): number {
    return this.#table.count
  }

  get nullId(): number {
    return this.#nullId
  }

  assign(vector: ColumnVector, selection: Int32Array | undefined, count: number, out: Int32Array): void {
    if (vector.form !== 'fixed') throw new TypeError('a column of numbers came as strings')
    const { values, nulls } = vector
    this.#table.expectRows(count)
    if (nulls !== undefined && this.#nullId < 0 && hasNull(nulls, selection, count)) this.#nullId = this.#table.addOther()
    if (values instanceof BigInt64Array) this.#assignWide(values, nulls, selection, count, out)
    else if (values instanceof Float64Array || values instanceof Float32Array)
      this.#assignDoubles(this.#plain.doublesOf(values), nulls, selection, count, out)
    else this.#assignIntegers(this.#plain.integersOf(values), nulls, selection, count, out)
  }

  valueAt(id: number): ColumnValue {
    if (id === this.#nullId) return null
    const { kind, mode } = this.#column
    const value = this.#wideById.get(id) ?? (this.#table.values[id] as number)
    if (kind === 'bool') return value === 1
    return kind === 'int64' && mode === 'bigint' ? BigInt(value) : value
  }

  /** Hot: the window is looked into here; what it does not hold is the table's business. */
  #assignIntegers(
    values: Int32Array,
    nulls: Uint8Array | undefined,
    selection: Int32Array | undefined,
    count: number,
    out: Int32Array,
  ): void {
    const table = this.#table
    let { window, base } = table
    let size = window.length
    for (let k = 0; k < count; k++) {
      const row = selection === undefined ? k : (selection[k] as number)
      if (nulls !== undefined && nulls[row] === 1) {
        out[k] = this.#nullId
        continue
      }
      const index = ((values[row] as number) - base) | 0
      let id = index >= 0 && index < size ? (window[index] as number) : -1
      if (id < 0) {
        id = table.idOf(values[row] as number)
        window = table.window
        base = table.base
        size = window.length
      }
      out[k] = id
    }
  }

  #assignDoubles(
    values: Float64Array,
    nulls: Uint8Array | undefined,
    selection: Int32Array | undefined,
    count: number,
    out: Int32Array,
  ): void {
    const table = this.#table
    let { window, base } = table
    let size = window.length
    for (let k = 0; k < count; k++) {
      const row = selection === undefined ? k : (selection[k] as number)
      if (nulls !== undefined && nulls[row] === 1) {
        out[k] = this.#nullId
        continue
      }
      const difference = (values[row] as number) - base
      const index = difference | 0
      let id = index === difference && index >= 0 && index < size ? (window[index] as number) : -1
      if (id < 0) {
        id = table.idOf(values[row] as number)
        window = table.window
        base = table.base
        size = window.length
      }
      out[k] = id
    }
  }

  /** Blocks beyond ±2^53 are rare; what they hold within is numbered as everywhere else. */
  #assignWide(
    values: BigInt64Array,
    nulls: Uint8Array | undefined,
    selection: Int32Array | undefined,
    count: number,
    out: Int32Array,
  ): void {
    for (let k = 0; k < count; k++) {
      const row = selection === undefined ? k : (selection[k] as number)
      out[k] = nulls?.[row] === 1 ? this.#nullId : this.#wideId(values[row] as bigint)
    }
  }

  #wideId(value: bigint): number {
    const near = Number(value)
    if (Math.abs(near) <= 2 ** 53 && BigInt(near) === value) return this.#table.idOf(near)
    let id = this.#wide.get(value)
    if (id === undefined) {
      id = this.#table.addOther()
      this.#wide.set(value, id)
      this.#wideById.set(id, value)
    }
    return id
  }
}

/** Whether a row that is looked at is null. */
export function hasNull(nulls: Uint8Array, selection: Int32Array | undefined, count: number): boolean {
  for (let k = 0; k < count; k++) if (nulls[selection === undefined ? k : (selection[k] as number)] === 1) return true
  return false
}
