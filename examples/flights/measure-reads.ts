import { avg, count } from 'varve'
import type { FlightsTable } from './flights-table.ts'

/** How fast the table is read, and what its files look like. */
export interface ReadMeasure {
  readonly when: 'before' | 'changed' | 'compacted'
  readonly rows: number
  /** Rows a second of "mean delay by origin": two columns, one of which was changed. */
  readonly aggregateRowsPerSecond: number
  /** Rows a second of a scan of all columns, by batches. */
  readonly scanRowsPerSecond: number
  readonly rowsets: number
  /** How many rowsets may hold a key, on average. */
  readonly height: number
  /** Changes that reads apply to base data. */
  readonly changesToApply: number
  readonly sizeBytes: number
}

/** The best of so many: what a busy machine adds is not what is asked for. */
const repeats = { aggregate: 7, scan: 3 }

export async function measureReads(table: FlightsTable, when: ReadMeasure['when']): Promise<ReadMeasure> {
  const rows = await table.count()
  const aggregateMs = await bestOf(repeats.aggregate, () =>
    table.aggregate({ groupBy: ['origin'], select: { flights: count(), delay: avg('delay') } }),
  )
  const scanMs = await bestOf(repeats.scan, () => scanAll(table))
  const { diskBytes, tablets } = table.stats()
  const rowsets = tablets.flatMap((tablet) => tablet.rowsets)
  return {
    when,
    rows,
    aggregateRowsPerSecond: (rows * 1000) / aggregateMs,
    scanRowsPerSecond: (rows * 1000) / scanMs,
    rowsets: rowsets.length,
    height: tablets[0]?.height ?? 0,
    changesToApply: rowsets.reduce((sum, { deltas }) => sum + deltas.redo.changes + deltas.memory.changes, 0),
    sizeBytes: diskBytes,
  }
}

async function scanAll(table: FlightsTable): Promise<void> {
  const columns = ['number', 'date', 'delay', 'distance', 'origin', 'destination'] as const
  for await (const batch of table.scan({ columns }).batches()) for (const name of columns) void batch.column(name).values
}

async function bestOf(times: number, read: () => Promise<unknown>): Promise<number> {
  let bestMs = Number.POSITIVE_INFINITY
  for (let i = 0; i < times; i++) {
    const begunMs = performance.now()
    await read()
    bestMs = Math.min(bestMs, performance.now() - begunMs)
  }
  return bestMs
}
