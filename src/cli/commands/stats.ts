import type { Command } from 'commander'
import type { AnyTable, Database } from '../../engine/api.ts'
import { countText, decimalText, mebibytesText } from '../amounts.ts'
import { plainJson } from '../cell.ts'
import type { Cli, ExitCode } from '../cli.ts'
import { withDatabase } from '../database-target.ts'
import { columnsOf, typeText } from '../table-choice.ts'
import { textTable } from '../text-table.ts'
import { type CommonOptions, command, withTarget } from './command-options.ts'

interface StatsOptions extends CommonOptions {
  readonly table?: string
}

/** `varve stats`: how large each table is, and where. */
export function statsCommand(cli: Cli, done: (code: ExitCode) => void): Command {
  const made = command('stats', 'Show the size of each table; of one table, its columns too', [
    'stats',
    'stats --table flights',
    'stats --json',
  ]).option('-t, --table <name>', 'one table only')
  return withTarget(made).action(async (o: StatsOptions) => {
    await withDatabase(o, cli.environment.cwd, async (db) => {
      const tables = o.table === undefined ? db.tables().map(({ name }) => db.table(name)) : [db.table(o.table)]
      if (o.json) await cli.out.line(plainJson(tables.map(describe)))
      else await showTables(cli, db, tables, { withColumns: o.table !== undefined })
    })
    done(0)
  })
}

function describe(table: AnyTable) {
  return {
    table: table.name,
    columns: columnsOf(table).map(({ name, kind, nullable, key }) => ({ name, kind, nullable, key })),
    primaryKey: table.definition.primaryKey,
    ...table.stats(),
  }
}

async function showTables(cli: Cli, db: Database, tables: readonly AnyTable[], o: { withColumns: boolean }): Promise<void> {
  if (tables.length === 0) {
    await cli.out.line(`The database in ${db.directory} has no tables yet. Fill one with "varve import FILE --table NAME".`)
    return
  }
  const right = { align: 'right' as const }
  const columns = [
    { title: 'table' },
    { title: 'rows', ...right },
    { title: 'in memory', ...right },
    { title: 'memory MiB', ...right },
    { title: 'disk MiB', ...right },
    { title: 'bytes/row', ...right },
    { title: 'tablets', ...right },
    { title: 'rowsets', ...right },
    { title: 'height', ...right },
  ]
  const rows = tables.map((table) => {
    const { rows, memoryRows, memoryBytes, diskBytes, diskRows, tablets } = table.stats()
    const rowsets = tablets.reduce((sum, tablet) => sum + tablet.rowsets.length, 0)
    const height = Math.max(0, ...tablets.map((tablet) => tablet.height))
    const bytesPerRow = diskRows === 0 ? '–' : decimalText(diskBytes / diskRows, 1)
    return [
      table.name,
      countText(rows),
      countText(memoryRows),
      mebibytesText(memoryBytes),
      mebibytesText(diskBytes),
      bytesPerRow,
      countText(tablets.length),
      countText(rowsets),
      decimalText(height, 2),
    ]
  })
  await cli.out.line(textTable(columns, rows, cli.style))
  if (!o.withColumns) return
  await cli.out.line()
  const shown = tables.flatMap((table) => columnsOf(table).map((column) => [column.name, typeText(column), column.key ? 'key' : '']))
  await cli.out.line(textTable([{ title: 'column' }, { title: 'type (? takes nulls)' }, { title: '' }], shown, cli.style))
}
