import type { ColumnVector } from '../schema/column-vector.ts'
import type { ColumnSchema, ColumnValue } from '../schema/table-schema.ts'
import type { ColumnIds } from './column-ids.ts'
import { endOfRun, hasRuns } from './group-runs.ts'
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
    const rows: LookUpRows = { selection, nulls, nullId: this.#nullId, count }
    if (values instanceof BigInt64Array) this.#assignWide(values, nulls, selection, count, out)
    else if (values instanceof Float64Array || values instanceof Float32Array) this.#assignDoubles(this.#plain.doublesOf(values), rows, out)
    else this.#assignIntegers(this.#plain.integersOf(values), rows, out)
  }

  valueAt(id: number): ColumnValue {
    if (id === this.#nullId) return null
    const { kind, mode } = this.#column
    const value = this.#wideById.get(id) ?? (this.#table.values[id] as number)
    if (kind === 'bool') return value === 1
    return kind === 'int64' && mode === 'bigint' ? BigInt(value) : value
  }

  #assignIntegers(values: Int32Array, rows: LookUpRows, out: Int32Array): void {
    const { selection, nulls, count } = rows
    if (nulls === undefined && hasRuns(values, selection, count)) {
      for (let k = 0; k < count; ) {
        const end = endOfRun(values, selection, k, count)
        out.fill(this.#table.idOf(values[selection === undefined ? k : (selection[k] as number)] as number), k, end)
        k = end
      }
      return
    }
    for (let k = 0; k < rows.count; k++) {
      k = lookUpIntegers(values, this.#table, rows, k, out)
      if (k < rows.count) out[k] = this.#table.idOf(values[rows.selection === undefined ? k : (rows.selection[k] as number)] as number)
    }
  }

  #assignDoubles(values: Float64Array, rows: LookUpRows, out: Int32Array): void {
    for (let k = 0; k < rows.count; k++) {
      k = lookUpDoubles(values, this.#table, rows, k, out)
      if (k < rows.count) out[k] = this.#table.idOf(values[rows.selection === undefined ? k : (rows.selection[k] as number)] as number)
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

/** The rows that are looked up: `count` of them, those of the selection or else the first ones. */
export interface LookUpRows {
  readonly selection: Int32Array | undefined
  readonly nulls: Uint8Array | undefined
  readonly nullId: number
  readonly count: number
}

/**
 * Looks rows up in the table's window, from the k-th on, until one is not found there: returns its place, else `count`.
 * Nothing is called from within: with the hash table's code inlined, the loop takes 3 times as long.
 */
function lookUpIntegers(
  values: Int32Array,
  table: NumberTable,
  { selection, nulls, nullId, count }: LookUpRows,
  from: number,
  out: Int32Array,
): number {
  const { window, base } = table
  const size = window.length
  for (let k = from; k < count; k++) {
    const row = selection === undefined ? k : (selection[k] as number)
    if (nulls !== undefined && nulls[row] === 1) {
      out[k] = nullId
      continue
    }
    const index = ((values[row] as number) - base) | 0
    const id = index >= 0 && index < size ? (window[index] as number) : -1
    if (id < 0) return k
    out[k] = id
  }
  return count
}

function lookUpDoubles(
  values: Float64Array,
  table: NumberTable,
  { selection, nulls, nullId, count }: LookUpRows,
  from: number,
  out: Int32Array,
): number {
  const { window, base } = table
  const size = window.length
  for (let k = from; k < count; k++) {
    const row = selection === undefined ? k : (selection[k] as number)
    if (nulls !== undefined && nulls[row] === 1) {
      out[k] = nullId
      continue
    }
    const difference = (values[row] as number) - base
    const index = difference | 0
    const id = index === difference && index >= 0 && index < size ? (window[index] as number) : -1
    if (id < 0) return k
    out[k] = id
  }
  return count
}

/** Whether a row that is looked at is null. */
export function hasNull(nulls: Uint8Array, selection: Int32Array | undefined, count: number): boolean {
  for (let k = 0; k < count; k++) if (nulls[selection === undefined ? k : (selection[k] as number)] === 1) return true
  return false
}
