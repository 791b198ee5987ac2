import { systemCode } from '../base/errors.ts'

const messages: Readonly<Record<string, string>> = {
  EBADF: 'bad file descriptor',
  EEXIST: 'file already exists',
  EIO: 'i/o error',
  EISDIR: 'illegal operation on a directory',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space left on device',
  ENOTDIR: 'not a directory',
  ENOTEMPTY: 'directory not empty',
  ENOTSUP: 'operation not supported',
  EPERM: 'operation not permitted',
}

/** The error of a call that knew its file by number only, naming the file as the others of `node:fs` do. */
export function namingFile(thrown: unknown, path: string): unknown {
  if (thrown instanceof Error && systemCode(thrown) !== undefined && !('path' in thrown)) Object.assign(thrown, { path })
  return thrown
}

/** An error as `node:fs` makes it: `code`, `syscall` and `path`, and a message that says all three. */
export function systemError(code: string, syscall: string, path: string): Error {
  const error = new Error(`${code}: ${messages[code] ?? 'system error'}, ${syscall} '${path}'`)
  return Object.assign(error, { code, syscall, path })
}
