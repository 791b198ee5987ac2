import { columnBuilder } from './column-builder.ts'
import { checkValue, describeValue, invalidValue, nullProblem } from './column-value.ts'
import type { ColumnVector, KeyBlock, RowBlock } from './column-vector.ts'
import { encodeKeys } from './key-encoding.ts'
import { isGiven, PartialRows } from './partial-rows.ts'
import { nameCheck, rowCheck } from './row-encoder.ts'
import type { ColumnSchema, ColumnValue, TableSchema } from './table-schema.ts'
import { keyProperties } from './user-key.ts'
import { constantVector, defaultVector } from './vector-ops.ts'

/** Changes that give the same columns. */
export interface ChangeBlock {
  /** Of the columns given, ascending, in the table's schema; those of the key are among them. */
  readonly positions: readonly number[]
  /** The columns at `positions`, in that order. */
  readonly block: RowBlock
  readonly keys: KeyBlock
  /** Where each row stood in the caller's input; ascending. */
  readonly inputRows: Int32Array
}

/** Values that every row that an `updateWhere` finds takes. */
export interface ConstantChange {
  /** Ascending, none of the key; may be empty. */
  readonly positions: readonly number[]
  /** The columns at `positions`, for so many rows. */
  values(rowCount: number): ColumnVector[]
}

/**
 * Turns changes that an application gives into columns. Values are checked as `rowEncoder` checks them: INVALID_VALUE
 * { table, column, rowIndex } for one that does not fit, a column that the table does not have, a part of the key that is
 * missing; TypeError for what is no array of objects. A property that is `undefined` is not given. `rowIndex` counts in
 * the input, of which `[from .. to)` is read. Nothing of the input is kept.
 */
export interface ChangeEncoder {
  /** Rows to insert or change, by the columns that they give: one block if all give the same. A key column may be left to its default. */
  upserts(rows: readonly object[], from?: number, to?: number): ChangeBlock[]
  /** Changes of rows: the key, which cannot change, and any other columns. */
  updates(rows: readonly object[], from?: number, to?: number): ChangeBlock[]
  /** Keys, each a bare value or an object whose other properties are not looked at. */
  keys(keys: readonly unknown[], from?: number, to?: number): ChangeBlock
  /**
   * Whole rows: those of an upsert that turned out to be new, their other columns at their defaults. INVALID_VALUE, for
   * the first of them, if a column that is neither given nor nullable has none.
   */
  completed(change: Pick<ChangeBlock, 'block' | 'inputRows' | 'positions'>): RowBlock
  /** Checks the columns that an `updateWhere` sets. */
  constants(changes: object): ConstantChange
}

/** Sets of columns whose encoders are kept: callers have few. */
const setsMax = 64

/** The encoder of a table's changes. Compiles code for the sets of columns that come often: keep it. `o.compile: false` takes generic loops. */
export function changeEncoder(schema: TableSchema, o: { compile?: boolean } = {}): ChangeEncoder {
  const compile = o.compile !== false
  const defaulted = schema.keyColumns.filter((position) => schema.columns[position]?.default !== undefined)
  const upserts = new PartialRowsEncoder(schema, { defaulted: new Set(defaulted), compile })
  const updates = new PartialRowsEncoder(schema, { defaulted: new Set(), compile })
  return {
    upserts: (rows, from = 0, to = undefined) => upserts.encode(rows, from, to),
    updates: (rows, from = 0, to = undefined) => updates.encode(rows, from, to),
    keys: (keys, from = 0, to = undefined) => encodeKeyColumns(schema, keys, from, to),
    completed: (change) => completedRows(schema, change),
    constants: (changes) => constantChange(schema, changes),
  }
}

/** A block with its columns where the schema has them, for functions that look at those of the key alone; the others are not there. */
export function atSchemaPositions({ block, positions }: Pick<ChangeBlock, 'block' | 'positions'>): RowBlock {
  const columns: ColumnVector[] = []
  for (let k = 0; k < positions.length; k++) columns[positions[k] as number] = block.columns[k] as ColumnVector
  return { rowCount: block.rowCount, columns }
}

/** Rows by the columns that they give. */
class PartialRowsEncoder {
  readonly #schema: TableSchema
  readonly #o: { readonly defaulted: ReadonlySet<number>; readonly compile: boolean }
  readonly #sets = new Map<string, PartialRows>()
  readonly #checkRow: (row: unknown, rowIndex: number) => void
  readonly #checkNames: (row: object, rowIndex: number) => void
  readonly #isKey: readonly boolean[]

  constructor(schema: TableSchema, o: { defaulted: ReadonlySet<number>; compile: boolean }) {
    this.#schema = schema
    this.#o = o
    this.#checkRow = rowCheck(schema)
    this.#checkNames = nameCheck(
      schema,
      schema.columns.map(({ name }) => name),
    )
    this.#isKey = schema.columns.map((_, position) => schema.keyColumns.includes(position))
  }

  encode(rows: readonly object[], from: number, to: number | undefined): ChangeBlock[] {
    if (!Array.isArray(rows)) throw new TypeError(`Give an array of rows for table ${this.#schema.name}; got ${describeValue(rows)}.`)
    const inputRows = rowsFrom(from, to ?? rows.length)
    if (inputRows.length === 0) return []
    const first = this.#setOf(rows[from], from)
    const whole = this.#encodeSet(first, rows, inputRows)
    if (whole) return [whole]
    return this.#bySet(rows, inputRows).map(([set, chosen]) => {
      const change = this.#encodeSet(set, rows, chosen)
      if (change) return change
      throw new TypeError(`A row for table ${this.#schema.name} gave other columns when it was read again; give rows of plain values.`)
    })
  }

  #encodeSet(set: string, rows: readonly object[], inputRows: Int32Array): ChangeBlock | undefined {
    let encoder = this.#sets.get(set)
    if (encoder === undefined) {
      if (this.#sets.size === setsMax) this.#sets.clear()
      const positions = Array.from(set, (character) => character.charCodeAt(0))
      encoder = new PartialRows(this.#schema, positions, this.#o)
      this.#sets.set(set, encoder)
    }
    const block = encoder.encode(rows, inputRows)
    if (block === undefined) return undefined
    return withKeys(this.#schema, encoder.positions, block, inputRows)
  }

  #bySet(rows: readonly object[], inputRows: Int32Array): [set: string, inputRows: Int32Array][] {
    const bySet = new Map<string, number[]>()
    for (const r of inputRows) {
      const set = this.#setOf(rows[r], r)
      const chosen = bySet.get(set)
      if (chosen) chosen.push(r)
      else bySet.set(set, [r])
    }
    return Array.from(bySet, ([set, chosen]) => [set, Int32Array.from(chosen)])
  }

  /** The positions of the columns that a row gives, a character each: a name for the set. */
  #setOf(row: unknown, rowIndex: number): string {
    this.#checkRow(row, rowIndex)
    this.#checkNames(row as object, rowIndex)
    const { columns } = this.#schema
    let set = ''
    for (let position = 0; position < columns.length; position++) {
      const { name } = columns[position] as ColumnSchema
      if (isGiven(row as object, name) || this.#o.defaulted.has(position)) set += String.fromCharCode(position)
      else if (this.#isKey[position]) throw keyPartMissing(this.#schema, name, rowIndex)
    }
    return set
  }
}

function withKeys(schema: TableSchema, positions: readonly number[], block: RowBlock, inputRows: Int32Array): ChangeBlock {
  return { positions, block, keys: encodeKeys(schema, atSchemaPositions({ positions, block }), inputRows), inputRows }
}

function rowsFrom(from: number, to: number): Int32Array {
  const rows = new Int32Array(to - from)
  for (let i = 0; i < rows.length; i++) rows[i] = from + i
  return rows
}

function keyPartMissing(schema: TableSchema, column: string, rowIndex: number) {
  const key = schema.keyColumns.map((position) => schema.columns[position]?.name).join(', ')
  return invalidValue(schema.name, column, rowIndex, `the value is missing; a change names its row by the whole key (${key})`)
}

function encodeKeyColumns(schema: TableSchema, keys: readonly unknown[], from: number, to: number | undefined): ChangeBlock {
  if (!Array.isArray(keys)) throw new TypeError(`Give an array of keys of table ${schema.name}; got ${describeValue(keys)}.`)
  const inputRows = rowsFrom(from, to ?? keys.length)
  const positions = [...schema.keyColumns].sort((a, b) => a - b)
  const columns = positions.map((position) => schema.columns[position] as ColumnSchema)
  const builders = columns.map((column) => columnBuilder(schema.name, column, inputRows.length, { bytes: new Uint8Array(0) }))
  for (let i = 0; i < inputRows.length; i++) {
    const key: unknown = keys[from + i]
    const properties = keyProperties(schema, key)
    for (const [k, { name }] of columns.entries()) {
      const value = properties === undefined ? key : properties[name]
      // A default is for rows that are new; here it would name another row.
      if (value === undefined) throw keyPartMissing(schema, name, from + i)
      builders[k]?.put(i, value, from + i)
    }
  }
  const block = { rowCount: inputRows.length, columns: builders.map((builder) => builder.finish()) }
  return withKeys(schema, positions, block, inputRows)
}

function completedRows(schema: TableSchema, change: Pick<ChangeBlock, 'block' | 'inputRows' | 'positions'>): RowBlock {
  const { block, positions, inputRows } = change
  const { columns: given } = atSchemaPositions(change)
  if (positions.length === schema.columns.length) return block
  const columns = schema.columns.map((column, position): ColumnVector => {
    const vector = given[position]
    if (vector !== undefined) return vector
    if (block.rowCount > 0 && !column.nullable && (column.default ?? null) === null)
      throw invalidValue(
        schema.name,
        column.name,
        inputRows[0],
        `the value is missing, and the row is new: no row has its key. Give ${column.name}, or declare it nullable() or with a default()`,
      )
    return defaultVector(column, block.rowCount)
  })
  return { rowCount: block.rowCount, columns }
}

function constantChange(schema: TableSchema, changes: object): ConstantChange {
  if (typeof changes !== 'object' || changes === null || Array.isArray(changes))
    throw new TypeError(`The changes of table ${schema.name} are an object with a property per column; got ${describeValue(changes)}.`)
  const names = schema.columns.map(({ name }) => name)
  nameCheck(schema, names)(changes, undefined)
  const set: { readonly position: number; readonly column: ColumnSchema; readonly value: ColumnValue }[] = []
  for (const [position, column] of schema.columns.entries()) {
    if (!isGiven(changes, column.name)) continue
    const value = (changes as Readonly<Record<string, unknown>>)[column.name]
    if (schema.keyColumns.includes(position))
      throw invalidValue(
        schema.name,
        column.name,
        undefined,
        'a key column cannot be updated: the key says which row it is. Delete the row, and insert one with the other key',
      )
    set.push({ position, column, value: checkedConstant(schema.name, column, value) })
  }
  return {
    positions: set.map(({ position }) => position),
    values: (rowCount) => set.map(({ column, value }) => constantVector(column, value, rowCount)),
  }
}

/** A value of a column in stored form, kept from what the caller does with his own bytes. */
function checkedConstant(table: string, column: ColumnSchema, value: unknown): ColumnValue {
  if (value !== null) {
    const stored = checkValue(table, column, value)
    return stored instanceof Uint8Array ? new Uint8Array(stored) : stored
  }
  if (!column.nullable) throw invalidValue(table, column.name, undefined, nullProblem(null))
  return null
}
