import { compileFunction, quoted } from './code-generation.ts'
import type { ColumnSchema, ColumnValue } from './table-schema.ts'

type Row = Readonly<Record<string, ColumnValue>>

/**
 * How a row lies in flat arrays: what fits a double in `numbers`, everything else in `values`, and a mark in `nulls`
 * for each column of the first kind that may be null.
 */
export interface RowImage {
  readonly numbersPerRow: number
  readonly valuesPerRow: number
  readonly nullsPerRow: number
  /** Writes a row from the places n, v and m on. */
  write(row: Row, numbers: Float64Array, n: number, values: unknown[], v: number, nulls: Uint8Array, m: number): void
  /** A new row object of what `write` has put there. */
  read(numbers: Float64Array, n: number, values: readonly unknown[], v: number, nulls: Uint8Array, m: number): Row
  /** What the row's values take in memory beyond their place in `values`, in bytes. */
  valueBytesOf(row: Row): number
}

/** What a string or a bigint takes beside its characters, and a buffer beside its bytes; measured, of Node 20. */
const headerBytes = 24
const bufferHeaderBytes = 200

/** The image of rows of these columns. Compiles code, once: keep it. `o.compile: false` takes the generic loops. */
export function rowImage(columns: readonly ColumnSchema[], o: { compile?: boolean } = {}): RowImage {
  let numbersPerRow = 0
  let valuesPerRow = 0
  let nullsPerRow = 0
  const places = columns.map((column): Place => {
    if (!isNumber(column)) return { column, at: valuesPerRow++, mark: -1, isNumber: false }
    return { column, at: numbersPerRow++, mark: column.nullable ? nullsPerRow++ : -1, isNumber: true }
  })
  const compiled = o.compile === false ? undefined : compile(places)
  const large = places.filter(({ isNumber }) => !isNumber).map(({ column }) => column.name)
  return {
    numbersPerRow,
    valuesPerRow,
    nullsPerRow,
    ...(compiled ?? generic(places)),
    valueBytesOf(row) {
      let bytes = 0
      for (const name of large) bytes += valueBytesOf(row[name])
      return bytes
    },
  }
}

interface Place {
  readonly column: ColumnSchema
  /** In `numbers` or `values`. */
  readonly at: number
  /** In `nulls`; −1: never null, or null lies among the values. */
  readonly mark: number
  readonly isNumber: boolean
}

function isNumber({ kind, mode }: ColumnSchema): boolean {
  return kind !== 'string' && kind !== 'binary' && (kind !== 'int64' || mode === 'number')
}

/** About what a string, a buffer or a bigint takes in memory, in bytes; nothing otherwise. */
export function valueBytesOf(value: unknown): number {
  if (typeof value === 'string') return headerBytes + (isLatin1(value) ? value.length : value.length * 2)
  if (value instanceof Uint8Array) return bufferHeaderBytes + value.byteLength
  return typeof value === 'bigint' ? headerBytes : 0
}

/** Whether V8 keeps the string as a byte a code unit. Looking at its units also joins one that is still in two halves. */
function isLatin1(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0xff) return false
  return true
}

function compile(places: readonly Place[]): Pick<RowImage, 'read' | 'write'> | undefined {
  const make = compileFunction(
    [],
    `function read(numbers, n, values, v, nulls, m) {
  return { ${places.map((place) => `${quoted(place.column.name)}: ${readSource(place)}`).join(', ')} }
}
function write(row, numbers, n, values, v, nulls, m) {
  ${places.map(writeSource).join('\n  ')}
}
return { read, write }`,
  )
  return make?.() as Pick<RowImage, 'read' | 'write'> | undefined
}

function readSource({ column, at, mark, isNumber }: Place): string {
  if (!isNumber) return column.kind === 'binary' ? `values[v + ${at}] === null ? null : values[v + ${at}].slice()` : `values[v + ${at}]`
  const value = column.kind === 'bool' ? `numbers[n + ${at}] === 1` : `numbers[n + ${at}]`
  return mark < 0 ? value : `nulls[m + ${mark}] === 1 ? null : ${value}`
}

function writeSource({ column, at, mark, isNumber }: Place): string {
  const value = `row[${quoted(column.name)}]`
  if (!isNumber)
    return column.kind === 'binary'
      ? `values[v + ${at}] = ${value} === null ? null : new Uint8Array(${value})`
      : `values[v + ${at}] = ${value}`
  const number = `numbers[n + ${at}] = Number(${value})`
  return mark < 0 ? number : `nulls[m + ${mark}] = ${value} === null ? 1 : 0; ${number}`
}

function generic(places: readonly Place[]): Pick<RowImage, 'read' | 'write'> {
  return {
    write(row, numbers, n, values, v, nulls, m) {
      for (const { column, at, mark, isNumber } of places) {
        const value = row[column.name] as ColumnValue
        if (mark >= 0) nulls[m + mark] = value === null ? 1 : 0
        if (isNumber) numbers[n + at] = Number(value)
        // Not slice(): that of a Buffer would share memory.
        else values[v + at] = value instanceof Uint8Array ? new Uint8Array(value) : value
      }
    },
    read(numbers, n, values, v, nulls, m) {
      return Object.fromEntries(
        places.map(({ column, at, mark, isNumber }) => {
          const value = values[v + at]
          if (!isNumber) return [column.name, value instanceof Uint8Array ? value.slice() : value]
          if (mark >= 0 && nulls[m + mark] === 1) return [column.name, null]
          return [column.name, column.kind === 'bool' ? numbers[n + at] === 1 : numbers[n + at]]
        }),
      ) as Row
    },
  }
}
