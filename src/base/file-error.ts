import { asError, systemCode, VarveError } from './errors.ts'

/** Whether the file system refused for want of room, so that the same call may succeed later. */
export function isDiskFull(error: unknown): boolean {
  const code = systemCode(error)
  return code === 'ENOSPC' || code === 'EDQUOT'
}

/**
 * What the file system reported, as an error for users that names the file: DISK_FULL or IO_ERROR { path, call, systemCode },
 * with the report as its cause. Anything else as it was.
 */
export function fileError(thrown: unknown): Error {
  const error = asError(thrown)
  const { syscall: call, path } = error as { syscall?: unknown; path?: unknown }
  const code = systemCode(error)
  if (error instanceof VarveError || code === undefined || typeof call !== 'string') return error
  const file = typeof path === 'string' ? path : 'a file of the database'
  const context = { path, call, systemCode: code }
  if (isDiskFull(error))
    return new VarveError('DISK_FULL', `The disk is full: ${file} could not be written. Make room and try again.`, {
      context,
      cause: error,
    })
  const message = `The operating system failed with ${code} at ${call} of ${file}${wordsOf(error, code)}. ${whatToDo(code)} and try again; nothing that was acknowledged is lost.`
  return new VarveError('IO_ERROR', message, { context, cause: error })
}

const pathCodes: ReadonlySet<string> = new Set(['ENOTDIR', 'ENAMETOOLONG', 'ELOOP'])
const permissionCodes: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EROFS'])

function whatToDo(code: string): string {
  if (pathCodes.has(code)) return 'Check the path'
  if (permissionCodes.has(code)) return 'Check who may write there'
  return code === 'EMFILE' || code === 'ENFILE' ? 'Raise the limit of open files (ulimit -n)' : 'Look after the disk'
}

/** What Node says of the code, as in `ENOENT: no such file or directory, open 'a'`. */
function wordsOf({ message }: Error, code: string): string {
  const words = message.startsWith(`${code}: `) ? message.slice(code.length + 2).split(',')[0] : undefined
  return words ? ` (${words})` : ''
}
