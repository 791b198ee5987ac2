import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { asError, errorCodes, InvariantError, systemCode, VarveError } from '../base/errors.ts'
import { plainJson } from './cell.ts'
import { InputError } from './import/input-error.ts'
import type { Output } from './output.ts'
import type { Style } from './style.ts'
import { UsageError } from './usage-error.ts'

/** An error as it is told: the code is a VarveErrorCode, a code of the system, USAGE or INTERNAL. */
export interface ReportedError {
  readonly code: string
  readonly message: string
  readonly context: Readonly<Record<string, unknown>>
  readonly exitCode: 1 | 2
}

/** What is told of an error, whatever was thrown. */
export function describeError(thrown: unknown): ReportedError {
  const error = asError(thrown)
  if (error instanceof UsageError) return { code: 'USAGE', message: error.message, context: error.at ? { ...error.at } : {}, exitCode: 2 }
  if (error instanceof VarveError) return { code: error.code, message: messageOf(error), context: error.context, exitCode: 1 }
  if (error instanceof InputError) return { code: error.code, message: error.message, context: error.context, exitCode: 1 }
  const code = systemCode(error)
  const path = (error as { path?: unknown }).path
  if (code !== undefined && typeof path === 'string')
    return { code, message: systemMessage(code, resolve(path)), context: { path }, exitCode: 1 }
  // The library's own words for misuse: most of it came from the command line.
  if (error instanceof TypeError && code === undefined) return { code: 'USAGE', message: error.message, context: {}, exitCode: 2 }
  const advice =
    error instanceof InvariantError
      ? ' This is a defect of Varve or of a plugin; please report it with --debug.'
      : ' Run again with --debug to see where.'
  return {
    code: code ?? 'INTERNAL',
    message: `${error.message}${error.message.endsWith('.') ? '' : '.'}${advice}`,
    context: {},
    exitCode: 1,
  }
}

/** Its message. Who pressed Ctrl-C knows of no signal of an operation. */
function messageOf({ code, message }: VarveError): string {
  return code === 'ABORTED' ? message.replace(errorCodes.ABORTED, 'Interrupted.') : message
}

/** Tells an error, as `error CODE: message` or as a line of JSON; `debug` adds the stack and the causes. Returns the exit code. */
export async function reportError(thrown: unknown, o: { err: Output; style: Style; json: boolean; debug: boolean }): Promise<1 | 2> {
  const { code, message, context, exitCode } = describeError(thrown)
  const stack = o.debug ? stackOf(thrown) : undefined
  if (o.json) {
    await o.err.line(plainJson({ error: { code, message, context, ...(stack && { stack }) } }))
    return exitCode
  }
  await o.err.line(`${o.style.red(`error ${code}:`)} ${message}`)
  if (thrown instanceof UsageError && thrown.at) {
    await o.err.line(`  ${thrown.at.text}`)
    await o.err.line(`  ${' '.repeat(thrown.at.position)}${o.style.red('^')}`)
  }
  if (stack) await o.err.line(stack)
  return exitCode
}

function stackOf(thrown: unknown): string {
  const parts: string[] = []
  for (let error: unknown = thrown; error instanceof Error && parts.length < 8; error = error.cause)
    parts.push(error.stack ?? error.message)
  return parts.join('\ncaused by ') || String(thrown)
}

function systemMessage(code: string, path: string): string {
  switch (code) {
    case 'ENOENT':
      return `There is no ${path}${existsSync(dirname(path)) ? '' : ', nor its directory'}. Check the path.`
    case 'EISDIR':
      return `${path} is a directory. Give a file.`
    case 'EACCES':
    case 'EPERM':
      return `${path} may not be opened: permission denied.`
    default:
      return `${path} could not be read or written (${code}).`
  }
}
