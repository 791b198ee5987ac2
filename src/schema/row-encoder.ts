import { VarveError } from '../base/errors.ts'
import { compileFunction, quoted } from './code-generation.ts'
import { type ByteScratch, type ColumnBuilder, columnBuilder } from './column-builder.ts'
import { describeValue, timestampMsMax, unknownColumn } from './column-value.ts'
import type { RowBlock } from './column-vector.ts'
import type { ColumnSchema, TableSchema } from './table-schema.ts'

/** Turns the rows of an application into columns. */
export interface RowEncoder {
  /**
   * Checks and encodes `rows[from .. to)`; nothing of the rows is kept. Defaults are applied. Throws INVALID_VALUE
   * { table, column, rowIndex } for a value that does not fit, a column that is missing or that the table does not
   * have; TypeError if `rows` is no array or a row no object. `rowIndex` counts in `rows`.
   */
  encode(rows: readonly object[], from?: number, to?: number): RowBlock
}

type Fill = (rows: readonly object[], from: number, to: number, builders: readonly ColumnBuilder[]) => void
type Row = Readonly<Record<string, unknown>>

/** The encoder of a table's rows. Compiles code once a table: keep it. `o.compile: false` takes the generic loop. */
export function rowEncoder(schema: TableSchema, o: { compile?: boolean } = {}): RowEncoder {
  const names = schema.columns.map(({ name }) => name)
  const scratches = schema.columns.map((): ByteScratch => ({ bytes: new Uint8Array(0) }))
  const checkNames = nameCheck(schema, names)
  const fill = (o.compile === false ? undefined : compileFill(schema, names)) ?? genericFill(schema, names)
  return {
    encode(rows, from = 0, to) {
      if (!Array.isArray(rows)) throw new TypeError(`Give an array of rows for table ${schema.name}; got ${describeValue(rows)}.`)
      const end = to ?? rows.length
      const builders = schema.columns.map((column, c) => columnBuilder(schema.name, column, end - from, scratches[c] as ByteScratch))
      try {
        fill(rows, from, end, builders)
      } catch (error) {
        // A value that is missing may stand there under a misspelt name, which then is what is wrong.
        const { rowIndex, column } = error instanceof VarveError ? error.context : {}
        const row = rows[rowIndex as number] as Row | undefined
        if (row !== undefined && row[column as string] === undefined) checkNames(row, rowIndex as number)
        throw error
      }
      return { rowCount: end - from, columns: builders.map((builder) => builder.finish()) }
    },
  }
}

/**
 * One pass over the rows; the source for columns `host` (int32) and `tag` (string) reads, shortened:
 *   for (let r = from, i = 0; r < to; r++, i++) {
 *     const row = rows[r]
 *     let given = 0, v
 *     for (const name in row) given++
 *     v = row["host"]; if (typeof v === 'number' && (v | 0) === v) v0[i] = v; else if (!b0.put(i, v, r)) given++
 *     v = row["tag"]; if (typeof v === 'string') b1.putString(i, v, r); else if (!b1.put(i, v, r)) given++
 *     if (given !== 2) checkNames(row, r)
 *   }
 * Names are looked at one by one only where their number shows that some are unknown or left out as `undefined`.
 */
function compileFill(schema: TableSchema, names: readonly string[]): Fill | undefined {
  const heads = schema.columns.map((_, c) => `const b${c} = builders[${c}], v${c} = b${c}.values`)
  const steps = schema.columns.map((column, c) => `v = row[${quoted(column.name)}]; ${fastPut(column, c)} if (!b${c}.put(i, v, r)) given++`)
  const make = compileFunction(
    ['checkRow', 'checkNames'],
    `return function fill(rows, from, to, builders) {
  ${heads.join('\n  ')}
  for (let r = from, i = 0; r < to; r++, i++) {
    const row = rows[r]
    if (typeof row !== 'object' || row === null || Array.isArray(row)) checkRow(row, r)
    let given = 0, v
    for (const name in row) given++
    ${steps.join('\n    ')}
    if (given !== ${names.length}) checkNames(row, r)
  }
}`,
  )
  return make?.(rowCheck(schema), nameCheck(schema, names)) as Fill | undefined
}

/** Source that stores a common value `v` of row i, ending in `else` (or in nothing, where every value goes to `put`). */
export function fastPut({ kind, mode }: ColumnSchema, c: number): string {
  switch (kind) {
    case 'bool':
      return `if (typeof v === 'boolean') v${c}[i] = v ? 1 : 0; else`
    case 'int8':
      return `if (typeof v === 'number' && v << 24 >> 24 === v) v${c}[i] = v; else`
    case 'int16':
      return `if (typeof v === 'number' && v << 16 >> 16 === v) v${c}[i] = v; else`
    case 'int32':
      return `if (typeof v === 'number' && (v | 0) === v) v${c}[i] = v; else`
    case 'int64':
      return mode === 'number'
        ? `if (typeof v === 'number' && Math.floor(v) === v && v <= ${Number.MAX_SAFE_INTEGER} && v >= ${-Number.MAX_SAFE_INTEGER}) v${c}[i] = v + 0; else`
        : ''
    case 'double':
      return `if (typeof v === 'number') v${c}[i] = v; else`
    case 'timestamp':
      return `if (typeof v === 'number' && Math.floor(v) === v && v <= ${timestampMsMax} && v >= ${-timestampMsMax}) v${c}[i] = v + 0; else`
    case 'string':
      return `if (typeof v === 'string') b${c}.putString(i, v, r); else`
    case 'float':
    case 'binary':
      return ''
  }
}

function genericFill(schema: TableSchema, names: readonly string[]): Fill {
  const checkRow = rowCheck(schema)
  const checkNames = nameCheck(schema, names)
  return (rows, from, to, builders) => {
    for (let r = from, i = 0; r < to; r++, i++) {
      const row = rows[r] as Row
      checkRow(row, r)
      for (let c = 0; c < names.length; c++) (builders[c] as ColumnBuilder).put(i, row[names[c] as string], r)
      checkNames(row, r)
    }
  }
}

/** Throws TypeError for a row that is no object. */
export function rowCheck(schema: TableSchema): (row: unknown, rowIndex: number) => void {
  return (row, rowIndex) => {
    if (typeof row === 'object' && row !== null && !Array.isArray(row)) return
    throw new TypeError(`Row ${rowIndex} for table ${schema.name} must be an object with a property per column; got ${describeValue(row)}.`)
  }
}

/** Throws INVALID_VALUE for a row with a property that is none of the names. */
export function nameCheck(schema: TableSchema, names: readonly string[]): (row: object, rowIndex: number | undefined) => void {
  const known = new Set(names)
  return (row, rowIndex) => {
    for (const name of Object.keys(row)) {
      if (!known.has(name)) throw unknownColumn(schema.name, name, names, rowIndex)
    }
  }
}
