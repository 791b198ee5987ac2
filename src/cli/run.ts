/**
 * The command line as a function: `run(argv, environment)` does what `varve argv…` does and resolves with its exit
 * code, so that tests (and other programs) need no process. 0: all is well. 1: it failed, or found problems. 2: the
 * command was given wrongly.
 */
import { Command, CommanderError } from 'commander'
import type { Cli, CliEnvironment, ExitCode } from './cli.ts'
import { checkpointCommand } from './commands/checkpoint.ts'
import { compactCommand } from './commands/compact.ts'
import { getCommand } from './commands/get.ts'
import { importCommand } from './commands/import.ts'
import { initCommand } from './commands/init.ts'
import { inspectCommand } from './commands/inspect.ts'
import { maintenanceCommand } from './commands/maintenance.ts'
import { pluginsCommand } from './commands/plugins.ts'
import { rowsetsCommand } from './commands/rowsets.ts'
import { scanCommand } from './commands/scan.ts'
import { statsCommand } from './commands/stats.ts'
import { verifyCommand } from './commands/verify.ts'
import { Output, OutputClosed } from './output.ts'
import { packageVersion } from './package-version.ts'
import { reportError } from './report-error.ts'
import { styleFor } from './style.ts'
import { UsageError } from './usage-error.ts'

/** Makes a command; `done` takes its exit code. */
type CommandMaker = (cli: Cli, done: (code: ExitCode) => void) => Command

const commands: readonly CommandMaker[] = [
  initCommand,
  importCommand,
  scanCommand,
  getCommand,
  statsCommand,
  compactCommand,
  rowsetsCommand,
  inspectCommand,
  verifyCommand,
  maintenanceCommand,
  checkpointCommand,
  pluginsCommand,
]

/** Runs a command line (without `node` and the program's name). Never rejects. */
export async function run(argv: readonly string[], environment: CliEnvironment): Promise<0 | 1 | 2> {
  const env = environment.env ?? {}
  const cli: Cli = {
    environment,
    out: new Output(environment.stdout),
    err: new Output(environment.stderr),
    style: styleFor(environment.stdout, env),
  }
  let exitCode: 0 | 1 | 2 = 0
  try {
    const program = makeProgram(cli, (code) => {
      exitCode = code
    })
    await program.parseAsync([...argv], { from: 'user' })
  } catch (thrown) {
    exitCode = await failed(thrown, cli, argv)
  }
  await cli.out.end()
  await cli.err.end()
  return exitCode
}

async function failed(thrown: unknown, cli: Cli, argv: readonly string[]): Promise<0 | 1 | 2> {
  if (thrown instanceof OutputClosed) return 0
  // Commander "throws" help and the version too.
  if (thrown instanceof CommanderError && (thrown.exitCode === 0 || thrown.code === 'commander.help')) return thrown.exitCode === 0 ? 0 : 2
  const error = thrown instanceof CommanderError ? new UsageError(usageText(thrown, argv)) : thrown
  const flags = { json: argv.includes('--json'), debug: argv.includes('--debug') }
  return reportError(error, { ...flags, err: cli.err, style: styleFor(cli.environment.stderr, cli.environment.env ?? {}) }).catch(() => 1)
}

function makeProgram(cli: Cli, done: (code: ExitCode) => void): Command {
  const program = new Command('varve')
    .description('An embedded table store. Each command works on a database directory: -d DIR, or that of the nearest varve.config.*')
    .version(packageVersion(), '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand('help [command]', 'show the help of a command')
    .addHelpText('after', '\nExample:\n  $ varve init && varve import flights.parquet --table flights && varve scan --limit 10')
    .showSuggestionAfterError(true)
  for (const make of commands) program.addCommand(make(cli, done))
  for (const each of [program, ...program.commands]) {
    each.exitOverride().configureOutput({
      writeOut: (text) => cli.out.writeNow(text),
      // Errors are told by reportError; what is left is the help that a call without a command gets.
      writeErr: (text) => cli.err.writeNow(text),
      outputError: () => undefined,
    })
  }
  return program
}

/** Commander's words as a sentence, and where to read on. */
function usageText({ message }: CommanderError, argv: readonly string[]): string {
  const [first = '', advice] = message.replace(/^error: /, '').split('\n')
  const sentence = first.charAt(0).toUpperCase() + first.slice(1)
  const named =
    commands.length > 0 && argv[0] !== undefined && /^[a-z]+$/.test(argv[0]) && !/unknown command/.test(message) ? `${argv[0]} ` : ''
  const suggestion = advice ? ` ${advice.replace(/^\((.*)\)$/, '$1')}` : ''
  return `${sentence}${/[.?!]$/.test(sentence) ? '' : '.'}${suggestion} See varve ${named}--help.`
}
