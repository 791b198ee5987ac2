import { asError, VarveError } from '../base/errors.ts'

/** DISK_FULL for a thing (`the log /db/000004.wal`) of which nothing was written. */
export function diskFullError(what: string, path: string, cause: unknown): VarveError {
  const message = `The disk is full: ${what} ${path} could not be written, and nothing of this call was applied. Make room and try again.`
  return new VarveError('DISK_FULL', message, { context: { path }, cause })
}

/** WRITES_STOPPED for a thing of which nobody knows any more what is on disk. */
export function writesStoppedError(what: string, path: string, cause: unknown): VarveError {
  if (cause instanceof VarveError && cause.code === 'WRITES_STOPPED') return cause
  const why = asError(cause).message
  const message = `Writing ${what} ${path} failed (${why}); writes have stopped. Look after the disk, then reopen the database.`
  return new VarveError('WRITES_STOPPED', message, { context: { path }, cause })
}
