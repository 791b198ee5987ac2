import type { ColumnKind } from '../schema/column-vector.ts'

/** A value as rows hold it. */
export type Cell = boolean | number | bigint | string | Uint8Array | null

/** The widest text of a value in a table for people, in characters. */
const shownCharactersMax = 60

/** A value for people: timestamps in ISO 8601, binary in hexadecimal, null as nothing. */
export function cellText(kind: ColumnKind, value: Cell): string {
  const text = visibleText(exactText(kind, value) ?? '')
  return text.length > shownCharactersMax ? `${text.slice(0, shownCharactersMax - 1)}…` : text
}

/** A value as a CSV field. Null is an empty field, an empty string is quoted: so both come back as they were. */
export function cellCsv(kind: ColumnKind, value: Cell): string {
  const text = exactText(kind, value)
  if (text === undefined) return ''
  return text === '' || /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/**
 * A value as JSON. What JSON cannot say exactly becomes a string: integers beyond ±(2^53 − 1), NaN and the infinities;
 * timestamps are ISO 8601, binary values hexadecimal.
 */
export function cellJson(kind: ColumnKind, value: Cell): string {
  if (value === null) return 'null'
  if (typeof value === 'number' && kind !== 'timestamp') {
    if (Object.is(value, -0)) return '-0'
    return Number.isFinite(value) ? String(value) : `"${value}"`
  }
  if (typeof value === 'boolean') return String(value)
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? String(value) : `"${value}"`
  return JSON.stringify(exactText(kind, value) ?? null)
}

/** Plain data as JSON on one line: bigints beyond ±(2^53 − 1) and bytes as strings, errors as their messages, maps as objects. */
export function plainJson(value: unknown, indent?: number): string {
  const replacer = (_: string, item: unknown) => {
    if (typeof item === 'bigint') return Number.isSafeInteger(Number(item)) ? Number(item) : String(item)
    if (typeof item === 'number' && !Number.isFinite(item)) return String(item)
    if (item instanceof Uint8Array) return hexText(item)
    if (item instanceof Error) return { message: item.message }
    if (item instanceof Map) return Object.fromEntries(item)
    return item
  }
  return JSON.stringify(value, replacer, indent)
}

/** ISO 8601 in UTC; the number itself where it is no time. */
export function timestampText(ms: number): string {
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : String(ms)
}

export function hexText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
}

/** Text with its control characters escaped: in a table they would break the lines, or act on the terminal. */
export function visibleText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (character) => {
    const escaped = JSON.stringify(character).slice(1, -1)
    return escaped === character ? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}` : escaped
  })
}

/** Undefined for null. */
function exactText(kind: ColumnKind, value: Cell): string | undefined {
  if (value === null) return undefined
  if (value instanceof Uint8Array) return hexText(value)
  if (kind === 'timestamp') return timestampText(Number(value))
  return Object.is(value, -0) ? '-0' : String(value)
}
