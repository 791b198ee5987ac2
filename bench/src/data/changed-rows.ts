import { type FilterAnswer, type GroupRow, rowSum } from './expected-answers.ts'
import { columnsOf, cpuThreshold, hostCountOf, type MetricColumns, type MetricRow, mix } from './metrics-data.ts'

/** A new value of one row's `cpu`: what an application has in its hands before it updates. */
export interface CpuChange {
  host: number
  at: number
  cpu: number
}

const cpuSteps = 10_000
const insertedRowsMax = 500_000

/** What the rows are once changes were made: every side must answer the same. Only `cpu` is ever changed. */
export class ChangedRows {
  readonly hostCount: number
  readonly columns: MetricColumns
  /** Rows that are there, counted from row 0: the loaded ones, and then those that were inserted. */
  count: number

  constructor(rows: number, o: { readonly mayGrow?: boolean } = {}) {
    this.hostCount = hostCountOf(rows)
    this.columns = columnsOf(this.hostCount, 0, rows + (o.mayGrow ? insertedRowsMax : 0))
    this.count = rows
  }

  /** Sets a row's `cpu` to a value that is a pure function of `chance`. */
  change(row: number, chance: number): CpuChange {
    const { host, at, cpu } = this.columns
    const value = (mix(chance) % cpuSteps) / 100
    cpu[row] = value
    return { host: host[row] as number, at: at[row] as number, cpu: value }
  }

  row(row: number): MetricRow {
    const { host, at, cpu, mem, status, tag } = this.columns
    return {
      host: host[row] as number,
      at: at[row] as number,
      cpu: cpu[row] as number,
      mem: mem[row] as number,
      status: status[row] as number,
      tag: tag[row] as string,
    }
  }

  /** The row after the newest, now there. */
  insert(): MetricRow {
    if (this.count === this.columns.host.length) throw new Error('More rows were inserted than the bench has room for.')
    return this.row(this.count++)
  }

  filter(): FilterAnswer {
    const { cpu, mem } = this.columns
    let [count, sum, memSum] = [0, 0, 0]
    for (let i = 0; i < this.count; i++) {
      const c = cpu[i] as number
      if (c <= cpuThreshold) continue
      count++
      sum += c
      memSum += mem[i] as number
    }
    return { count, sum, avg: memSum / count }
  }

  groups(): GroupRow[] {
    const { host, cpu, mem } = this.columns
    const groups = Array.from({ length: this.hostCount }, (_, h) => ({ host: h, sum: 0, memSum: 0, count: 0 }))
    for (let i = 0; i < this.count; i++) {
      const group = groups[host[i] as number] as (typeof groups)[number]
      group.sum += cpu[i] as number
      group.memSum += mem[i] as number
      group.count++
    }
    return groups.map(({ host: h, sum, memSum, count }) => ({ host: h, sum, avg: memSum / count }))
  }

  /** The sum of `rowSum` over a host's first rows. */
  rangeSum(host: number, limit: number): number {
    let sum = 0
    for (let i = 0, row = host; i < limit && row < this.count; i++, row += this.hostCount) sum += rowSum(this.row(row))
    return sum
  }
}

/** So many rows, each once, in random order. */
export function randomRows(rowCount: number, count: number): Int32Array {
  const rows = Int32Array.from({ length: rowCount }, (_, row) => row)
  for (let i = 0; i < count; i++) {
    const other = i + (mix(i + 0x2545f491) % (rowCount - i))
    const row = rows[other] as number
    rows[other] = rows[i] as number
    rows[i] = row
  }
  return rows.subarray(0, count)
}
