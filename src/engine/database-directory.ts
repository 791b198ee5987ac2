import { asError, systemCode, VarveError } from '../base/errors.ts'
import { fileError, isDiskFull } from '../base/file-error.ts'
import { lockFileName } from '../manifest/database-files.ts'
import { type FileLock, joinPath, type Vfs } from '../vfs/vfs.ts'

/**
 * Takes the lock of a database's directory, which who only reads needs too. DATABASE_LOCKED; IO_ERROR { path, systemCode } if the lock
 * cannot be written, as in a directory of another user or on a disk that is mounted for reading.
 */
export async function lockDatabase(vfs: Vfs, directory: string): Promise<FileLock> {
  const path = joinPath(directory, lockFileName)
  try {
    return await vfs.lock(path)
  } catch (error) {
    throw refused(
      error,
      path,
      (words) =>
        `${directory} cannot be opened: its ${lockFileName} cannot be written (${words}). Every opening writes one, with readOnly too: give this user the right to write in the directory, or open a copy of it.`,
    )
  }
}

/** Makes the directory of a new database, with its parents. IO_ERROR { path, systemCode } if it cannot be made. */
export async function makeDatabaseDirectory(vfs: Vfs, directory: string): Promise<void> {
  try {
    await vfs.makeDirectory(directory)
  } catch (error) {
    throw refused(
      error,
      directory,
      (words) => `${directory} cannot be made (${words}). Check the path, and the right of this user to write there.`,
    )
  }
}

/** What the system says, as an error for users; anything else as it was. */
function refused(thrown: unknown, path: string, message: (words: string) => string): Error {
  const error = asError(thrown)
  const code = systemCode(error)
  if (error instanceof VarveError || code === undefined) return error
  if (isDiskFull(error)) return fileError(error)
  const [words = code] = error.message.split(', ')
  return new VarveError('IO_ERROR', message(words), { context: { path, systemCode: code }, cause: error })
}
