import { asError, InvariantError, VarveError } from '../base/errors.ts'

/** What a plugin threw, with its name: `Plugin "x" failed to start: …`. Varve's own errors, which have a code to act on, stay as they are. */
export function pluginFailure(plugin: string, what: string, thrown: unknown): Error {
  if (thrown instanceof VarveError || thrown instanceof InvariantError) return thrown
  return new Error(`Plugin "${plugin}" failed to ${what}: ${asError(thrown).message}`, { cause: thrown })
}

/** Misuse of `module` by a plugin: a TypeError whose message names the plugin itself. */
export class BindError extends TypeError {}
