import { resolve } from 'node:path'
import type { Command } from 'commander'
import { open } from '../../open.ts'
import { diskVfs } from '../../vfs/disk-vfs.ts'
import { countText, mebibytesText } from '../amounts.ts'
import { plainJson } from '../cell.ts'
import type { Cli, ExitCode } from '../cli.ts'
import { targetConfig, using } from '../database-target.ts'
import { requireDatabase } from '../require-database.ts'
import { type CommonOptions, command, withTarget } from './command-options.ts'

/** `varve checkpoint TO`: a copy that opens as a database. */
export function checkpointCommand(cli: Cli, done: (code: ExitCode) => void): Command {
  const made = command('checkpoint', 'Copy the database to an empty directory; data files are linked where that can be', [
    'checkpoint ../backup',
    'checkpoint ../backup -d ./data',
  ]).argument('<to>', 'a directory that is empty or not there yet')
  return withTarget(made).action(async (to: string, o: CommonOptions) => {
    const { cwd, signal } = cli.environment
    const config = await targetConfig(o, cwd)
    await requireDatabase(diskVfs(), config.directory)
    const db = await open({ ...config, createIfMissing: false, errorIfExists: false })
    const directory = resolve(cwd, to)
    await using(db, async () => {
      db.maintenance.pause()
      let copied = { fileCount: 0, linkedBytes: 0, copiedBytes: 0 }
      using _listening = db.events.on('checkpoint:end', ({ fileCount, linkedBytes, copiedBytes }) => {
        copied = { fileCount, linkedBytes, copiedBytes }
      })
      await db.checkpoint(directory, signal ? { signal } : {})
      const { fileCount, linkedBytes, copiedBytes } = copied
      if (o.json) return cli.out.line(plainJson({ directory, ...copied }))
      await cli.out.line(
        `Checkpoint in ${directory}: ${countText(fileCount)} files, ${mebibytesText(linkedBytes)} MiB linked and ${mebibytesText(copiedBytes)} MiB copied.`,
      )
    })
    done(0)
  })
}
