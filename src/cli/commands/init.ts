import { writeFile } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import type { Command } from 'commander'
import { systemCode, VarveError } from '../../base/errors.ts'
import { resolveConfig } from '../../kernel/config.ts'
import { plainJson } from '../cell.ts'
import type { Cli, ExitCode } from '../cli.ts'
import { type CommonOptions, command } from './command-options.ts'

/** `varve init`: a configuration file to begin with. */
export function initCommand(cli: Cli, done: (code: ExitCode) => void): Command {
  return command('init', 'Write a varve.config.json to begin with', ['init', 'init --directory ./measurements'])
    .option('-d, --directory <dir>', 'directory of the database, relative to the file', './data')
    .action(async (o: CommonOptions & { directory: string }) => {
      const path = join(cli.environment.cwd, 'varve.config.json')
      const config = {
        directory: o.directory,
        durability: 'write',
        memory: { limit: '256MiB' },
        maintenance: { threads: 2 },
        plugins: [],
      }
      resolveConfig(config, { source: path })
      await writeNew(path, `${JSON.stringify(config, undefined, 2)}\n`)
      const directory = resolve(cli.environment.cwd, o.directory)
      if (o.json) await cli.out.line(plainJson({ path, directory }))
      else {
        await cli.out.line(`Wrote ${relative(cli.environment.cwd, path)}: the database will live in ${directory}.`)
        await cli.out.line('Next: varve import FILE --table NAME')
      }
      done(0)
    })
}

async function writeNew(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { flag: 'wx' })
  } catch (cause) {
    if (systemCode(cause) !== 'EEXIST') throw cause
    throw new VarveError('CONFIG_INVALID', `${path} is there already and was not changed. Edit it, or remove it first.`, {
      cause,
      context: { source: path },
    })
  }
}
