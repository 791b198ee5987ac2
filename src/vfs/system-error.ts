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

/** An error as `node:fs` makes it: `code`, `syscall` and `path`, and a message that says all three. */
export function systemError(code: string, syscall: string, path: string): Error {
  const error = new Error(`${code}: ${messages[code] ?? 'system error'}, ${syscall} '${path}'`)
  return Object.assign(error, { code, syscall, path })
}
