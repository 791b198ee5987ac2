import type { Database } from 'varve'
import type { FlightColumns, TextColumn } from './flight-columns.ts'
import type { FlightsSource } from './flights-source.ts'
import type { FlightsTable } from './flights-table.ts'
import { showProgress } from './progress.ts'

/** Rows of one `insertColumns`, which is atomic: few enough that the progress bar moves. */
const batchRows = 50_000

/** One flush of rows from memory to SSTables. */
export interface FlushRecord {
  /** Why it was begun then, in the scheduler's words. */
  readonly reason: string
  readonly sstables: number
  readonly rows: number
  readonly sizeBytes: number
  readonly durationMs: number
}

export interface ImportResult {
  readonly rows: number
  /** Until the last row was acknowledged. */
  readonly insertMs: number
  /** To flush what was still in memory then. */
  readonly flushMs: number
  /** What maintenance wrote, before and at the end. */
  readonly flushes: readonly FlushRecord[]
  /** Milliseconds for which writes were held back, because flushes could not keep up. */
  readonly stallMs: number
}

/**
 * Inserts all rows of the source while maintenance flushes them, then has the rest flushed. Ctrl-C ends it with ABORTED,
 * between two inserts, so that the caller can put the terminal and the database in order.
 */
export async function importFlights(db: Database, table: FlightsTable, source: FlightsSource): Promise<ImportResult> {
  using watch = watchFlushes(db)
  const interrupt = new AbortController()
  const { signal } = interrupt
  const onInterrupt = () => interrupt.abort()
  process.once('SIGINT', onInterrupt)
  const progress = showProgress('Importing flights', source.rowCount)
  const begunMs = performance.now()
  let rows = 0
  try {
    for await (const columns of source.columns()) {
      for (let first = 0; first < columns.number.length; first += batchRows) {
        const inserted = await table.insertColumns(rowsOf(columns, first, first + batchRows), { signal })
        rows += inserted
        progress.advance(inserted)
      }
    }
  } finally {
    process.off('SIGINT', onInterrupt)
    progress.end()
  }
  const insertedMs = performance.now()
  await db.flush()
  const flushedMs = performance.now()
  return {
    rows,
    insertMs: insertedMs - begunMs,
    flushMs: flushedMs - insertedMs,
    flushes: watch.flushes,
    stallMs: db.metrics().writes.stallMs,
  }
}

/** Collects the flushes that end from now on, until it is disposed of. A table of one tablet has one flush at a time. */
function watchFlushes({ events }: Database): Disposable & { readonly flushes: readonly FlushRecord[] } {
  const flushes: FlushRecord[] = []
  let reason = ''
  const begun = events.on('op:begin', (op) => {
    if (op.kind === 'flush') reason = op.reason
  })
  const ended = events.on('flush:end', ({ durationMs, outputs }) => {
    const total = (of: 'rows' | 'sizeBytes') => outputs.reduce((sum, file) => sum + file[of], 0)
    flushes.push({ reason, sstables: outputs.length, rows: total('rows'), sizeBytes: total('sizeBytes'), durationMs })
  })
  return {
    flushes,
    [Symbol.dispose]() {
      begun[Symbol.dispose]()
      ended[Symbol.dispose]()
    },
  }
}

/** Some rows, without copying them. */
function rowsOf({ number, date, delay, distance, origin, destination }: FlightColumns, from: number, to: number): FlightColumns {
  const texts = ({ codes, dictionary }: TextColumn) => ({ codes: codes.subarray(from, to), dictionary })
  return {
    number: number.subarray(from, to),
    date: date.subarray(from, to),
    delay: delay.subarray(from, to),
    distance: distance.subarray(from, to),
    origin: texts(origin),
    destination: texts(destination),
  }
}
