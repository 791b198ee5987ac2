import { fileURLToPath } from 'node:url'
import { asyncBufferFromFile, parquetMetadataAsync } from 'hyparquet'
import type { WorkerPool } from 'varve/plugin'
import type { FlightColumns } from './flight-columns.ts'
import { FlightsChecksum } from './flights-checksum.ts'
import type { RowGroupRequest, RowGroupResult } from './read-row-group.ts'

/** US flights of 2001, from the U.S. Bureau of Transportation Statistics, as the package vega-datasets holds them. */
const path = fileURLToPath(new URL('../data/flights-3m.parquet', import.meta.resolve('vega-datasets')))
const job = new URL('./read-row-group.ts', import.meta.url)

/** The first rows of the parquet file, decoded on the database's worker threads. */
export class FlightsSource {
  /** Rows there are to read. */
  readonly rowCount: number
  readonly #requests: readonly RowGroupRequest[]
  readonly #pool: WorkerPool
  readonly #checksum = new FlightsChecksum()

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
        const { columns, checksum } = await next
        next = read(this.#requests[i + 1])
        this.#checksum.addSums(checksum)
        yield columns
      }
    } finally {
      // Whoever stopped reading early does not wait for the rest.
      next?.catch(() => undefined)
      cancel.abort()
    }
  }

  /** What the rows that were read add up to. */
  get checksum(): string {
    return this.#checksum.toString()
  }
}
