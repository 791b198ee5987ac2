/**
 * How many rows each group has, and the sums of columns, as doubles add up: NaN and infinities as IEEE 754 has it, whole
 * numbers exact within ±2^53. The count and the sums of a group lie side by side, and one loop over the rows updates all
 * of them; it is compiled for each number of columns.
 */
import { compileFunction } from '../schema/code-generation.ts'
import type { FixedArray } from '../schema/column-vector.ts'
import type { Accumulator, GroupedBatch } from './accumulator.ts'
import type { GroupRuns } from './group-runs.ts'
import { grownDoubles } from './grown-arrays.ts'
import { PlainNumbers } from './plain-numbers.ts'
import { sumRange, sumSelected } from './sum-kernels.ts'

/** Adds rows to the totals: `totals[id << shift]` is the count, the sums follow. */
type AddRows = (
  ids: Int32Array,
  selection: Int32Array | undefined,
  count: number,
  totals: Float64Array,
  columns: readonly Float64Array[],
) => void

export class GroupTotals implements Accumulator {
  readonly #positions: number[] = []
  readonly #plain: PlainNumbers[] = []
  #shift = 0
  #totals = new Float64Array(1)
  #addRows: AddRows | undefined

  /** `compile: false` takes the generic loop, as where code cannot be compiled. */
  constructor(o: { compile?: boolean } = {}) {
    if (o.compile === false) this.#addRows = addRowsOneByOne
  }

  /** Has a column summed; returns its index. To be called before rows are added. */
  sumOfColumn(position: number): number {
    const known = this.#positions.indexOf(position)
    if (known >= 0) return known
    this.#plain.push(new PlainNumbers())
    this.#shift = shiftOf(this.#plain.length)
    this.#totals = new Float64Array(1 << this.#shift)
    return this.#positions.push(position) - 1
  }

  add({ ids, runs, selection, count, groupCount, column }: GroupedBatch): void {
    const columns = this.#positions.map((position, i) => {
      const { values } = column(position) as { readonly values: Exclude<FixedArray, BigInt64Array> }
      return (this.#plain[i] as PlainNumbers).doublesOf(values)
    })
    this.#totals = grownDoubles(this.#totals, groupCount << this.#shift)
    if (ids === undefined) this.#addRun(columns, selection, 0, { from: 0, to: count })
    else if (runs) this.#addRuns(columns, selection, ids, runs)
    else {
      this.#addRows ??= addRowsOf(columns.length)
      this.#addRows(ids, selection, count, this.#totals, columns)
    }
  }

  countOf(group: number): number {
    return this.#totals[group << this.#shift] ?? 0
  }

  sumOf(group: number, index: number): number {
    return this.#totals[(group << this.#shift) + 1 + index] ?? 0
  }

  #addRuns(columns: readonly Float64Array[], selection: Int32Array | undefined, ids: Int32Array, { starts, count }: GroupRuns): void {
    for (let run = 0; run < count; run++) {
      const from = starts[run] as number
      this.#addRun(columns, selection, ids[from] as number, { from, to: starts[run + 1] as number })
    }
  }

  #addRun(
    columns: readonly Float64Array[],
    selection: Int32Array | undefined,
    group: number,
    { from, to }: { from: number; to: number },
  ): void {
    const totals = this.#totals
    const at = group << this.#shift
    totals[at] = (totals[at] as number) + to - from
    for (let c = 0; c < columns.length; c++) {
      const values = columns[c] as Float64Array
      const sum = selection === undefined ? sumRange(values, from, to) : sumSelected(values, selection, from, to)
      totals[at + 1 + c] = (totals[at + 1 + c] as number) + sum
    }
  }
}

/** Places of a group, as a power of two: its count, and one for each column. */
function shiftOf(columnCount: number): number {
  return 32 - Math.clz32(columnCount)
}

const compiled = new Map<number, AddRows>()

function addRowsOf(columnCount: number): AddRows {
  let addRows = compiled.get(columnCount)
  if (!addRows) {
    addRows = compileAddRows(columnCount) ?? addRowsOneByOne
    compiled.set(columnCount, addRows)
  }
  return addRows
}

function compileAddRows(columnCount: number): AddRows | undefined {
  const shift = shiftOf(columnCount)
  const indices = Array.from({ length: columnCount }, (_, c) => c)
  const sums = indices.map((c) => `totals[at + ${c + 1}] += v${c}[row]`).join('; ')
  return compileFunction(
    ['ids', 'selection', 'count', 'totals', 'columns'],
    `${indices.map((c) => `const v${c} = columns[${c}]`).join('\n')}
if (selection === undefined) {
  for (let row = 0; row < count; row++) { const at = ids[row] << ${shift}; totals[at] += 1; ${sums} }
} else {
  for (let k = 0; k < count; k++) { const at = ids[k] << ${shift}, row = selection[k]; totals[at] += 1; ${sums} }
}`,
  ) as AddRows | undefined
}

/** Where code cannot be compiled: a loop for each column. */
function addRowsOneByOne(
  ids: Int32Array,
  selection: Int32Array | undefined,
  count: number,
  totals: Float64Array,
  columns: readonly Float64Array[],
): void {
  const shift = shiftOf(columns.length)
  for (let k = 0; k < count; k++) {
    const at = (ids[k] as number) << shift
    totals[at] = (totals[at] as number) + 1
  }
  for (let c = 0; c < columns.length; c++) {
    const values = columns[c] as Float64Array
    for (let k = 0; k < count; k++) {
      const at = ((ids[k] as number) << shift) + 1 + c
      totals[at] = (totals[at] as number) + (values[selection === undefined ? k : (selection[k] as number)] as number)
    }
  }
}
