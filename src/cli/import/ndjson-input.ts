import { basename } from 'node:path'
import { asError } from '../../base/errors.ts'
import { didYouMean } from '../../base/suggest.ts'
import { parseExactJson } from '../exact-json.ts'
import { valueOfJson } from '../value-input.ts'
import { BatchBuilder } from './batch-builder.ts'
import { InputError } from './input-error.ts'
import type { BatchOptions, InputBatch, InputColumn, ProgressListener, TableInput, TargetColumn } from './table-input.ts'
import { fileBytes, textOfFile } from './text-file.ts'
import { TypeGuess } from './type-guess.ts'
import { misfitError, rowError } from './value-error.ts'

const lineCharactersMax = 16 * 1024 * 1024

type JsonRow = Readonly<Record<string, unknown>>

/** A file with one JSON object a line. A property that a row lacks is null, or the column's default. */
export class NdjsonInput implements TableInput {
  readonly format = 'ndjson'
  readonly unit = 'bytes'
  readonly names = undefined
  #firstNames: readonly string[] = []
  readonly total: number
  readonly roundedToMs: ReadonlyMap<string, number> = new Map()
  readonly #path: string
  /** Properties of the file to take; undefined: all of them, and each must be a column. */
  readonly #wanted: ReadonlySet<string> | undefined

  private constructor(path: string, total: number, wanted: ReadonlySet<string> | undefined) {
    this.#path = path
    this.total = total
    this.#wanted = wanted
  }

  static async open(path: string, wanted: readonly string[] | undefined): Promise<NdjsonInput> {
    const input = new NdjsonInput(path, await fileBytes(path), wanted && new Set(wanted))
    for await (const { row } of input.#rows(0, () => undefined)) {
      input.#firstNames = Object.keys(row)
      break
    }
    return input
  }

  get firstNames(): readonly string[] {
    return this.#firstNames
  }

  async describe(o: { sampleRows: number; onProgress: ProgressListener }): Promise<InputColumn[]> {
    const guesses = new Map<string, TypeGuess>()
    let left = o.sampleRows
    for await (const { row } of this.#rows(0, o.onProgress)) {
      if (left-- <= 0) break
      for (const name of Object.keys(row)) {
        if (this.#wanted?.has(name) === false) continue
        const guess = guesses.get(name) ?? new TypeGuess()
        guesses.set(name, guess)
        const value = row[name]
        if (value !== null) guess.sawJson(value)
      }
    }
    return [...guesses].map(([name, guess]) => ({ name, nullable: true, ...guess.result() }))
  }

  async *batches(columns: readonly TargetColumn[], o: BatchOptions & { onProgress: ProgressListener }): AsyncGenerator<InputBatch> {
    const path = basename(this.#path)
    const known = new Set(columns.map(({ name }) => name))
    const builder = new BatchBuilder(path, columns, o)
    for await (const { row, line } of this.#rows(o.skipRows, o.onProgress)) {
      for (let i = 0; i < columns.length; i++) {
        const { kind, name } = columns[i] as TargetColumn
        const value = Object.hasOwn(row, name) ? row[name] : undefined
        if (value === null || value === undefined) {
          builder.putMissing(i, line, { absent: value === undefined })
          continue
        }
        const fits = valueOfJson(kind, value)
        if (fits === undefined) throw misfitError({ path, row: builder.row, line, column: name }, kind, value)
        builder.put(i, fits)
      }
      for (const name in row) {
        if (known.has(name) || this.#wanted?.has(name) === false) continue
        const problem = `the table has no column ${JSON.stringify(name)}; it has ${[...known].join(', ')}.${didYouMean(name, known)} --columns chooses what to take.`
        throw rowError({ path, row: builder.row, line, column: name }, problem)
      }
      builder.endRow(line)
      if (builder.isFull) yield builder.take()
    }
    if (builder.rowCount > 0) yield builder.take()
  }

  async *#rows(skip: number, onProgress: ProgressListener): AsyncGenerator<{ row: JsonRow; line: number }> {
    let seen = 0
    let line = 0
    for await (const text of this.#lines(onProgress)) {
      line++
      if (/^\s*$/.test(text)) continue
      seen++
      if (seen > skip) yield { row: this.#parse(text, line), line }
    }
  }

  #parse(text: string, line: number): JsonRow {
    let value: unknown
    try {
      value = parseExactJson(text)
    } catch (cause) {
      const array =
        line === 1 && text.trim().startsWith('[')
          ? ' The file looks like one JSON array; write one object a line, e.g. with jq -c ".[]".'
          : ''
      throw new InputError(
        `${this.#path}, line ${line}: not valid JSON: ${asError(cause).message}.${array}`,
        { path: this.#path, line },
        cause,
      )
    }
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonRow
    const what = Array.isArray(value) ? 'an array' : value === null ? 'null' : `a ${typeof value}`
    const advice = Array.isArray(value) ? ' A JSON array becomes lines with jq -c ".[]".' : ''
    throw new InputError(`${this.#path}, line ${line}: every line should be a JSON object, this one is ${what}.${advice}`, {
      path: this.#path,
      line,
    })
  }

  async *#lines(onProgress: ProgressListener): AsyncGenerator<string> {
    let rest = ''
    let line = 0
    for await (const text of textOfFile(this.#path, onProgress)) {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      line += lines.length
      yield* lines
      if (rest.length <= lineCharactersMax) continue
      throw new InputError(`${this.#path}, line ${line + 1}: the line is longer than 16 Mi characters. Write one JSON object a line.`, {
        path: this.#path,
        line: line + 1,
      })
    }
    if (rest !== '') yield rest
  }
}
