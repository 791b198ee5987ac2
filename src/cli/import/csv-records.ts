import { CsvError, type Options, parse } from 'csv-parse'
import { InputError } from './input-error.ts'
import type { ProgressListener } from './table-input.ts'
import { textOfFile } from './text-file.ts'

/** The fields of a record, null for one that is empty and not quoted; and the line that it begins on. */
export interface CsvRecord {
  readonly fields: readonly (string | null)[]
  readonly line: number
}

/** Longest record: bounds what an opening quote that is never closed can make us keep. */
const recordCharactersMax = 16 * 1024 * 1024

/** The records of a CSV file, the header too, in parts as they are read. InputError names the line of what is malformed. */
export async function* csvRecords(
  path: string,
  o: { delimiter: string; onProgress: ProgressListener },
): AsyncGenerator<readonly CsvRecord[]> {
  let records: CsvRecord[] = []
  let lastLine = 0
  const options: Options = {
    delimiter: o.delimiter,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: recordCharactersMax,
    cast: (value, context) => (value === '' && !context.quoting ? null : value),
    on_record: (record, { lines }) => {
      // The types do not know of `cast`.
      const fields = record as (string | null)[]
      records.push({ fields, line: lines - lastLine === 1 ? lines : lines - innerLines(fields) })
      lastLine = lines
      return null
    },
  }
  const parser = parse(options)
  let failure: Error | undefined
  parser.on('error', (error) => {
    failure ??= error
  })
  // Records are taken by on_record; the stream itself carries none, but must flow to end.
  parser.resume()
  for await (const text of textOfFile(path, o.onProgress)) {
    await new Promise<void>((resolve) => parser.write(text, () => resolve()))
    if (failure) break
    if (records.length > 0) yield records
    records = []
  }
  if (!failure) await new Promise<void>((resolve) => parser.on('close', resolve).end())
  if (failure) throw malformed(path, failure, lastLine)
  if (records.length > 0) yield records
}

function innerLines(fields: readonly (string | null)[]): number {
  let lines = 0
  for (const field of fields) for (let at = field?.indexOf('\n') ?? -1; field && at >= 0; at = field.indexOf('\n', at + 1)) lines++
  return lines
}

function malformed(path: string, failure: Error, lastLine: number): Error {
  if (!(failure instanceof CsvError)) return failure
  const line =
    failure.code === 'CSV_QUOTE_NOT_CLOSED' || failure.code === 'CSV_MAX_RECORD_SIZE'
      ? lastLine + 1
      : Number(failure['lines'] ?? lastLine + 1)
  return new InputError(`${path}, line ${line}: ${advice(failure)}`, { path, line }, failure)
}

function advice({ code, message }: CsvError): string {
  switch (code) {
    case 'CSV_QUOTE_NOT_CLOSED':
    case 'CSV_MAX_RECORD_SIZE':
      return 'a record begins here whose quote is not closed. Within quotes, write a quote twice ("").'
    case 'INVALID_OPENING_QUOTE':
      return 'a quote stands in the middle of a field. Put the whole field in quotes, and write inner quotes twice ("").'
    case 'CSV_INVALID_CLOSING_QUOTE':
      return 'something follows a closing quote other than a delimiter or the end of the line. Within quotes, write a quote twice ("").'
    default:
      return `${message.replace(/\.$/, '')}.`
  }
}
