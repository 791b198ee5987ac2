import { InvalidArgumentError, Option, program } from 'commander'
import { peerNames } from './sides/side.ts'

export interface BenchOptions {
  readonly rows: number
  readonly rounds: number
  /** Parts of names; a line is measured if its name contains one of them. Empty: all. */
  readonly only: readonly string[]
  /** File for the results as JSON. */
  readonly json?: string
  /** Of the peers, only these; all if absent. */
  readonly sides?: readonly string[]
  readonly peers: boolean
  readonly alone: boolean
  readonly list: boolean
  /** Writes CPU profiles of all processes to bench/results/profiles. */
  readonly profile: boolean
  /** Ends with 1 if a goal is missed. */
  readonly strict: boolean
}

/** Reads the command line; prints help or what is wrong with it, and exits, where that is called for. */
export function readOptions(argv: readonly string[]): BenchOptions {
  program
    .name('npm run bench --')
    .description('Measures Varve and its peers on the same data, in turn, each in a fresh process.')
    .addOption(new Option('--rows <count>', 'rows of the data').argParser(wholeNumber).default(1_000_000))
    .addOption(new Option('--rounds <count>', 'rounds; the table shows medians').argParser(wholeNumber).default(3))
    .option('--only <name...>', 'only lines whose name contains this (repeatable)', [])
    .option('--json <file>', 'write the results as JSON')
    .addOption(new Option('--sides <name...>', 'of the peers, only these').choices(peerNames))
    .option('--no-peers', 'the product only')
    .option('--no-alone', 'no measures of the product alone')
    .option('--list', 'print the names of all lines', false)
    .option('--profile', 'write CPU profiles to bench/results/profiles', false)
    .option('--strict', 'exit with 1 if a goal is missed', false)
    .addHelpText('after', '\nExample: npm run bench -- --only "point read" --rows 200000 --rounds 1')
    .parse([...argv])
  return program.opts<BenchOptions>()
}

function wholeNumber(text: string): number {
  const value = Number(text.replaceAll('_', ''))
  if (Number.isInteger(value) && value > 0) return value
  throw new InvalidArgumentError('It must be a whole number above 0.')
}
