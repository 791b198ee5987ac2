import { type Command, Option } from 'commander'
import type { CompactOptions } from '../../engine/api.ts'
import type { TableStats } from '../../engine/metrics.ts'
import { open } from '../../open.ts'
import { diskVfs } from '../../vfs/disk-vfs.ts'
import { countOf, countText, mebibytesText } from '../amounts.ts'
import { plainJson } from '../cell.ts'
import type { Cli, ExitCode } from '../cli.ts'
import { targetConfig, using } from '../database-target.ts'
import { requireDatabase } from '../require-database.ts'
import { type CommonOptions, command, withTarget } from './command-options.ts'

interface CompactCommandOptions extends CommonOptions {
  readonly table?: string
  readonly kind: NonNullable<CompactOptions['kind']>
}

/** `varve compact`: brings the data files into the best shape there is. */
export function compactCommand(cli: Cli, done: (code: ExitCode) => void): Command {
  const made = command('compact', 'Apply changes to the rows and merge what overlaps, now', [
    'compact',
    'compact --table flights --kind major-delta',
  ])
    .option('-t, --table <name>', 'one table only')
    .addOption(new Option('-k, --kind <kind>', 'what to do').choices(['full', 'merging', 'major-delta', 'minor-delta']).default('full'))
  return withTarget(made).action(async (o: CompactCommandOptions) => {
    const config = await targetConfig(o, cli.environment.cwd)
    await requireDatabase(diskVfs(), config.directory)
    const db = await open({ ...config, createIfMissing: false, errorIfExists: false })
    await using(db, async () => {
      const names = o.table === undefined ? db.tables().map(({ name }) => name) : [o.table]
      const sizes = () => names.map((name) => ({ table: name, ...sizeOf(db.table(name).stats()) }))
      const before = sizes()
      const { signal } = cli.environment
      for (const name of names) await db.compact(name, { kind: o.kind, ...(signal && { signal }) })
      const after = sizes()
      if (o.json) return cli.out.line(plainJson({ kind: o.kind, before, after }))
      for (const [i, { table, rowsets, sizeBytes }] of after.entries()) {
        const was = before[i] as (typeof before)[number]
        await cli.out.line(
          `${table}: ${countOf(was.rowsets, 'rowset')} of ${mebibytesText(was.sizeBytes)} MiB, now ${countText(rowsets)} of ${mebibytesText(sizeBytes)} MiB.`,
        )
      }
    })
    done(0)
  })
}

function sizeOf({ tablets, diskBytes }: TableStats) {
  return { rowsets: tablets.reduce((sum, { rowsets }) => sum + rowsets.length, 0), sizeBytes: diskBytes }
}
