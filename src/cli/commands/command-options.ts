import { Command, InvalidArgumentError, Option } from 'commander'
import type { TargetOptions } from '../database-target.ts'

/** The options that every command has. */
export interface CommonOptions extends TargetOptions {
  readonly json?: boolean
  readonly debug?: boolean
}

/** A command with the common options and an example. */
export function command(name: string, summary: string, examples: readonly string[]): Command {
  const made = new Command(name)
    .summary(summary)
    .description(summary)
    .option('--json', 'write JSON, for programs')
    .addOption(new Option('--debug', 'show the stack of errors'))
    .helpOption('-h, --help', 'show this help')
    .addHelpText(
      'after',
      `\n${examples.length === 1 ? 'Example' : 'Examples'}:\n${examples.map((example) => `  $ varve ${example}`).join('\n')}`,
    )
  return made
}

/** The options that say which database. */
export function withTarget(made: Command): Command {
  return made
    .option('-d, --directory <dir>', 'directory of the database (default: that of the configuration file)')
    .option('--config <file>', 'configuration file (default: the nearest varve.config.*)')
}

/** `a,b,c` as a list of names, without spaces around them. */
export function nameList(text: string): string[] {
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
  if (names.length === 0) throw new InvalidArgumentError('Give one or more names, separated by commas.')
  return names
}

/** A whole number of at least 0. */
export function wholeNumber(text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw new InvalidArgumentError('Give a whole number of at least 0.')
  return value
}
