import { resolve } from 'node:path'
import type { Command } from 'commander'
import { diskVfs } from '../../vfs/disk-vfs.ts'
import { plainJson } from '../cell.ts'
import type { Cli, ExitCode } from '../cli.ts'
import { inspectFile } from '../inspect/inspect-file.ts'
import { showFile } from '../inspect/show-file.ts'
import { type CommonOptions, command, wholeNumber } from './command-options.ts'

interface InspectOptions extends CommonOptions {
  readonly blocks?: boolean
  readonly limit: number
}

/** `varve inspect`: what is in one file of a database. Takes no lock. */
export function inspectCommand(cli: Cli, done: (code: ExitCode) => void): Command {
  return command('inspect', 'Show what is in a file of a database: .sst, .delta, .wal, MANIFEST-…, CURRENT or LOCK', [
    'inspect data/000012.sst --blocks',
    'inspect data/MANIFEST-000001',
    'inspect data/LOCK',
  ])
    .argument('<file>', 'the file; its name tells what it is')
    .option('--blocks', 'of an .sst or .delta: every block, with its encoding and the values it spans')
    .option('-l, --limit <count>', 'blocks, batches or edits to show', wholeNumber, 50)
    .action(async (file: string, o: InspectOptions) => {
      const inspected = await inspectFile(diskVfs(), resolve(cli.environment.cwd, file))
      if (o.json) await cli.out.line(plainJson(inspected))
      else await cli.out.line(showFile(inspected, { style: cli.style, limit: o.limit, blocks: o.blocks === true }))
      const damaged = 'problem' in inspected ? inspected.problem?.synced === true : inspected.kind === 'current' && !inspected.checksumFits
      done(damaged ? 1 : 0)
    })
}
