import { compileFunction, quoted } from './code-generation.ts'
import { type ByteScratch, type ColumnBuilder, columnBuilder } from './column-builder.ts'
import type { RowBlock } from './column-vector.ts'
import { fastPut, nameCheck, rowCheck } from './row-encoder.ts'
import type { ColumnSchema, TableSchema } from './table-schema.ts'

type Row = Readonly<Record<string, unknown>>

/** Fills builders with rows `rows[inputRows[i]]`; returns how many it read before one whose columns are others. */
type Fill = (rows: readonly object[], inputRows: Int32Array, builders: readonly ColumnBuilder[]) => number

/** Rows that a set of columns must have had before its loop is compiled: that costs as much as some hundred rows without. */
const compiledFromRows = 256

const plain: Row = Object.prototype as unknown as Row

/** Whether a row gives a column: not as `undefined`, nor by what every object has, as one named `constructor`. */
export function isGiven(row: object, name: string): boolean {
  const value = (row as Row)[name]
  return value !== undefined && value !== plain[name]
}

/** Source that says that a column's value `v` is not given. */
function absentSource(name: string): string {
  return name in plain ? `v === undefined || v === plain[${quoted(name)}]` : 'v === undefined'
}

/**
 * Encodes rows that give the same columns of a table, and no others. A property that is `undefined` is not given, but
 * for a column in `defaulted`: that one takes its default.
 */
export class PartialRows {
  /** Of the columns, ascending, in the table's schema. */
  readonly positions: readonly number[]
  readonly #schema: TableSchema
  readonly #columns: readonly ColumnSchema[]
  readonly #scratches: readonly ByteScratch[]
  readonly #defaulted: ReadonlySet<number>
  readonly #compiles: boolean
  #fill: Fill
  #rowsSeen = 0

  constructor(schema: TableSchema, positions: readonly number[], o: { defaulted: ReadonlySet<number>; compile: boolean }) {
    this.positions = positions
    this.#schema = schema
    this.#columns = positions.map((position) => schema.columns[position] as ColumnSchema)
    this.#scratches = positions.map(() => ({ bytes: new Uint8Array(0) }))
    this.#defaulted = o.defaulted
    this.#compiles = o.compile
    this.#fill = this.#generic()
  }

  /** The rows at `inputRows`, as a block of the columns; undefined if one of them gives other columns. INVALID_VALUE for a value that does not fit. */
  encode(rows: readonly object[], inputRows: Int32Array): RowBlock | undefined {
    const rowCount = inputRows.length
    const before = this.#rowsSeen
    this.#rowsSeen += rowCount
    if (this.#compiles && before < compiledFromRows && this.#rowsSeen >= compiledFromRows) this.#fill = this.#compiled() ?? this.#fill
    const builders = this.#columns.map((column, k) => columnBuilder(this.#schema.name, column, rowCount, this.#scratches[k] as ByteScratch))
    if (this.#fill(rows, inputRows, builders) < rowCount) return undefined
    return { rowCount, columns: builders.map((builder) => builder.finish()) }
  }

  /**
   * One pass over the rows, as that of `rowEncoder`, but that a column which is not given ends it. The number of
   * properties shows whether others are given, unless some may come from a prototype.
   */
  #compiled(): Fill | undefined {
    const heads = this.#columns.map((_, k) => `const b${k} = builders[${k}], v${k} = b${k}.values`)
    const steps = this.#columns.map((column, k) => {
      const absent = this.#defaulted.has(this.positions[k] as number) ? '' : `if (${absentSource(column.name)}) return i; else `
      return `v = row[${quoted(column.name)}]; ${fastPut(column, k)} ${absent}b${k}.put(i, v, r)`
    })
    const make = compileFunction(
      ['checkRow', 'givesNoOther', 'prototypeOf', 'plain'],
      `return function fill(rows, inputRows, builders) {
  ${heads.join('\n  ')}
  for (let i = 0; i < inputRows.length; i++) {
    const r = inputRows[i], row = rows[r]
    if (typeof row !== 'object' || row === null || Array.isArray(row)) checkRow(row, r)
    let given = 0, v
    for (const name in row) given++
    if ((given !== ${this.#columns.length} || prototypeOf(row) !== plain) && !givesNoOther(row, r)) return i
    ${steps.join('\n    ')}
  }
  return inputRows.length
}`,
    )
    return make?.(rowCheck(this.#schema), this.#otherCheck(), Object.getPrototypeOf, plain) as Fill | undefined
  }

  #generic(): Fill {
    const checkRow = rowCheck(this.#schema)
    const givesNoOther = this.#otherCheck()
    return (rows, inputRows, builders) => {
      for (let i = 0; i < inputRows.length; i++) {
        const r = inputRows[i] as number
        const row = rows[r] as Row
        checkRow(row, r)
        if (!givesNoOther(row, r)) return i
        for (let k = 0; k < builders.length; k++) {
          const { name } = this.#columns[k] as ColumnSchema
          const value = row[name]
          if (!isGiven(row, name) && !this.#defaulted.has(this.positions[k] as number)) return i
          ;(builders[k] as ColumnBuilder).put(i, value, r)
        }
      }
      return inputRows.length
    }
  }

  /** Whether a row gives none but these columns; INVALID_VALUE for a name that is no column of the table. */
  #otherCheck(): (row: object, rowIndex: number) => boolean {
    const checkNames = nameCheck(
      this.#schema,
      this.#schema.columns.map(({ name }) => name),
    )
    const others = this.#schema.columns.flatMap(({ name }, position) => (this.positions.includes(position) ? [] : [name]))
    return (row, rowIndex) => {
      checkNames(row, rowIndex)
      return !others.some((name) => isGiven(row, name))
    }
  }
}
