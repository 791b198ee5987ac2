import { basename, resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { asError, throwIfAborted, VarveError } from '../../base/errors.ts'
import type { Database } from '../../engine/api.ts'
import { type DatabaseConfig, resolveConfig } from '../../kernel/config.ts'
import { open } from '../../open.ts'
import { countOf, countText, durationText } from '../amounts.ts'
import { plainJson } from '../cell.ts'
import type { Cli, ExitCode } from '../cli.ts'
import { targetConfig, using } from '../database-target.ts'
import { failureText, type ImportCount, importRows } from '../import/import-rows.ts'
import { openInput } from '../import/open-input.ts'
import type { InputFormat, TableInput } from '../import/table-input.ts'
import { type ImportTarget, importTarget, rowNumberColumn } from '../import/target-table.ts'
import { progressBar } from '../progress.ts'
import { columnsOf, typeText } from '../table-choice.ts'
import { type CommonOptions, command, nameList, wholeNumber, withTarget } from './command-options.ts'

interface ImportOptions extends CommonOptions {
  readonly table: string
  readonly key?: string[]
  readonly columns?: string[]
  readonly format?: InputFormat
  readonly delimiter?: string
  readonly skip: number
  readonly inferRows?: number
}

/** Rows in a batch: what an error in the middle of a file takes back at most. */
const batchRowsMax = 32_768
const batchBytesMax = 8 * 1024 * 1024

/** `varve import`: rows of a file into a table. */
export function importCommand(cli: Cli, done: (code: ExitCode) => void): Command {
  const made = command('import', 'Import a CSV, NDJSON or Parquet file into a table', [
    'import flights.parquet --table flights',
    'import stocks.csv --table stocks --key symbol,date',
    'import events.ndjson --table events --key id --directory ./data',
  ])
    .argument('<file>', 'the file; its name tells the format (.csv .tsv .ndjson .jsonl .parquet)')
    .requiredOption('-t, --table <name>', 'the table; made to fit the file if it is missing')
    .option('-k, --key <columns>', `columns of a new table's key (default: a row number, ${rowNumberColumn})`, nameList)
    .option('--columns <columns>', 'columns of the file to import (default: all)', nameList)
    .addOption(new Option('--format <format>', 'what the file is').choices(['csv', 'ndjson', 'parquet']))
    .option('--delimiter <text>', 'what separates the fields of a CSV file (default: a comma; a tab in .tsv)')
    .option('--skip <rows>', 'rows at the beginning to leave out, e.g. because they are imported already', wholeNumber, 0)
    .option('--infer-rows <rows>', 'rows to look at for the types of a new table (default: all)', wholeNumber)
  return withTarget(made).action(async (file: string, o: ImportOptions) => {
    const path = resolve(cli.environment.cwd, file)
    const delimiter = o.delimiter === '\\t' ? '\t' : o.delimiter
    const input = await openInput(path, { format: o.format, delimiter, columns: o.columns })
    const config = await targetConfig(o, cli.environment.cwd)
    const db = await open(config)
    await using(db, (opened) => importInto(cli, { db: opened, config, input, path, options: o }), { flush: true })
    done(0)
  })
}

interface Import {
  readonly db: Database
  readonly config: DatabaseConfig
  readonly input: TableInput
  readonly path: string
  readonly options: ImportOptions
}

async function importInto(cli: Cli, o: Import): Promise<void> {
  const beganMs = performance.now()
  const count: ImportCount = { rows: 0 }
  let target: ImportTarget | undefined
  try {
    target = await findTarget(cli, o)
    await importAll(cli, o, target, count)
  } catch (error) {
    throw await withOutcome(error, o, target, count)
  }
  await report(cli, { ...o, target, rows: count.rows, durationMs: performance.now() - beganMs })
}

async function findTarget(cli: Cli, { db, input, path, options }: Import): Promise<ImportTarget> {
  const bar = progressBar(cli.environment, {
    title: 'Looking at types',
    unit: input.unit,
    total: input.total,
    quiet: options.json === true,
  })
  try {
    const { table, key, columns, inferRows = Number.POSITIVE_INFINITY } = options
    const onProgress = (at: number) => {
      // Nothing has been made or written yet: an interrupt may end the look at any place.
      throwIfAborted(cli.environment.signal)
      bar.update(at)
    }
    return await importTarget({ db, input, path, table, key, columns, sampleRows: inferRows, onProgress })
  } finally {
    bar.stop()
  }
}

async function importAll(cli: Cli, { config, input, path, options }: Import, target: ImportTarget, count: ImportCount): Promise<void> {
  const bar = progressBar(cli.environment, {
    title: `Importing ${basename(path)}`,
    unit: input.unit,
    total: input.total,
    quiet: options.json === true,
  })
  const note = (rows: number) => (input.unit === 'bytes' ? countOf(rows, 'row') : '')
  // A call is atomic up to a quarter of the memory limit; strings may take three times their length.
  const bytesMax = Math.min(batchBytesMax, Math.floor(resolveConfig(config).memory.limitBytes / 16))
  const rowsMax = Math.max(1, Math.min(batchRowsMax, Math.floor(bytesMax / (8 * (target.columns.length + 1)))))
  try {
    const { signal } = cli.environment
    const onProgress = (at: number, rows: number) => {
      // Also while rows are skipped, when no batch comes that could be the last.
      throwIfAborted(signal)
      bar.update(at, note(rows))
    }
    await importRows({ path, input, target, signal, skipRows: options.skip, rowsMax, bytesMax, onProgress }, count)
  } finally {
    bar.stop()
  }
}

/** The error with what became of the rows; a table that was made for them and stays empty goes again. */
async function withOutcome(thrown: unknown, { db, options }: Import, target: ImportTarget | undefined, count: ImportCount): Promise<Error> {
  const error = asError(thrown)
  // What goes wrong before there is a table says so by itself; an interrupt does not.
  if (!target && !(error instanceof VarveError && error.code === 'ABORTED')) return error
  const drop = target?.created === true && count.rows === 0
  if (drop) await db.dropTable(options.table).catch(() => undefined)
  const outcome = failureText(count, { skipRows: options.skip, dropped: drop, table: options.table })
  const message = `${error.message}${/[.!?]$/.test(error.message) ? '' : '.'} ${outcome}`
  if (error instanceof VarveError)
    return new VarveError(error.code, message, { context: { ...error.context, imported: count.rows }, cause: error })
  return Object.assign(error, { message })
}

async function report(cli: Cli, o: Import & { target: ImportTarget; rows: number; durationMs: number }): Promise<void> {
  const { target, input, rows, durationMs, path } = o
  const { table, created } = target
  const columns = columnsOf(table)
  const roundedToMs = Object.fromEntries(input.roundedToMs)
  if (o.options.json) {
    await cli.out.line(
      plainJson({
        table: table.name,
        created,
        rows,
        durationMs: Math.round(durationMs),
        columns: columns.map(({ name, kind, nullable, key }) => ({ name, kind, nullable, key })),
        roundedToMs,
      }),
    )
    return
  }
  if (created) {
    const text = columns.map((column) => `${column.name} ${typeText(column)}${column.key ? ' key' : ''}`).join(', ')
    await cli.out.line(`Created table ${table.name}: ${text}.`)
    if (target.firstRowNumber !== undefined)
      await cli.out.line(`No --key was given, so ${rowNumberColumn} was added as the key: the number of the row in the file, from 1.`)
  } else if (target.firstRowNumber !== undefined && rows > 0) {
    await cli.out.line(`${rowNumberColumn} goes on after the last row of the table, with ${countText(target.firstRowNumber)}.`)
  }
  for (const [name, values] of Object.entries(roundedToMs)) {
    await cli.out.line(
      `Note: ${countOf(values, 'value')} of ${name} had fractions of a millisecond, which a timestamp does not keep: rounded down.`,
    )
  }
  const rate = rows >= 100_000 && durationMs > 0 ? `, ${countText(Math.round(rows / (durationMs / 1000)))} rows/s` : ''
  await cli.out.line(`Imported ${countOf(rows, 'row')} of ${basename(path)} into ${table.name} in ${durationText(durationMs)}${rate}.`)
}
