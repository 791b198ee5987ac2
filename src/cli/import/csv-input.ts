import { basename } from 'node:path'
import { valueOfText } from '../value-input.ts'
import { BatchBuilder } from './batch-builder.ts'
import { csvRecords } from './csv-records.ts'
import { InputError } from './input-error.ts'
import type { BatchOptions, InputBatch, InputColumn, ProgressListener, TableInput, TargetColumn } from './table-input.ts'
import { fileBytes } from './text-file.ts'
import { TypeGuess } from './type-guess.ts'
import { misfitError, rowError } from './value-error.ts'

/**
 * A CSV file whose first record names the columns. An empty field is null, or, in a string column that takes none, an
 * empty string; `""` is always an empty string.
 */
export class CsvInput implements TableInput {
  readonly format = 'csv'
  readonly unit = 'bytes'
  readonly total: number
  readonly names: readonly string[]
  readonly firstNames: readonly string[]
  readonly roundedToMs: ReadonlyMap<string, number> = new Map()
  readonly #path: string
  readonly #delimiter: string

  private constructor(path: string, o: { delimiter: string; total: number; names: readonly string[] }) {
    this.#path = path
    this.#delimiter = o.delimiter
    this.total = o.total
    this.names = o.names
    this.firstNames = o.names
  }

  /** Reads the header. */
  static async open(path: string, delimiter: string): Promise<CsvInput> {
    const total = await fileBytes(path)
    for await (const [header] of csvRecords(path, { delimiter, onProgress: () => undefined })) {
      if (header) return new CsvInput(path, { delimiter, total, names: headerNames(path, header.fields) })
    }
    throw new InputError(`${path} is empty: its first line should name the columns.`, { path, line: 1 })
  }

  async describe(o: { sampleRows: number; onProgress: ProgressListener }): Promise<InputColumn[]> {
    const guesses = this.names.map(() => new TypeGuess())
    let left = o.sampleRows
    for await (const { fields } of this.#rows(0, o.onProgress)) {
      if (left-- <= 0) break
      for (let i = 0; i < fields.length; i++) {
        const field = fields[i]
        if (field !== null && field !== undefined) guesses[i]?.sawText(field)
      }
    }
    return this.names.map((name, i) => ({ name, nullable: true, ...(guesses[i] as TypeGuess).result() }))
  }

  async *batches(columns: readonly TargetColumn[], o: BatchOptions & { onProgress: ProgressListener }): AsyncGenerator<InputBatch> {
    const path = basename(this.#path)
    const places = columns.map(({ name }) => this.names.indexOf(name))
    const builder = new BatchBuilder(path, columns, o)
    for await (const { fields, line } of this.#rows(o.skipRows, o.onProgress)) {
      for (let i = 0; i < columns.length; i++) {
        const { kind, name, nullable } = columns[i] as TargetColumn
        const field = fields[places[i] as number]
        if (field === null || field === undefined) {
          if (kind === 'string' && !nullable) builder.put(i, '')
          else builder.putMissing(i, line, { absent: !nullable })
          continue
        }
        const value = valueOfText(kind, field)
        if (value === undefined) throw misfitError({ path, row: builder.row, line, column: name }, kind, field)
        builder.put(i, value)
      }
      builder.endRow(line)
      if (builder.isFull) yield builder.take()
    }
    if (builder.rowCount > 0) yield builder.take()
  }

  /** The records behind the header, each of the header's length. */
  async *#rows(skip: number, onProgress: ProgressListener) {
    let row = 0
    let sawHeader = false
    for await (const records of csvRecords(this.#path, { delimiter: this.#delimiter, onProgress })) {
      for (const record of records) {
        if (!sawHeader) {
          sawHeader = true
          continue
        }
        row++
        if (row <= skip) continue
        if (record.fields.length !== this.names.length) {
          const problem = `it has ${record.fields.length} fields, the header has ${this.names.length}. Check its quotes and delimiters.`
          throw rowError({ path: basename(this.#path), row, line: record.line }, problem)
        }
        yield record
      }
    }
  }
}

function headerNames(path: string, fields: readonly (string | null)[]): string[] {
  const names = fields.map((field) => (field ?? '').trim())
  const nameless = names.indexOf('')
  if (nameless >= 0)
    throw new InputError(
      `${path}, line 1: column ${nameless + 1} of ${names.length} has no name. The first line should name every column.`,
      { path, line: 1 },
    )
  const other = names.length === 1 ? [';', '\t', '|'].find((delimiter) => names[0]?.includes(delimiter)) : undefined
  if (other !== undefined)
    throw new InputError(
      `${path}, line 1: there is one column, called ${JSON.stringify(names[0])}. Its fields seem to be separated otherwise: give --delimiter ${JSON.stringify(other)}.`,
      { path, line: 1 },
    )
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw new InputError(`${path}, line 1: two columns are called ${twice}. Rename one of them.`, { path, line: 1 })
  return names
}
