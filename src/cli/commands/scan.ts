import { type Command, Option } from 'commander'
import { didYouMean } from '../../base/suggest.ts'
import type { AnyTable } from '../../engine/api.ts'
import type { Cell } from '../cell.ts'
import type { Cli, ExitCode } from '../cli.ts'
import { withDatabase } from '../database-target.ts'
import { parseKey } from '../key-input.ts'
import { type RowFormat, rowWriter } from '../row-writer.ts'
import { chooseColumns, chooseTable, columnsOf, type KnownColumn } from '../table-choice.ts'
import { UsageError } from '../usage-error.ts'
import { parseWhere } from '../where/parse-where.ts'
import { type CommonOptions, command, nameList, wholeNumber, withTarget } from './command-options.ts'

const bounds = ['prefix', 'gte', 'gt', 'lte', 'lt'] as const

interface ScanCommandOptions extends CommonOptions, Partial<Record<(typeof bounds)[number], string>> {
  readonly table?: string
  readonly columns?: string[]
  readonly where?: string
  readonly order?: 'key' | 'any'
  readonly reverse?: boolean
  readonly limit?: number
  readonly csv?: boolean
}

/** Rows of a table shown when nobody says how many. */
const shownRows = 100

/** `varve scan`: rows of a table. */
export function scanCommand(cli: Cli, done: (code: ExitCode) => void): Command {
  const made = command('scan', 'Show rows of a table', [
    `scan --table flights --where "origin = SFO and delay > 60" --limit 10`,
    `scan --table stocks --columns date,price --prefix '["AAPL"]' --order key --csv > aapl.csv`,
    'scan --table flights --json | head',
  ])
    .option('-t, --table <name>', 'the table (default: the only one)')
    .option('-c, --columns <columns>', 'columns to show (default: all)', nameList)
    .option(
      '-w, --where <condition>',
      'rows to show, e.g. "price > 5 and name starts with \'A\'"; = != < <= > >=, between … and …, in (…), starts with, is [not] null, and, or, not, ( )',
    )
    .option('--prefix <key>', 'rows whose key begins with this: a value, or JSON ["a", 1] or {"column": "a"}')
    .option('--gte <key>', 'rows from this key on')
    .option('--gt <key>', 'rows after this key')
    .option('--lte <key>', 'rows up to this key')
    .option('--lt <key>', 'rows before this key')
    .addOption(new Option('--order <order>', 'key: in key order; any: as they are stored, which is faster').choices(['key', 'any']))
    .option('-r, --reverse', 'in descending key order')
    .option('-l, --limit <rows>', `rows at most (default: ${shownRows} in a table; all with --json and --csv)`, wholeNumber)
    .addOption(new Option('--csv', 'write CSV').conflicts('json'))
  return withTarget(made).action(async (o: ScanCommandOptions) => {
    await withDatabase(o, cli.environment.cwd, (db) => scan(cli, chooseTable(db, o.table), o))
    done(0)
  })
}

async function scan(cli: Cli, table: AnyTable, o: ScanCommandOptions): Promise<void> {
  const known = columnsOf(table)
  const names = known.map(({ name }) => name)
  const columns = chooseColumns(
    known,
    o.columns,
    (name) =>
      new UsageError(
        `--columns names "${name}", which table ${table.name} does not have; it has ${names.join(', ')}.${didYouMean(name, names)}`,
      ),
  )
  if (o.reverse && o.order === 'any') throw new UsageError('--reverse goes by key order; leave --order any out.')
  const format: RowFormat = o.json ? 'json' : o.csv ? 'csv' : 'table'
  const limit = o.limit ?? (format === 'table' ? shownRows : undefined)
  const request = {
    columns: columns.map(({ name }) => name),
    ...(o.where !== undefined && { where: parseWhere(o.where, known) }),
    ...keyBounds(table, known, o),
    ...(o.order && { order: o.order }),
    ...(o.reverse && { reverse: true }),
    // One more tells whether there are more.
    ...(limit !== undefined && { limit: limit + (o.limit === undefined ? 1 : 0) }),
    ...(cli.environment.signal && { signal: cli.environment.signal }),
  }
  await writeRows(cli, table, { request, columns, format, limit })
}

async function writeRows(
  cli: Cli,
  table: AnyTable,
  o: { request: object; columns: readonly KnownColumn[]; format: RowFormat; limit: number | undefined },
): Promise<void> {
  const writer = rowWriter(cli, o.format, o.columns)
  let left = o.limit ?? Number.POSITIVE_INFINITY
  let more = false
  scanning: for await (const batch of table.scan(o.request).batches()) {
    const { rowCount, selection } = batch
    const columns = o.columns.map(({ name }) => batch.column(name))
    const count = selection?.length ?? rowCount
    for (let i = 0; i < count; i++) {
      more = left-- <= 0
      if (more) break scanning
      const row = selection ? (selection[i] as number) : i
      await writer.write(columns.map((each) => each.get(row)))
    }
  }
  await writer.end({ more })
}

function keyBounds(table: AnyTable, known: readonly KnownColumn[], o: ScanCommandOptions): Record<string, Record<string, Cell> | Cell> {
  const key = keyColumns(table, known)
  if (o.gte !== undefined && o.gt !== undefined) throw new UsageError('Give either --gte or --gt, not both.')
  if (o.lte !== undefined && o.lt !== undefined) throw new UsageError('Give either --lte or --lt, not both.')
  const given: Record<string, Record<string, Cell> | Cell> = {}
  for (const bound of bounds) if (o[bound] !== undefined) given[bound] = parseKey(key, o[bound], `--${bound}`)
  return given
}

/** The columns of a table's key, in key order. */
export function keyColumns(table: AnyTable, known: readonly KnownColumn[]): KnownColumn[] {
  const names: readonly string[] = table.definition.primaryKey
  return names.flatMap((name) => known.filter((column) => column.name === name))
}
