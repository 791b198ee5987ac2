import type { Writable } from 'node:stream'
import type { Output } from './output.ts'
import type { Style } from './style.ts'

/** What `run` needs of its surroundings. */
export interface CliEnvironment {
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number }
  readonly stderr: Writable & { readonly isTTY?: boolean }
  /** Where relative paths and the search for a configuration file start. */
  readonly cwd: string
  /** `NO_COLOR` is looked at; default: nothing is set. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Ends long work in order, e.g. on SIGINT. */
  readonly signal?: AbortSignal
}

/** What every command is given. */
export interface Cli {
  readonly environment: CliEnvironment
  /** Results. */
  readonly out: Output
  /** Errors, notes and progress. */
  readonly err: Output
  readonly style: Style
}

/** What a command did: 0 all is well, 1 it found problems or failed. Usage errors (2) are thrown. */
export type ExitCode = 0 | 1
