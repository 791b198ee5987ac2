import { CsvError, Parser } from 'csv-parse'
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

interface RawRecord {
  readonly record: readonly string[]
  readonly raw: string
}

/** The records of a CSV file, the header too, in parts as they are read. InputError names the line of what is malformed. */
export async function* csvRecords(
  path: string,
  o: { delimiter: string; onProgress: ProgressListener },
): AsyncGenerator<readonly CsvRecord[]> {
  const parser = new Parser({ delimiter: o.delimiter, relax_column_count: true, raw: true, max_record_size: recordCharactersMax })
  let records: CsvRecord[] = []
  let line = 1
  let failure: Error | undefined
  parser.on('error', (error) => {
    failure ??= error
  })
  const drain = () => {
    for (let found = parser.read() as RawRecord | null; found !== null; found = parser.read() as RawRecord | null) {
      const { record, raw } = found
      // An empty line is no record: it would be one of a single empty field.
      if (record.length > 1 || record[0] !== '' || raw.includes('"')) records.push({ fields: withNulls(record, raw, o.delimiter), line })
      line += 1 + innerLines(record)
    }
  }
  parser.on('readable', drain)
  for await (const text of textOfFile(path, o.onProgress)) {
    const written = new Promise<void>((resolve) => parser.write(text, () => resolve()))
    drain()
    await written
    if (failure) break
    if (records.length > 0) yield records
    records = []
  }
  if (!failure) await new Promise<void>((resolve) => parser.once('close', resolve).end())
  if (failure) throw malformed(path, failure, line)
  if (records.length > 0) yield records
}

/** The fields with null for those that are empty and not quoted, which the parser does not tell apart. */
function withNulls(fields: readonly string[], raw: string, delimiter: string): readonly (string | null)[] {
  if (!fields.includes('')) return fields
  if (!raw.includes('""')) return fields.map((field) => (field === '' ? null : field))
  const quoted = quotedFields(raw, delimiter)
  return fields.map((field, i) => (field === '' && !quoted[i] ? null : field))
}

/** Which fields of a record, known to be well-formed, are quoted. */
function quotedFields(raw: string, delimiter: string): boolean[] {
  const quoted: boolean[] = []
  for (let at = 0; ; ) {
    const isQuoted = raw[at] === '"'
    quoted.push(isQuoted)
    if (isQuoted) {
      at++
      // A quote written twice stands for itself; a single one ends the field.
      while (at < raw.length && (raw[at] !== '"' || raw[at + 1] === '"')) at += raw[at] === '"' ? 2 : 1
    }
    const next = raw.indexOf(delimiter, at)
    if (next < 0) return quoted
    at = next + delimiter.length
  }
}

function innerLines(fields: readonly string[]): number {
  let lines = 0
  for (const field of fields) for (let at = field.indexOf('\n'); at >= 0; at = field.indexOf('\n', at + 1)) lines++
  return lines
}

function malformed(path: string, failure: Error, nextLine: number): Error {
  if (!(failure instanceof CsvError)) return failure
  // Where a quote is not closed, all that follows is one record: it begins on the line after the last whole one.
  const isOpen = failure.code === 'CSV_QUOTE_NOT_CLOSED' || failure.code === 'CSV_MAX_RECORD_SIZE'
  const line = isOpen ? nextLine : Number(failure['lines'] ?? nextLine)
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
