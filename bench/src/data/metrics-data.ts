/**
 * The rows of the bench: what hosts measure, arriving in time order, all hosts at each tick. Row `i` is a pure function
 * of `i`, so that every process makes the same data, any part of it on its own, and knows the right answers.
 */

export interface MetricRow {
  host: number
  /** Milliseconds since 1970. */
  at: number
  /** Percent, two decimals. */
  cpu: number
  /** MiB, three decimals. */
  mem: number
  status: number
  tag: string
}

export interface MetricColumns {
  readonly host: Int32Array
  readonly at: Float64Array
  readonly cpu: Float64Array
  readonly mem: Float64Array
  readonly status: Int32Array
  readonly tag: string[]
}

export const startMs = Date.UTC(2026, 0, 1)
export const tickMs = 10_000
/** The filter of the aggregate over all rows: `cpu > cpuThreshold`. */
export const cpuThreshold = 50
/** Rows of one range read. */
export const rangeRows = 100

const statuses = [200, 200, 200, 200, 200, 204, 404, 500] as const
const regions = ['eu-west-1', 'eu-central-1', 'us-east-1', 'ap-south-1']
const roles = ['web', 'cache', 'queue', 'search']
const tags = Array.from({ length: 64 }, (_, i) => `${regions[i & 3]}/rack-${10 + ((i >> 2) & 3)}/${roles[i >> 4]}`)

/** 1,000 hosts, or fewer where there are too few rows for each to have `rangeRows` of them. */
export function hostCountOf(rowCount: number): number {
  return Math.max(1, Math.min(1000, Math.floor(rowCount / rangeRows)))
}

/** The finalizer of MurmurHash3: an even spread of the numbers from 0 to 2³² − 1. */
export function mix(value: number): number {
  let h = value | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** Rows `from` up to, not including, `to`, as columns. */
export function columnsOf(hostCount: number, from: number, to: number): MetricColumns {
  const count = to - from
  const columns = {
    host: new Int32Array(count),
    at: new Float64Array(count),
    cpu: new Float64Array(count),
    mem: new Float64Array(count),
    status: new Int32Array(count),
    tag: new Array<string>(count),
  }
  for (let i = 0; i < count; i++) {
    const row = from + i
    const chance = mix(row)
    columns.host[i] = row % hostCount
    columns.at[i] = startMs + Math.floor(row / hostCount) * tickMs
    columns.cpu[i] = (chance % 10_000) / 100
    columns.mem[i] = (mix(row + 0x5bd1e995) % 32_768_000) / 1000
    columns.status[i] = statuses[(chance >>> 20) & 7] ?? 200
    columns.tag[i] = tags[(chance >>> 26) & 63] ?? ''
  }
  return columns
}

/** Rows `from` up to `to` of `columns` as objects: what an application has in its hands before it writes. */
export function rowsOf(columns: MetricColumns, from: number, to: number): MetricRow[] {
  const { host, at, cpu, mem, status, tag } = columns
  const rows = new Array<MetricRow>(to - from)
  for (let i = from; i < to; i++) {
    rows[i - from] = {
      host: host[i] as number,
      at: at[i] as number,
      cpu: cpu[i] as number,
      mem: mem[i] as number,
      status: status[i] as number,
      tag: tag[i] as string,
    }
  }
  return rows
}
