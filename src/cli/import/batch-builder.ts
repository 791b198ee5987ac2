import { type ColumnCollector, columnCollector } from './column-collector.ts'
import type { BatchOptions, InputBatch, TargetColumn } from './table-input.ts'
import { missingError } from './value-error.ts'

/** Gathers rows into a batch until it has enough of them. */
export class BatchBuilder {
  readonly #path: string
  readonly #columns: readonly TargetColumn[]
  readonly #options: BatchOptions
  #collectors: ColumnCollector[] = []
  #lines: number[] = []
  #rowCount = 0
  #firstRow: number

  constructor(path: string, columns: readonly TargetColumn[], options: BatchOptions) {
    this.#path = path
    this.#columns = columns
    this.#options = options
    this.#firstRow = options.skipRows + 1
    this.#begin()
  }

  get rowCount(): number {
    return this.#rowCount
  }

  get isFull(): boolean {
    if (this.#rowCount >= this.#options.rowsMax) return true
    if ((this.#rowCount & 63) !== 0 || this.#rowCount === 0) return false
    let sizeBytes = 0
    for (const [i, { sizeBytes: held }] of this.#collectors.entries())
      sizeBytes += this.#columns[i]?.kind === 'string' || this.#columns[i]?.kind === 'binary' ? held : 8 * this.#rowCount
    return sizeBytes >= this.#options.bytesMax
  }

  /** Number in the file of the row that is being gathered. */
  get row(): number {
    return this.#firstRow + this.#rowCount
  }

  put(column: number, value: boolean | number | bigint | string | Uint8Array): void {
    ;(this.#collectors[column] as ColumnCollector).put(this.#rowCount, value)
  }

  /** The row has no value for the column: if absent, the column's default is taken, else null. INVALID_VALUE if there is none, or it takes no null. */
  putMissing(column: number, line: number | undefined, o: { absent: boolean }): void {
    const { name, nullable, fallback } = this.#columns[column] as TargetColumn
    const value = o.absent ? fallback : nullable ? null : undefined
    if (value === undefined) throw missingError({ path: this.#path, row: this.row, line, column: name })
    if (value === null) (this.#collectors[column] as ColumnCollector).putNull(this.#rowCount)
    else this.put(column, value)
  }

  endRow(line: number): void {
    this.#lines.push(line)
    this.#rowCount++
  }

  /** The batch, and the beginning of the next. */
  take(): InputBatch {
    const lines = this.#lines
    const rowCount = this.#rowCount
    const columns: Record<string, unknown> = {}
    for (const [i, { name }] of this.#columns.entries()) columns[name] = (this.#collectors[i] as ColumnCollector).finish(rowCount)
    const batch = { firstRow: this.#firstRow, rowCount, columns, lineOf: (index: number) => lines[index] }
    this.#firstRow += rowCount
    this.#begin()
    return batch
  }

  #begin(): void {
    this.#rowCount = 0
    this.#lines = []
    this.#collectors = this.#columns.map(({ kind }) => columnCollector(kind, this.#options.rowsMax))
  }
}
