import { asError, VarveError } from '../../base/errors.ts'

/** Something wrong: which file, and where in it if that is known. */
export interface DatabaseProblem {
  readonly file: string
  readonly offset: number | undefined
  readonly message: string
}

/** CORRUPTION as a problem of the file in its context; anything else is rethrown. */
export function asProblem(thrown: unknown): DatabaseProblem {
  const error = asError(thrown)
  if (!(error instanceof VarveError) || error.code !== 'CORRUPTION') throw thrown
  const { path, offset } = error.context
  return {
    file: typeof path === 'string' ? nameOf(path) : '–',
    offset: typeof offset === 'number' ? offset : undefined,
    message: error.message,
  }
}

/** The last part of a path. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
