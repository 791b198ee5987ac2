import { extname } from 'node:path'
import { UsageError } from '../usage-error.ts'
import { CsvInput } from './csv-input.ts'
import { NdjsonInput } from './ndjson-input.ts'
import { ParquetInput } from './parquet-input.ts'
import type { InputFormat, TableInput } from './table-input.ts'

const formats: Readonly<Record<string, InputFormat>> = {
  '.csv': 'csv',
  '.tsv': 'csv',
  '.ndjson': 'ndjson',
  '.jsonl': 'ndjson',
  '.json': 'ndjson',
  '.parquet': 'parquet',
  '.pq': 'parquet',
}

/** Opens a file as what its name, or `format`, says. UsageError if neither tells. */
export function openInput(
  path: string,
  o: { format: InputFormat | undefined; delimiter: string | undefined; columns: readonly string[] | undefined },
): Promise<TableInput> {
  const extension = extname(path).toLowerCase()
  const format = o.format ?? formats[extension]
  if (format === undefined)
    throw new UsageError(
      `What is ${path}? Its name ends in none of ${Object.keys(formats).join(', ')}; give --format csv, ndjson or parquet.`,
    )
  if (o.delimiter !== undefined && format !== 'csv') throw new UsageError('--delimiter is for CSV files.')
  if (o.delimiter !== undefined && !/^[^"\r\n]+$/.test(o.delimiter))
    throw new UsageError('--delimiter is one or more characters, none of them a quote or a line break.')
  if (format === 'csv') return CsvInput.open(path, o.delimiter ?? (extension === '.tsv' ? '\t' : ','))
  return format === 'ndjson' ? NdjsonInput.open(path, o.columns) : ParquetInput.open(path)
}
