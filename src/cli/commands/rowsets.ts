import { basename } from 'node:path'
import type { Command } from 'commander'
import { countText, mebibytesText } from '../amounts.ts'
import { plainJson } from '../cell.ts'
import type { Cli, ExitCode } from '../cli.ts'
import { withDatabase } from '../database-target.ts'
import { textTable } from '../text-table.ts'
import { type CommonOptions, command, withTarget } from './command-options.ts'

interface RowsetsOptions extends CommonOptions {
  readonly table?: string
}

const keyCharactersMax = 40

/** `varve rowsets`: the files of each table and the keys they span. */
export function rowsetsCommand(cli: Cli, done: (code: ExitCode) => void): Command {
  const made = command('rowsets', 'List the rowsets of each table: rows, size and range of keys', [
    'rowsets',
    'rowsets --table flights',
  ]).option('-t, --table <name>', 'one table only')
  return withTarget(made).action(async (o: RowsetsOptions) => {
    await withDatabase(o, cli.environment.cwd, async (db) => {
      const tables = o.table === undefined ? db.tables().map(({ name }) => db.table(name)) : [db.table(o.table)]
      const rowsets = tables.flatMap((table) =>
        table.stats().tablets.flatMap(({ tablet, rowsets }) => rowsets.map((rowset) => ({ table: table.name, tablet, ...rowset }))),
      )
      if (o.json) await cli.out.line(plainJson(rowsets))
      else if (rowsets.length === 0)
        await cli.out.line('There are no rowsets on disk: all rows are in memory and in the log, or there are none.')
      else {
        const right = { align: 'right' as const }
        const columns = [
          { title: 'table' },
          { title: 'tablet', ...right },
          { title: 'rowset', ...right },
          { title: 'file' },
          { title: 'rows', ...right },
          { title: 'MiB', ...right },
          { title: 'first key' },
          { title: 'last key' },
        ]
        const rows = rowsets.map((each) => [
          each.table,
          String(each.tablet),
          String(each.rowset),
          basename(each.path),
          countText(each.rows),
          mebibytesText(each.sizeBytes),
          shortKey(each.minKey),
          shortKey(each.maxKey),
        ])
        await cli.out.line(textTable(columns, rows, cli.style))
      }
    })
    done(0)
  })
}

function shortKey(json: string): string {
  return json.length > keyCharactersMax ? `${json.slice(0, keyCharactersMax - 1)}…` : json
}
