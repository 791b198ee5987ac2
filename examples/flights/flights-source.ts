import { fileURLToPath } from 'node:url'
import { asyncBufferFromFile, parquetMetadataAsync } from 'hyparquet'
import type { WorkerPool } from 'varve/plugin'
import type { CorrectionCounts } from './corrections.ts'
import type { FlightColumns } from './flight-columns.ts'
import { FlightsChecksum } from './flights-checksum.ts'
import type { RowGroupRequest, RowGroupResult } from './read-row-group.ts'

/** US flights of 2001, from the U.S. Bureau of Transportation Statistics, as the package vega-datasets holds them. */
const path = fileURLToPath(new URL('../data/flights-3m.parquet', import.meta.resolve('vega-datasets')))
const job = new URL('./read-row-group.ts', import.meta.url)

/** What the source's rows come to, in numbers. */
export interface SourceTotals {
  readonly rows: number
  readonly checksum: string
}

/** The first rows of the parquet file, decoded on the database's worker threads. */
export class FlightsSource {
  /** Rows there are to read. */
  readonly rowCount: number
  readonly #requests: readonly RowGroupRequest[]
  readonly #pool: WorkerPool
  readonly #checksum = new FlightsChecksum()
  readonly #correctedChecksum = new FlightsChecksum()
  #correctedRows = 0
  readonly #corrections: CorrectionCounts = { onTime: 0, atGate: 0, tooShort: 0, trial: 0 }

  private constructor(rowCount: number, requests: readonly RowGroupRequest[], pool: WorkerPool) {
    this.rowCount = rowCount
    this.#requests = requests
    this.#pool = pool
  }

  /** Reads what row groups there are, and takes as many as hold the first `rowCountMax` rows. */
  static async open(rowCountMax: number, pool: WorkerPool): Promise<FlightsSource> {
    const metadata = await parquetMetadataAsync(await asyncBufferFromFile(path))
    const rowCount = Math.min(rowCountMax, Number(metadata.num_rows))
    const requests: RowGroupRequest[] = []
    let rowStart = 0
    for (const group of metadata.row_groups) {
      const rowEnd = Math.min(rowStart + Number(group.num_rows), rowCount)
      if (rowEnd > rowStart) requests.push({ path, rowStart, rowEnd })
      rowStart = rowEnd
    }
    return new FlightsSource(rowCount, requests, pool)
  }

  /**
   * The rows, in the order of the file, one row group at a time. The next is decoded while one is used, so that there are
   * never more than two in memory.
   */
  async *columns(): AsyncGenerator<FlightColumns, void, void> {
    const cancel = new AbortController()
    const read = (request: RowGroupRequest | undefined) =>
      request && this.#pool.run<RowGroupResult>({ module: job, data: request }, { signal: cancel.signal })
    let next = read(this.#requests[0])
    try {
      for (let i = 0; next; i++) {
        const result = await next
        next = read(this.#requests[i + 1])
        this.#add(result)
        yield result.columns
      }
    } finally {
      // Whoever stopped reading early does not wait for the rest.
      next?.catch(() => undefined)
      cancel.abort()
    }
  }

  /** What the rows add up to, once they were read. */
  get asTheyAre(): SourceTotals {
    return { rows: this.rowCount, checksum: this.#checksum.toString() }
  }

  /** What the rows add up to once every correction is made, and how many rows each concerns. */
  get corrected(): SourceTotals & { readonly corrections: CorrectionCounts } {
    return { rows: this.#correctedRows, checksum: this.#correctedChecksum.toString(), corrections: { ...this.#corrections } }
  }

  #add({ asTheyAre, corrected, corrections }: RowGroupResult): void {
    this.#checksum.addSums(asTheyAre.checksum)
    this.#correctedChecksum.addSums(corrected.checksum)
    this.#correctedRows += corrected.rows
    for (const name of Object.keys(corrections) as (keyof CorrectionCounts)[]) this.#corrections[name] += corrections[name]
  }
}
