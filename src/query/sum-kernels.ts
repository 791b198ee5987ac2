/**
 * The inner loops of sums, over doubles. Nulls need no test: the value of a null row is 0. Sums of one group go by four
 * at a time, because an addition waits for the one before it; so the order of additions is not that of the rows.
 */
export function sumAll(values: Float64Array, count: number): number {
  let a = 0
  let b = 0
  let c = 0
  let d = 0
  let i = 0
  for (; i + 4 <= count; i += 4) {
    a += values[i] as number
    b += values[i + 1] as number
    c += values[i + 2] as number
    d += values[i + 3] as number
  }
  for (; i < count; i++) a += values[i] as number
  return a + b + (c + d)
}

export function sumSelected(values: Float64Array, selection: Int32Array, count: number): number {
  let a = 0
  let b = 0
  let c = 0
  let d = 0
  let k = 0
  for (; k + 4 <= count; k += 4) {
    a += values[selection[k] as number] as number
    b += values[selection[k + 1] as number] as number
    c += values[selection[k + 2] as number] as number
    d += values[selection[k + 3] as number] as number
  }
  for (; k < count; k++) a += values[selection[k] as number] as number
  return a + b + (c + d)
}

/** Adds each row's value to its group's sum. */
export function addAllByGroup(values: Float64Array, ids: Int32Array, count: number, sums: Float64Array): void {
  for (let i = 0; i < count; i++) {
    const id = ids[i] as number
    sums[id] = (sums[id] as number) + (values[i] as number)
  }
}

export function addSelectedByGroup(values: Float64Array, selection: Int32Array, ids: Int32Array, count: number, sums: Float64Array): void {
  for (let k = 0; k < count; k++) {
    const id = ids[k] as number
    sums[id] = (sums[id] as number) + (values[selection[k] as number] as number)
  }
}

/** Adds the values of the rows that count to `sums`, whatever the batch looks like. */
export function addValues(
  values: Float64Array,
  o: { selection: Int32Array | undefined; ids: Int32Array | undefined; count: number },
  sums: Float64Array,
): void {
  const { selection, ids, count } = o
  if (ids === undefined)
    sums[0] = (sums[0] as number) + (selection === undefined ? sumAll(values, count) : sumSelected(values, selection, count))
  else if (selection === undefined) addAllByGroup(values, ids, count, sums)
  else addSelectedByGroup(values, selection, ids, count, sums)
}
