import type { Command } from 'commander'
import { didYouMean } from '../../base/suggest.ts'
import type { Cell } from '../cell.ts'
import { cellText } from '../cell.ts'
import type { Cli, ExitCode } from '../cli.ts'
import { withDatabase } from '../database-target.ts'
import { parseWholeKey } from '../key-input.ts'
import { ndjsonLine } from '../row-writer.ts'
import { chooseColumns, chooseTable, columnsOf } from '../table-choice.ts'
import { factsTable } from '../text-table.ts'
import { UsageError } from '../usage-error.ts'
import { type CommonOptions, command, nameList, withTarget } from './command-options.ts'
import { keyColumns } from './scan.ts'

interface GetOptions extends CommonOptions {
  readonly table?: string
  readonly columns?: string[]
}

/** `varve get`: the row of a key. */
export function getCommand(cli: Cli, done: (code: ExitCode) => void): Command {
  const made = command('get', 'Show the row of a key', [
    'get 42 --table flights',
    `get '["AAPL", "2010-03-01"]' --table stocks`,
    `get '{"symbol": "AAPL", "date": "2010-03-01"}' --table stocks --json`,
  ])
    .argument('<key>', 'the key: a value, or for more columns JSON, ["a", 1] or {"column": "a", …}')
    .option('-t, --table <name>', 'the table (default: the only one)')
    .option('-c, --columns <columns>', 'columns to show (default: all)', nameList)
  return withTarget(made).action(async (text: string, o: GetOptions) => {
    const code = await withDatabase(o, cli.environment.cwd, async (db): Promise<ExitCode> => {
      const table = chooseTable(db, o.table)
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
      const key = parseWholeKey(keyColumns(table, known), text, 'KEY')
      const row = (await table.get(key as never, { columns: columns.map(({ name }) => name) })) as Record<string, Cell> | undefined
      if (!row) {
        if (o.json) await cli.out.line('null')
        else await cli.err.line(`Table ${table.name} has no row with the key ${text}.`)
        return 1
      }
      const cells = columns.map(({ name }) => row[name] ?? null)
      if (o.json) await cli.out.line(ndjsonLine(columns)(cells))
      else
        await cli.out.line(
          factsTable(
            columns.map(({ name, kind }, i) => [name, cells[i] === null ? cli.style.dim('null') : cellText(kind, cells[i] ?? null)]),
            cli.style,
          ),
        )
      return 0
    })
    done(code)
  })
}
