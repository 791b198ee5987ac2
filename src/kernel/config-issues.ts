import type { z } from 'zod'
import { VarveError } from '../base/errors.ts'
import { didYouMean, nearestName } from '../base/suggest.ts'
import { describe } from './plugin-options.ts'

/** One thing that is wrong with a configuration, for programs. */
export interface ConfigIssue {
  /** Like `memory.limit` or `plugins[2]`; empty for the configuration itself. */
  readonly path: string
  readonly expected: string
  readonly found: string
  /** The nearest known key, if the key is unknown and one is near. */
  readonly suggestion?: string
}

/**
 * CONFIG_INVALID for everything that zod found, one line each. The messages of the schema are expectations
 * ("a whole number of at least 1"). `keysAt` gives the known keys of the object at a path.
 */
export function configError(
  error: z.core.$ZodError,
  input: unknown,
  source: string | undefined,
  keysAt: (path: string) => readonly string[],
): VarveError {
  const issues: ConfigIssue[] = []
  const lines: string[] = []
  for (const issue of error.issues) {
    const path = pathText(issue.path)
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) {
        const known = keysAt(path)
        const suggestion = nearestName(key, known)
        const full = path === '' ? key : `${path}.${key}`
        issues.push({ path: full, expected: `one of ${known.join(', ')}`, found: key, ...(suggestion === undefined ? {} : { suggestion }) })
        lines.push(`"${full}" is not a known key; expected one of ${known.join(', ')}.${didYouMean(key, known)}`)
      }
      continue
    }
    const found = describe(valueAt(input, issue.path))
    issues.push({ path, expected: issue.message, found })
    lines.push(`${path === '' ? 'the configuration' : `"${path}"`} must be ${issue.message}; found ${found}.`)
  }
  const where = source === undefined ? '' : ` in ${source}`
  const message =
    lines.length === 1
      ? `Invalid configuration${where}: ${lines[0]}`
      : `Invalid configuration${where}:\n${lines.map((line) => `  ${line}`).join('\n')}`
  return new VarveError('CONFIG_INVALID', message, { context: { issues, ...(source === undefined ? {} : { source }) } })
}

function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : text === '' ? String(part) : `${text}.${String(part)}`),
    '',
  )
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input
  for (const part of path) value = (value as Record<PropertyKey, unknown> | undefined | null)?.[part]
  return value
}
