import { didYouMean } from '../base/suggest.ts'
import type { Cell } from './cell.ts'
import { parseExactJson } from './exact-json.ts'
import type { KnownColumn } from './table-choice.ts'
import { UsageError } from './usage-error.ts'
import { kindText, valueOfJson, valueOfText } from './value-input.ts'

/**
 * A key, or its leading columns, as written on the command line: JSON (a bare value, an array of values in key order,
 * or an object), or for the first column alone just its text. `what` names the option in errors (UsageError).
 */
export function parseKey(key: readonly KnownColumn[], text: string, what: string): Record<string, Cell> | Exclude<Cell, null> {
  const parsed = looksLikeJson(text) ? jsonOf(text, what) : undefined
  const first = key[0] as KnownColumn
  if (Array.isArray(parsed)) {
    if (parsed.length === 0 || parsed.length > key.length)
      throw new UsageError(
        `${what} takes ${key.length === 1 ? '1 value' : `1 to ${key.length} values`} (${shape(key)}); got ${parsed.length}.`,
      )
    return Object.fromEntries(parsed.map((value, i) => [key[i]?.name ?? '', valueFor(key[i] as KnownColumn, value, what)]))
  }
  if (typeof parsed === 'object' && parsed !== null) return objectKey(key, parsed as Record<string, unknown>, what)
  const value = typeof parsed === 'string' ? valueFor(first, parsed, what) : fromText(first, text, what)
  return key.length === 1 ? value : { [first.name]: value }
}

/** As `parseKey`, for a whole key: every column must be there. */
export function parseWholeKey(key: readonly KnownColumn[], text: string, what: string): Record<string, Cell> | Exclude<Cell, null> {
  const parsed = parseKey(key, text, what)
  if (key.length === 1) return parsed
  const given = parsed as Record<string, Cell>
  const missing = key.filter(({ name }) => given[name] === undefined)
  if (missing.length === 0) return parsed
  throw new UsageError(
    `${what} lacks ${missing.map(({ name }) => `"${name}"`).join(', ')}: the key of this table is ${shape(key)}, e.g. ${example(key)}.`,
  )
}

function objectKey(key: readonly KnownColumn[], given: Record<string, unknown>, what: string): Record<string, Cell> {
  const names = key.map(({ name }) => name)
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => {
      const column = key.find((each) => each.name === name)
      if (!column)
        throw new UsageError(`${what} names "${name}", which is no column of the key (${names.join(', ')}).${didYouMean(name, names)}`)
      return [name, valueFor(column, value, what)]
    }),
  )
}

/** An object, an array or a string of JSON; anything else is taken as it stands. */
function looksLikeJson(text: string): boolean {
  return /^\s*[[{"]/.test(text)
}

function jsonOf(text: string, what: string): unknown {
  try {
    return parseExactJson(text)
  } catch (error) {
    throw new UsageError(`${what} is not valid JSON: ${(error as Error).message}. In a shell, put JSON in single quotes.`)
  }
}

function valueFor(column: KnownColumn, value: unknown, what: string): Exclude<Cell, null> {
  const fits = value === null ? undefined : valueOfJson(column.kind, value)
  if (fits === undefined)
    throw new UsageError(
      `${what}: ${JSON.stringify(value, (_, item) => (typeof item === 'bigint' ? String(item) : item))} is not ${kindText(column.kind)}, which ${column.name} is.`,
    )
  return asMode(column, fits)
}

function fromText(column: KnownColumn, text: string, what: string): Exclude<Cell, null> {
  const value = valueOfText(column.kind, text)
  if (value === undefined)
    throw new UsageError(`${what}: ${JSON.stringify(text)} is not ${kindText(column.kind)}, which ${column.name} is.`)
  return asMode(column, value)
}

/** An int64 as the column's mode wants it. */
export function asMode(column: Pick<KnownColumn, 'kind' | 'mode'>, value: Exclude<Cell, null>): Exclude<Cell, null> {
  if (column.kind !== 'int64') return value
  if (column.mode === 'number') return typeof value === 'bigint' ? Number(value) : value
  return typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : value
}

function shape(key: readonly KnownColumn[]): string {
  return key.map(({ name, kind }) => `${name} ${kind}`).join(', ')
}

function example(key: readonly KnownColumn[]): string {
  return `'[${key.map(({ kind }) => (kind === 'string' ? '"a"' : kind === 'timestamp' ? '"2026-11-23"' : kind === 'bool' ? 'true' : '1')).join(', ')}]'`
}
