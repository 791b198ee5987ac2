import type { ColumnBatch } from 'varve'
import { FlightsChecksum } from './flights-checksum.ts'
import type { FlightsTable } from './flights-table.ts'

/** What was read back, to be held against the source. */
export interface ReadBack {
  /** What `count()` says. */
  readonly count: number
  /** Rows that the scan gave. */
  readonly rows: number
  readonly checksum: string
  readonly durationMs: number
}

/** Reads every column of every row, by batches. */
export async function readBack(table: FlightsTable): Promise<ReadBack> {
  const begunMs = performance.now()
  const checksum = new FlightsChecksum()
  let rows = 0
  for await (const batch of table.scan().batches()) rows += addBatch(checksum, batch)
  const count = await table.count()
  return { count, rows, checksum: checksum.toString(), durationMs: performance.now() - begunMs }
}

function addBatch(checksum: FlightsChecksum, batch: ColumnBatch): number {
  const number = numbers(batch, 'number')
  const date = numbers(batch, 'date')
  const delay = numbers(batch, 'delay')
  const distance = numbers(batch, 'distance')
  const origin = texts(batch, 'origin')
  const destination = texts(batch, 'destination')
  const rows = batch.selection?.length ?? batch.rowCount
  for (let i = 0; i < rows; i++) {
    const row = batch.selection ? (batch.selection[i] as number) : i
    checksum.add(
      number[row] as number,
      date[row] as number,
      delay[row] as number,
      distance[row] as number,
      checksum.hashText(origin[row] as string),
      checksum.hashText(destination[row] as string),
    )
  }
  return rows
}

function numbers(batch: ColumnBatch, column: string): ArrayLike<number> {
  return batch.column(column).values as ArrayLike<number>
}

function texts(batch: ColumnBatch, column: string): ArrayLike<string> {
  return batch.column(column).values as readonly string[]
}
