import type { Command } from 'commander'
import { renderBootTree } from '../../kernel/boot-tree.ts'
import { type DatabaseConfig, resolveConfig } from '../../kernel/config.ts'
import { assembleFor } from '../../open.ts'
import { plainJson } from '../cell.ts'
import type { Cli, ExitCode } from '../cli.ts'
import { nearestConfig, targetConfig } from '../database-target.ts'
import { type CommonOptions, command, withTarget } from './command-options.ts'

/** `varve plugins`: what a configuration assembles. Opens no database. */
export function pluginsCommand(cli: Cli, done: (code: ExitCode) => void): Command {
  const made = command('plugins', 'Show what the configuration assembles: who provides what, who was replaced, how long each took', [
    'plugins',
    'plugins --config staging.config.json',
  ])
  return withTarget(made).action(async (o: CommonOptions) => {
    const config = await configOf(o, cli)
    const assembly = await assembleFor(resolveConfig(config))
    try {
      await cli.out.line(o.json ? plainJson(assembly.plugins) : renderBootTree(assembly.plugins))
    } finally {
      await assembly.stop()
    }
    done(0)
  })
}

/** Without a configuration, the default assembly is shown: it needs no database. */
async function configOf(o: CommonOptions, cli: Cli): Promise<DatabaseConfig> {
  const { cwd } = cli.environment
  if (o.config !== undefined || o.directory !== undefined || (await nearestConfig(cwd))) return targetConfig(o, cwd)
  await cli.err.line(cli.style.dim('No varve.config.* found: these are the defaults.'))
  return { directory: cwd }
}
