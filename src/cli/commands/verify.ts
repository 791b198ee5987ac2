import type { Command } from 'commander'
import type { DatabaseConfig } from '../../kernel/config.ts'
import { diskVfs } from '../../vfs/disk-vfs.ts'
import { countOf, countText, durationText, mebibytesText } from '../amounts.ts'
import { plainJson } from '../cell.ts'
import type { Cli, ExitCode } from '../cli.ts'
import { codecsOf, targetConfig } from '../database-target.ts'
import { progressBar } from '../progress.ts'
import { textTable } from '../text-table.ts'
import type { DatabaseProblem } from '../verify/database-problem.ts'
import { type Verification, verifyDatabase } from '../verify/verify-database.ts'
import { type CommonOptions, command, withTarget } from './command-options.ts'

/** `varve verify`: every checksum, order and cross-reference of a database. */
export function verifyCommand(cli: Cli, done: (code: ExitCode) => void): Command {
  const made = command('verify', 'Check every file of the database, changing nothing; exit code 1 and a list if something is wrong', [
    'verify',
    'verify --directory ./data --json',
  ])
  return withTarget(made).action(async (o: CommonOptions) => {
    const config = await targetConfig(o, cli.environment.cwd)
    const beganMs = performance.now()
    const result = await verify(cli, config, o.json === true)
    if (o.json) await cli.out.line(plainJson({ ok: result.problems.length === 0, ...result }))
    else await show(cli, result, performance.now() - beganMs)
    done(result.problems.length === 0 ? 0 : 1)
  })
}

async function verify(cli: Cli, config: DatabaseConfig, quiet: boolean): Promise<Verification> {
  const { directory } = config
  const codecs = await codecsOf(config)
  const bars: ReturnType<typeof progressBar>[] = []
  const { signal } = cli.environment
  const onProgress = (doneBytes: number, totalBytes: number) => {
    if (bars.length === 0) bars.push(progressBar(cli.environment, { title: 'Verifying', unit: 'bytes', total: totalBytes, quiet }))
    bars[0]?.update(doneBytes)
  }
  try {
    return await verifyDatabase({ vfs: diskVfs(), directory, codecs, signal, onProgress })
  } finally {
    bars[0]?.stop()
  }
}

async function show(cli: Cli, result: Verification, durationMs: number): Promise<void> {
  const { problems, notes, tables, files, rows, sizeBytes, logBatches, directory } = result
  if (problems.length > 0) await cli.out.line(problemTable(cli, problems))
  for (const { file, offset, message } of notes)
    await cli.out.line(`Note: ${file}${offset === undefined ? '' : ` at byte ${countText(offset)}`}: ${message}`)
  const what = `${countOf(tables, 'table')}, ${countOf(files, 'data file')} with ${countOf(rows, 'row')}, ${countOf(logBatches, 'batch', 'batches')} in the log, ${mebibytesText(sizeBytes)} MiB`
  const verdict = problems.length === 0 ? cli.style.green('No problems') : cli.style.red(countOf(problems.length, 'problem'))
  await cli.out.line(`${verdict} in ${directory}: ${what}, in ${durationText(durationMs)}.`)
}

function problemTable(cli: Cli, problems: readonly DatabaseProblem[]): string {
  const columns = [{ title: 'file' }, { title: 'at byte', align: 'right' as const }, { title: 'problem' }]
  return `${textTable(
    columns,
    problems.map(({ file, offset, message }) => [file, offset === undefined ? '–' : countText(offset), message]),
    cli.style,
  )}\n`
}
