import { columnsOf, cpuThreshold, hostCountOf, type MetricRow, startMs } from './metrics-data.ts'

export interface FilterAnswer {
  readonly count: number
  readonly sum: number
  readonly avg: number
}

export interface GroupRow {
  readonly host: number
  readonly sum: number
  readonly avg: number
}

/** What every side must answer over the first `rowCount` rows. */
export interface ExpectedAnswers {
  readonly filter: FilterAnswer
  /** By host, ascending. */
  readonly groups: readonly GroupRow[]
  /** The sum of `rowSum` over all rows. */
  readonly scanSum: number
}

/**
 * One number that depends on every column but the last one's characters: their number stands for them. Times are counted
 * from the first one, or they would be so large that nobody would notice another value beside them.
 */
export function rowSum(row: MetricRow): number {
  return row.host + (row.at - startMs) / 1000 + row.cpu + row.mem + row.status + row.tag.length
}

/** Works the answers out by plain loops. */
export function expectedAnswers(rowCount: number): ExpectedAnswers {
  const hostCount = hostCountOf(rowCount)
  const groups = Array.from({ length: hostCount }, (_, host) => ({ host, sum: 0, memSum: 0, count: 0 }))
  let [count, sum, memSum, scanSum] = [0, 0, 0, 0]
  const step = 100_000
  for (let from = 0; from < rowCount; from += step) {
    const { host, at, cpu, mem, status, tag } = columnsOf(hostCount, from, Math.min(rowCount, from + step))
    for (let i = 0; i < host.length; i++) {
      const [c, m] = [cpu[i] as number, mem[i] as number]
      scanSum += (host[i] as number) + ((at[i] as number) - startMs) / 1000 + c + m + (status[i] as number) + (tag[i] as string).length
      const group = groups[host[i] as number]
      if (group) {
        group.sum += c
        group.memSum += m
        group.count++
      }
      if (c <= cpuThreshold) continue
      count++
      sum += c
      memSum += m
    }
  }
  return {
    filter: { count, sum, avg: memSum / count },
    groups: groups.map((group) => ({ host: group.host, sum: group.sum, avg: group.memSum / group.count })),
    scanSum,
  }
}

/** Sums of floating-point numbers depend on their order in the last digits only; more than that is a wrong answer. */
export function requireClose(what: string, actual: number, expected: number): void {
  if (Math.abs(actual - expected) <= 1e-9 * Math.abs(expected)) return
  throw new Error(`Wrong answer: ${what} is ${actual}, not ${expected}.`)
}

export function requireEqual(what: string, actual: unknown, expected: unknown): void {
  if (Object.is(actual, expected)) return
  throw new Error(`Wrong answer: ${what} is ${String(actual)}, not ${String(expected)}.`)
}
