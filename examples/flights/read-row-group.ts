/**
 * A job for the database's worker pool: decodes some rows of the parquet file. That takes a few hundred milliseconds, which
 * would be felt on the main thread. Values are laid into shared memory, so that they reach the main thread without a copy.
 */
import { asyncBufferFromFile, type DecodedArray, parquetMetadataAsync, parquetScan } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { type CorrectionCounts, corrected } from './corrections.ts'
import type { FlightColumns, TextColumn } from './flight-columns.ts'
import { FlightsChecksum } from './flights-checksum.ts'

/** Which rows: all of one row group, or its first ones. */
export interface RowGroupRequest {
  readonly path: string
  readonly rowStart: number
  readonly rowEnd: number
}

/** What rows add up to. */
export interface RowSums {
  readonly rows: number
  /** As `FlightsChecksum.sums`. */
  readonly checksum: readonly [number, number]
}

/** The rows, what they add up to, and what they will once they are corrected. */
export interface RowGroupResult {
  readonly columns: FlightColumns
  readonly asTheyAre: RowSums
  readonly corrected: RowSums
  /** How many rows each correction concerns. */
  readonly corrections: CorrectionCounts
}

export default async function readRowGroup({ path, rowStart, rowEnd }: RowGroupRequest): Promise<RowGroupResult> {
  const file = await asyncBufferFromFile(path)
  const parsers = { timestampFromMicroseconds: (microseconds: bigint) => Number(microseconds / 1000n) }
  const scan = await parquetScan({ file, metadata: await parquetMetadataAsync(file), compressors, parsers })
  const read = (column: string) => scan.readColumn({ column, rowStart, rowEnd })
  const rowCount = rowEnd - rowStart
  const columns: FlightColumns = {
    number: rowNumbers(rowStart, rowCount),
    date: numbers(await read('date'), new Float64Array(new SharedArrayBuffer(rowCount * 8)), 'date', rowStart),
    delay: numbers(await read('delay'), new Int16Array(new SharedArrayBuffer(rowCount * 2)), 'delay', rowStart),
    distance: numbers(await read('distance'), new Int16Array(new SharedArrayBuffer(rowCount * 2)), 'distance', rowStart),
    origin: texts(await read('origin'), 'origin', rowStart),
    destination: texts(await read('destination'), 'destination', rowStart),
  }
  return { columns, ...sumsOf(columns) }
}

function rowNumbers(first: number, count: number): Int32Array {
  const numbers = new Int32Array(new SharedArrayBuffer(count * 4))
  for (let i = 0; i < count; i++) numbers[i] = first + i
  return numbers
}

/** Copies decoded values; a null, or a number that the array cannot hold, is an error that names row and column. */
function numbers<A extends Float64Array | Int16Array>(values: DecodedArray, into: A, column: string, rowStart: number): A {
  for (let i = 0; i < into.length; i++) {
    const value: unknown = values[i]
    const number = Number(value ?? Number.NaN)
    into[i] = number
    if (into[i] !== number) throw misfit(column, rowStart + i, value)
  }
  return into
}

function texts(values: DecodedArray, column: string, rowStart: number): TextColumn {
  const codes = new Int32Array(new SharedArrayBuffer(values.length * 4))
  const codeOf = new Map<string, number>()
  for (let i = 0; i < values.length; i++) {
    const text: unknown = values[i]
    if (typeof text !== 'string') throw misfit(column, rowStart + i, text)
    let code = codeOf.get(text)
    if (code === undefined) {
      code = codeOf.size
      codeOf.set(text, code)
    }
    codes[i] = code
  }
  return { codes, dictionary: [...codeOf.keys()] }
}

function misfit(column: string, row: number, value: unknown): Error {
  return new Error(`Row ${row}, column ${column}: ${String(value)} does not fit the table.`)
}

function sumsOf(columns: FlightColumns): Omit<RowGroupResult, 'columns'> {
  const { number, date, delay, distance, origin, destination } = columns
  const [before, after] = [new FlightsChecksum(), new FlightsChecksum()]
  const corrections: CorrectionCounts = { onTime: 0, atGate: 0, tooShort: 0, trial: 0 }
  const origins = Int32Array.from(origin.dictionary, (text) => before.hashText(text))
  const destinations = Int32Array.from(destination.dictionary, (text) => before.hashText(text))
  let rowsAfter = 0
  for (let i = 0; i < number.length; i++) {
    const add = (checksum: FlightsChecksum, minutes: number) =>
      checksum.add(
        number[i] as number,
        date[i] as number,
        minutes,
        distance[i] as number,
        origins[origin.codes[i] as number] as number,
        destinations[destination.codes[i] as number] as number,
      )
    add(before, delay[i] as number)
    const minutes = corrected(columns, i, corrections)
    if (minutes === undefined) continue
    add(after, minutes)
    rowsAfter++
  }
  return {
    asTheyAre: { rows: number.length, checksum: before.sums },
    corrected: { rows: rowsAfter, checksum: after.sums },
    corrections,
  }
}
