import { basename } from 'node:path'
import { throwIfAborted, VarveError } from '../../base/errors.ts'
import type { AnyTable } from '../../engine/api.ts'
import { countText } from '../amounts.ts'
import { type Cell, cellText } from '../cell.ts'
import type { BatchOptions, InputBatch, TableInput } from './table-input.ts'
import { type ImportTarget, rowNumberColumn } from './target-table.ts'
import { placeText } from './value-error.ts'

export interface ImportRequest extends BatchOptions {
  readonly path: string
  readonly input: TableInput
  readonly target: ImportTarget
  readonly signal: AbortSignal | undefined
  onProgress(done: number, rows: number): void
}

/** How far an import came; filled while it runs, so that it tells of one that failed too. */
export interface ImportCount {
  rows: number
}

/**
 * Inserts the file's rows, batch by batch, each all or nothing. While a batch is written the next is read. An error
 * names the row of the file; `count` then says how many rows before it are in the table.
 */
export async function importRows(o: ImportRequest, count: ImportCount): Promise<void> {
  let writing: { readonly done: Promise<number>; readonly batch: InputBatch } | undefined
  const finish = async () => {
    if (!writing) return
    const { done, batch } = writing
    writing = undefined
    try {
      count.rows += await done
    } catch (error) {
      throw ofFile(error, batch, o)
    }
  }
  try {
    for await (const batch of o.input.batches(o.target.columns, { ...o, onProgress: (done) => o.onProgress(done, count.rows) })) {
      await finish()
      throwIfAborted(o.signal)
      const done = insert(o.target, batch, o.skipRows)
      // Looked at by finish(); a failure must not count as unhandled before.
      done.catch(() => undefined)
      writing = { done, batch }
    }
  } finally {
    await finish()
  }
}

function insert({ table, firstRowNumber }: ImportTarget, batch: InputBatch, skipRows: number): Promise<number> {
  const given =
    firstRowNumber === undefined
      ? batch.columns
      : { [rowNumberColumn]: rowNumbers(firstRowNumber + batch.firstRow - 1 - skipRows, batch.rowCount), ...batch.columns }
  return (table as AnyTable).insertColumns(given as never)
}

function rowNumbers(from: number, count: number): Float64Array {
  const numbers = new Float64Array(count)
  for (let i = 0; i < count; i++) numbers[i] = from + i
  return numbers
}

/** An error of the engine, told of the file's rows instead of the batch's. */
function ofFile(error: unknown, batch: InputBatch, { path, target }: ImportRequest): unknown {
  if (!(error instanceof VarveError)) return error
  const { rowIndex, column, key } = error.context
  if (typeof rowIndex !== 'number') return error
  const named = typeof column === 'string' ? column : undefined
  const row = batch.firstRow + rowIndex
  const place = { path: basename(path), row, line: batch.lineOf(rowIndex), column: named }
  const context = { ...error.context, path, row, line: place.line }
  if (error.code === 'KEY_EXISTS') {
    const kindOf = (name: string) => target.columns.find((each) => each.name === name)?.kind ?? 'int64'
    const shown = Object.entries(key as Record<string, Cell>).map(([name, value]) => `${name} = ${cellText(kindOf(name), value)}`)
    const message = `${placeText(place)}: the key ${shown.join(', ')} is there already, in table ${target.table.name} or in a row of the file just before.`
    return new VarveError(error.code, message, { context, cause: error })
  }
  const problem = error.message.startsWith(`${target.table.name}.${named}, row ${rowIndex}: `)
    ? error.message.slice(error.message.indexOf(': ') + 2)
    : error.message
  return new VarveError(error.code, `${placeText(place)}: ${problem}`, { context, cause: error })
}

/** What became of the rows of an import that failed. */
export function failureText(count: ImportCount, o: { skipRows: number; dropped: boolean; table: string }): string {
  if (count.rows > 0)
    return `${countText(count.rows)} rows were imported before, whole batches of them; nothing after them was applied. To go on from there, add --skip ${o.skipRows + count.rows}.`
  return o.dropped ? `Nothing was imported, and table ${o.table} was not created.` : 'Nothing was imported.'
}
