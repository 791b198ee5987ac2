import { writeFile } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import type { Command } from 'commander'
import type { AnyTable } from '../../engine/api.ts'
import type { RowSetStats, TabletStats } from '../../engine/metrics.ts'
import { rowsetPicture } from '../../engine/rowset-picture.ts'
import { countOf, countText, decimalText, mebibytesText } from '../amounts.ts'
import { plainJson } from '../cell.ts'
import type { Cli, ExitCode } from '../cli.ts'
import { withDatabase } from '../database-target.ts'
import { chooseTable } from '../table-choice.ts'
import { textTable } from '../text-table.ts'
import { type CommonOptions, command, withTarget } from './command-options.ts'

interface RowsetsOptions extends CommonOptions {
  readonly table?: string
  readonly svg?: string
}

interface ListedRowSet extends RowSetStats {
  readonly table: string
  readonly tablet: number
}

const keyCharactersMax = 40

/** `varve rowsets`: the rowsets of each table, the keys that they span and the changes on top of them; one table's also as a picture. */
export function rowsetsCommand(cli: Cli, done: (code: ExitCode) => void): Command {
  const made = command('rowsets', 'List the rowsets of each table: rows, size, range of keys, changes', [
    'rowsets',
    'rowsets --table flights --svg flights.svg',
  ])
    .option('-t, --table <name>', 'one table only')
    .option('--svg <file>', 'draw the rowsets of one table to this file instead, which is replaced')
  return withTarget(made).action(async (o: RowsetsOptions) => {
    await withDatabase(o, cli.environment.cwd, async (db) => {
      if (o.svg !== undefined) return writePicture(cli, chooseTable(db, o.table), o.svg, o.json === true)
      const tables = o.table === undefined ? db.tables().map(({ name }) => db.table(name)) : [db.table(o.table)]
      const tablets = tables.flatMap((table) => table.stats().tablets.map((tablet) => ({ table: table.name, ...tablet })))
      const rowsets = tablets.flatMap(({ table, tablet, rowsets }) => rowsets.map((rowset) => ({ table, tablet, ...rowset })))
      if (o.json) await cli.out.line(plainJson(rowsets))
      else if (rowsets.length === 0)
        await cli.out.line('There are no rowsets on disk: all rows are in memory and in the log, or there are none.')
      else {
        await cli.out.line(rowsetTable(cli, rowsets))
        await cli.out.line()
        for (const tablet of tablets) if (tablet.rowsets.length > 0) await cli.out.line(heightText(tablet))
      }
    })
    done(0)
  })
}

async function writePicture(cli: Cli, table: AnyTable, file: string, json: boolean): Promise<void> {
  const stats = table.stats()
  const path = resolve(cli.environment.cwd, file)
  await writeFile(path, rowsetPicture(stats, { title: `Rowsets of ${table.name}` }))
  const rowsets = stats.tablets.reduce((sum, tablet) => sum + tablet.rowsets.length, 0)
  if (json) await cli.out.line(plainJson({ table: table.name, svg: path, rowsets }))
  else await cli.out.line(`Wrote a picture of ${countOf(rowsets, 'rowset')} of ${table.name} to ${file}.`)
}

function heightText({ table, tablet, rowsets, height }: TabletStats & { readonly table: string }): string {
  return `${table}/${tablet}: ${countOf(rowsets.length, 'rowset')}, average height ${decimalText(height, 2)}`
}

function rowsetTable(cli: Cli, rowsets: readonly ListedRowSet[]): string {
  const right = { align: 'right' as const }
  const columns = [
    { title: 'table' },
    { title: 'tablet', ...right },
    { title: 'rowset', ...right },
    { title: 'file' },
    { title: 'rows', ...right },
    { title: 'MiB', ...right },
    { title: 'redo', ...right },
    { title: 'undo', ...right },
    { title: 'in memory', ...right },
    { title: 'first key' },
    { title: 'last key' },
  ]
  const rows = rowsets.map(({ table, tablet, rowset, path, rows, sizeBytes, deltas, minKey, maxKey }) => [
    table,
    String(tablet),
    String(rowset),
    basename(path),
    countText(rows),
    mebibytesText(sizeBytes),
    changesText(deltas.redo),
    changesText(deltas.undo),
    deltas.memory.changes === 0 ? '–' : countText(deltas.memory.changes),
    shortKey(minKey),
    shortKey(maxKey),
  ])
  return textTable(columns, rows, cli.style)
}

/** `1,000 in 2`: changes, and the files that they are in. */
function changesText({ changes, files }: { readonly changes: number; readonly files: number }): string {
  return files === 0 ? '–' : `${countText(changes)} in ${countText(files)}`
}

function shortKey(json: string): string {
  return json.length > keyCharactersMax ? `${json.slice(0, keyCharactersMax - 1)}…` : json
}
