/**
 * The row of each group in which a column is smallest or largest, and what another column shows there; ties are decided
 * by the primary key. In two steps: within a batch, rows of a group are compared as they lie there (numbers, dictionary
 * codes, bytes), and only the best of each group is compared with what is kept.
 */
import type { ColumnVector, KeyBlock } from '../schema/column-vector.ts'
import { compareBytes, compareKeys, compareKeyToBytes, compareRanges, keyBytes, keyLayout } from '../schema/key-encoding.ts'
import { valueAt } from '../schema/row-decoder.ts'
import type { ColumnSchema, ColumnValue, TableSchema } from '../schema/table-schema.ts'
import type { Accumulator, GroupedBatch } from './accumulator.ts'
import { columnAt } from './columns.ts'
import { grownIntegers } from './grown-arrays.ts'
import { PlainNumbers } from './plain-numbers.ts'

type Comparable = number | bigint | Uint8Array
/** Orders two rows of one batch. */
type RowOrder = (a: number, b: number) => number

export interface RowExtremesOptions {
  readonly schema: TableSchema
  /** The column that decides: rows where it is null or NaN are left out. */
  readonly by: number
  /** The column that is shown. */
  readonly shown: number
  readonly largest: boolean
  /** Ties: by key, smallest or largest as `largest` says. Else any of the rows: they show the same. */
  readonly keyed: boolean
}

export class RowExtremes implements Accumulator {
  readonly #o: RowExtremesOptions
  readonly #sign: 1 | -1
  readonly #shown: ColumnSchema
  readonly #plain = new PlainNumbers()
  /** What is kept, by group. */
  readonly #by: (Comparable | undefined)[] = []
  readonly #values: ColumnValue[] = []
  readonly #keys: Uint8Array[] = []
  /** The best row of the present batch, by group; −1: none. `#touched` lists the groups that have one. */
  #bestRow = new Int32Array(1).fill(-1)
  #touched = new Int32Array(1)

  constructor(o: RowExtremesOptions) {
    this.#o = o
    this.#sign = o.largest ? -1 : 1
    this.#shown = columnAt(o.schema, o.shown)
  }

  add(batch: GroupedBatch): void {
    this.#bestRow = grownIntegers(this.#bestRow, batch.groupCount, -1)
    this.#touched = grownIntegers(this.#touched, batch.count)
    const by = batch.column(this.#o.by)
    const keys = this.#o.keyed ? batch.keys() : undefined
    const touched = this.#findBest(by, keys, batch)
    const shown = batch.column(this.#o.shown)
    for (let t = 0; t < touched; t++) {
      const group = this.#touched[t] as number
      const row = this.#bestRow[group] as number
      this.#bestRow[group] = -1
      if (!this.#beats(by, keys, row, group)) continue
      this.#by[group] = comparableAt(by, row)
      this.#values[group] = valueAt(this.#shown, shown, row)
      if (keys) this.#keys[group] = keyBytes(keys, row, keyLayout(this.#o.schema))
    }
  }

  shownOf(group: number): ColumnValue {
    return this.#values[group] ?? null
  }

  /** Fills `#bestRow` and `#touched`; returns the number of groups touched. */
  #findBest(by: ColumnVector, keys: KeyBlock | undefined, batch: GroupedBatch): number {
    if (by.form === 'bytes') return this.#findBestRows(by.nulls, bytesOrder(by.bytes, by.offsets), keys, batch)
    if (by.form === 'dictionary') return this.#findBestNumbers(this.#plain.doublesOf(by.codes), by.nulls, keys, batch)
    const { values, nulls } = by
    if (values instanceof BigInt64Array) return this.#findBestRows(nulls, wideOrder(values), keys, batch)
    return this.#findBestNumbers(this.#plain.doublesOf(values), nulls, keys, batch)
  }

  #findBestNumbers(
    values: Float64Array,
    nulls: Uint8Array | undefined,
    keys: KeyBlock | undefined,
    { count, selection, ids }: GroupedBatch,
  ): number {
    const bestRow = this.#bestRow
    const touched = this.#touched
    const sign = this.#sign
    let touchedCount = 0
    for (let k = 0; k < count; k++) {
      const row = selection === undefined ? k : (selection[k] as number)
      const value = (values[row] as number) * sign
      if (value !== value || (nulls !== undefined && nulls[row] === 1)) continue
      const group = ids === undefined ? 0 : (ids[k] as number)
      const best = bestRow[group] as number
      if (best < 0) {
        bestRow[group] = row
        touched[touchedCount++] = group
        continue
      }
      const bestValue = (values[best] as number) * sign
      if (value < bestValue || (value === bestValue && keys !== undefined && sign * compareKeys(keys, row, keys, best) < 0))
        bestRow[group] = row
    }
    return touchedCount
  }

  #findBestRows(
    nulls: Uint8Array | undefined,
    order: RowOrder,
    keys: KeyBlock | undefined,
    { count, selection, ids }: GroupedBatch,
  ): number {
    const bestRow = this.#bestRow
    const sign = this.#sign
    let touchedCount = 0
    for (let k = 0; k < count; k++) {
      const row = selection === undefined ? k : (selection[k] as number)
      if (nulls !== undefined && nulls[row] === 1) continue
      const group = ids === undefined ? 0 : (ids[k] as number)
      const best = bestRow[group] as number
      if (best < 0) {
        bestRow[group] = row
        this.#touched[touchedCount++] = group
        continue
      }
      const byOrder = sign * order(row, best)
      if (byOrder < 0 || (byOrder === 0 && keys !== undefined && sign * compareKeys(keys, row, keys, best) < 0)) bestRow[group] = row
    }
    return touchedCount
  }

  /** Whether a row comes before what is kept of its group. */
  #beats(by: ColumnVector, keys: KeyBlock | undefined, row: number, group: number): boolean {
    const kept = this.#by[group]
    if (kept === undefined) return true
    const order = this.#sign * compareComparable(comparableAt(by, row), kept)
    return (
      order < 0 || (order === 0 && keys !== undefined && this.#sign * compareKeyToBytes(keys, row, this.#keys[group] as Uint8Array) < 0)
    )
  }
}

function bytesOrder(bytes: Uint8Array, offsets: Uint32Array): RowOrder {
  return (a, b) =>
    compareRanges(bytes, offsets[a] as number, offsets[a + 1] as number, bytes, offsets[b] as number, offsets[b + 1] as number)
}

function wideOrder(values: BigInt64Array): RowOrder {
  return (a, b) => compareComparable(values[a] as bigint, values[b] as bigint)
}

/** A copy: batches are gone when it is compared again. */
function comparableAt(vector: ColumnVector, row: number): Comparable {
  if (vector.form === 'fixed') return vector.values[row] as number | bigint
  const { bytes, offsets } = vector.form === 'dictionary' ? vector.dictionary : vector
  const at = vector.form === 'dictionary' ? (vector.codes[row] as number) : row
  return bytes.slice(offsets[at], offsets[at + 1])
}

function compareComparable(a: Comparable, b: Comparable): number {
  if (a instanceof Uint8Array || b instanceof Uint8Array) return compareBytes(a as Uint8Array, b as Uint8Array)
  return a < b ? -1 : a > b ? 1 : 0
}
