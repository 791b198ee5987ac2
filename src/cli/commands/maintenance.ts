import type { Command } from 'commander'
import type { MaintenanceExplanation, MaintenanceStatus } from '../../maintenance/maintenance-status.ts'
import { open } from '../../open.ts'
import { diskVfs } from '../../vfs/disk-vfs.ts'
import { countText, decimalText, mebibytesText } from '../amounts.ts'
import { plainJson } from '../cell.ts'
import type { Cli, ExitCode } from '../cli.ts'
import { targetConfig, using } from '../database-target.ts'
import { requireDatabase } from '../require-database.ts'
import { factsTable, textTable } from '../text-table.ts'
import { type CommonOptions, command, withTarget } from './command-options.ts'

/** `varve maintenance`: what maintenance would do now, and why. */
export function maintenanceCommand(cli: Cli, done: (code: ExitCode) => void): Command {
  const made = command('maintenance', 'Show what maintenance would do next, and why; does none of it', [
    'maintenance',
    'maintenance --json',
  ])
  return withTarget(made).action(async (o: CommonOptions) => {
    const config = await targetConfig(o, cli.environment.cwd)
    await requireDatabase(diskVfs(), config.directory)
    // Ops exist only where maintenance may run: the database is opened for writing, and paused before anything begins.
    const db = await open({ ...config, createIfMissing: false, errorIfExists: false })
    await using(db, async () => {
      db.maintenance.pause()
      // First: it asks the ops what they have to do, which the status counts.
      const explanation = db.maintenance.explain()
      const status = db.maintenance.status()
      if (o.json) await cli.out.line(plainJson({ status, explanation }))
      else await show(cli, status, explanation)
    })
    done(0)
  })
}

async function show(cli: Cli, status: MaintenanceStatus, explanation: MaintenanceExplanation): Promise<void> {
  const { candidates, idleCount, reason, policy, op } = explanation
  await cli.out.line(
    factsTable(
      [
        ['policy', policy],
        ['threads', String(status.threads)],
        ['ops', `${countText(status.opCount)}, ${countText(status.runnableCount)} with something to do, ${countText(idleCount)} idle`],
        ['next', op ?? 'nothing'],
        ['because', reason],
      ],
      cli.style,
    ),
  )
  if (candidates.length === 0) return
  await cli.out.line()
  const right = { align: 'right' as const }
  const columns = [
    { title: 'op' },
    { title: 'kind' },
    { title: 'score', ...right },
    { title: 'frees MiB', ...right },
    { title: 'log MiB', ...right },
    { title: 'why' },
  ]
  const rows = candidates.map(({ op, kind, score, stats, why }) => [
    op,
    kind,
    score === undefined ? '–' : decimalText(score, 2),
    mebibytesText(stats.ramAnchoredBytes),
    mebibytesText(stats.logsRetainedBytes),
    why,
  ])
  await cli.out.line(textTable(columns, rows, cli.style))
}
