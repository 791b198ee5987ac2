/**
 * The inner loops of sums, over doubles. Nulls need no test: the value of a null row is 0. Sums of one group go by four
 * at a time, because an addition waits for the one before it; so the order of additions is not that of the rows.
 */
import type { GroupedBatch } from './accumulator.ts'

/** The sum of `values[from .. to)`. */
export function sumRange(values: Float64Array, from: number, to: number): number {
  let a = 0
  let b = 0
  let c = 0
  let d = 0
  let i = from
  for (; i + 4 <= to; i += 4) {
    a += values[i] as number
    b += values[i + 1] as number
    c += values[i + 2] as number
    d += values[i + 3] as number
  }
  for (; i < to; i++) a += values[i] as number
  return a + b + (c + d)
}

/** The sum of the values of rows `selection[from .. to)`. */
export function sumSelected(values: Float64Array, selection: Int32Array, from: number, to: number): number {
  let a = 0
  let b = 0
  let c = 0
  let d = 0
  let k = from
  for (; k + 4 <= to; k += 4) {
    a += values[selection[k] as number] as number
    b += values[selection[k + 1] as number] as number
    c += values[selection[k + 2] as number] as number
    d += values[selection[k + 3] as number] as number
  }
  for (; k < to; k++) a += values[selection[k] as number] as number
  return a + b + (c + d)
}

/** Adds the values of the rows that count to `sums`, by group. */
export function addByGroup(values: Float64Array, { selection, ids, count }: GroupedBatch, sums: Float64Array): void {
  if (ids === undefined) {
    sums[0] = (sums[0] as number) + (selection === undefined ? sumRange(values, 0, count) : sumSelected(values, selection, 0, count))
    return
  }
  for (let k = 0; k < count; k++) {
    const id = ids[k] as number
    sums[id] = (sums[id] as number) + (values[selection === undefined ? k : (selection[k] as number)] as number)
  }
}
