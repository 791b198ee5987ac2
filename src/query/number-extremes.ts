import type { FixedArray, FixedVector } from '../schema/column-vector.ts'
import type { Accumulator, GroupedBatch } from './accumulator.ts'
import { grownDoubles } from './grown-arrays.ts'
import { PlainNumbers } from './plain-numbers.ts'

/** The smallest or largest number of each group; NaN and null are left out. */
export class NumberExtremes implements Accumulator {
  readonly #position: number
  readonly #largest: boolean
  readonly #plain = new PlainNumbers()
  /** NaN: none yet. */
  #best = new Float64Array(1).fill(Number.NaN)
  /** Of blocks with integers beyond ±2^53. */
  readonly #wide: (bigint | undefined)[] = []

  constructor(position: number, largest: boolean) {
    this.#position = position
    this.#largest = largest
  }

  add(batch: GroupedBatch): void {
    this.#best = grownDoubles(this.#best, batch.groupCount, Number.NaN)
    const { values, nulls } = batch.column(this.#position) as FixedVector
    if (values instanceof BigInt64Array) {
      this.#addWide(values, nulls, batch)
      return
    }
    const doubles = this.#plain.doublesOf(values as Exclude<FixedArray, BigInt64Array>)
    if (this.#largest) keepLargest(doubles, nulls, batch, this.#best)
    else keepSmallest(doubles, nulls, batch, this.#best)
  }

  /** Undefined: the group has no value. */
  extremeOf(group: number): number | bigint | undefined {
    const near = this.#best[group] as number
    const wide = this.#wide[group]
    if (wide === undefined) return near === near ? near : undefined
    if (near !== near) return wide
    return wide > near === this.#largest ? wide : near
  }

  #addWide(values: BigInt64Array, nulls: Uint8Array | undefined, { count, selection, ids }: GroupedBatch): void {
    for (let k = 0; k < count; k++) {
      const row = selection === undefined ? k : (selection[k] as number)
      if (nulls?.[row] === 1) continue
      const group = ids === undefined ? 0 : (ids[k] as number)
      const value = values[row] as bigint
      const best = this.#wide[group]
      if (best === undefined || (this.#largest ? value > best : value < best)) this.#wide[group] = value
    }
  }
}

type Rows = Pick<GroupedBatch, 'count' | 'selection' | 'ids'>

function keepSmallest(values: Float64Array, nulls: Uint8Array | undefined, { count, selection, ids }: Rows, best: Float64Array): void {
  if (ids === undefined && selection === undefined && nulls === undefined) {
    let least = best[0] as number
    for (let i = 0; i < count; i++) {
      const value = values[i] as number
      if (value < least || (least !== least && value === value)) least = value
    }
    best[0] = least
    return
  }
  for (let k = 0; k < count; k++) {
    const row = selection === undefined ? k : (selection[k] as number)
    if (nulls !== undefined && nulls[row] === 1) continue
    const id = ids === undefined ? 0 : (ids[k] as number)
    const value = values[row] as number
    const least = best[id] as number
    if (value < least || (least !== least && value === value)) best[id] = value
  }
}

function keepLargest(values: Float64Array, nulls: Uint8Array | undefined, { count, selection, ids }: Rows, best: Float64Array): void {
  if (ids === undefined && selection === undefined && nulls === undefined) {
    let most = best[0] as number
    for (let i = 0; i < count; i++) {
      const value = values[i] as number
      if (value > most || (most !== most && value === value)) most = value
    }
    best[0] = most
    return
  }
  for (let k = 0; k < count; k++) {
    const row = selection === undefined ? k : (selection[k] as number)
    if (nulls !== undefined && nulls[row] === 1) continue
    const id = ids === undefined ? 0 : (ids[k] as number)
    const value = values[row] as number
    const most = best[id] as number
    if (value > most || (most !== most && value === value)) best[id] = value
  }
}
