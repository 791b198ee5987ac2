import { requireOptions } from '../base/call-options.ts'
import { describeValue, valueProblem } from './column-value.ts'
import type { ColumnKind } from './column-vector.ts'
import type { ColumnSchema, ColumnValue } from './table-schema.ts'

declare const types: unique symbol

/** What a column says of itself at run time. */
export interface ColumnSpec {
  readonly kind: ColumnKind
  readonly nullable: boolean
  /** For int64; `bigint` elsewhere, where it means nothing. */
  readonly mode: 'bigint' | 'number'
  /** Stored form (a `Date` given as a default is milliseconds here); absent: no default. */
  readonly default?: ColumnValue
}

/**
 * A column of a definition: immutable; `nullable` and `default` give a new one. `K` is its kind, `V` the type of its
 * values, `N` whether null is allowed, `D` whether it has a default.
 */
export interface Column<K extends ColumnKind, V, N extends boolean = false, D extends boolean = false> {
  readonly [types]?: { kind: K; value: V; nullable: N; hasDefault: D }
  readonly spec: ColumnSpec
  /** Allows null; an insert may then leave the column out, which stores its default, or null. */
  nullable(): Column<K, V, true, D>
  /** Stored when an insert leaves the column out. TypeError if the value does not fit the column. */
  default(value: (K extends 'timestamp' ? V | Date : V) | (N extends true ? null : never)): Column<K, V, N, true>
}

/** Any column. */
export type AnyColumn = Column<ColumnKind, unknown, boolean, boolean>

class ColumnDefinition<K extends ColumnKind, V, N extends boolean, D extends boolean> implements Column<K, V, N, D> {
  readonly spec: ColumnSpec

  constructor(spec: ColumnSpec) {
    this.spec = Object.freeze(spec)
  }

  nullable(): Column<K, V, true, D> {
    return new ColumnDefinition({ ...this.spec, nullable: true })
  }

  default(value: unknown): Column<K, V, N, true> {
    return new ColumnDefinition({ ...this.spec, default: checkedDefault(this.spec, value) })
  }
}

/** True or false. */
export function bool(): Column<'bool', boolean> {
  return column('bool')
}
/** A whole number from −128 to 127. */
export function int8(): Column<'int8', number> {
  return column('int8')
}
/** A whole number from −32,768 to 32,767. */
export function int16(): Column<'int16', number> {
  return column('int16')
}
/** A whole number from −2^31 to 2^31 − 1. */
export function int32(): Column<'int32', number> {
  return column('int32')
}
/**
 * A whole number from −2^63 to 2^63 − 1: a `bigint` in rows, or with `mode: 'number'` a `number`, and then an error
 * beyond ±(2^53 − 1), never a rounded value.
 */
export function int64(o?: { mode?: 'bigint' }): Column<'int64', bigint>
export function int64(o: { mode: 'number' }): Column<'int64', number>
export function int64(o: { mode?: 'bigint' | 'number' } = {}): Column<'int64', bigint> | Column<'int64', number> {
  requireOptions('int64', o, ['mode'])
  const mode = o.mode ?? 'bigint'
  if (mode !== 'bigint' && mode !== 'number') throw new TypeError(`int64({ mode }) is 'bigint' or 'number'; got ${describeValue(mode)}.`)
  if (mode === 'bigint') return column<'int64', bigint>('int64')
  return new ColumnDefinition<'int64', number, false, false>({ kind: 'int64', nullable: false, mode })
}
/** A 32-bit floating-point number; values are rounded to it. */
export function float(): Column<'float', number> {
  return column('float')
}
/** A 64-bit floating-point number, as JavaScript's own. */
export function double(): Column<'double', number> {
  return column('double')
}
/** Whole milliseconds since 1970, a `number` in rows; a `Date` is accepted. */
export function timestamp(): Column<'timestamp', number> {
  return column('timestamp')
}
/** Well-formed text, stored as UTF-8 and ordered by code point. `string<'up' | 'down'>()` narrows its type. */
export function string(): Column<'string', string>
export function string<T extends string>(): Column<'string', T>
export function string(): Column<'string', string> {
  return column('string')
}
/** Bytes: a `Uint8Array`. */
export function binary(): Column<'binary', Uint8Array> {
  return column('binary')
}

/** Whether a value is a column made by one of the builders above (of any loaded copy of Varve). */
export function isColumn(value: unknown): value is AnyColumn {
  const spec = (value as { spec?: { kind?: unknown } } | null | undefined)?.spec
  return typeof spec?.kind === 'string' && typeof (value as AnyColumn).nullable === 'function'
}

/** The column that a stored one came from. */
export function columnFromSchema({ kind, nullable, mode, default: fallback }: ColumnSchema): AnyColumn {
  return new ColumnDefinition<ColumnKind, unknown, boolean, boolean>({
    kind,
    nullable,
    mode,
    ...(fallback === undefined ? {} : { default: fallback }),
  })
}

function column<K extends ColumnKind, V>(kind: K): Column<K, V> {
  return new ColumnDefinition<K, V, false, false>({ kind, nullable: false, mode: 'bigint' })
}

function checkedDefault(spec: ColumnSpec, value: unknown): ColumnValue {
  if (value === null && spec.nullable) return null
  const problem =
    value === null
      ? 'null needs nullable() before default(null)'
      : value === undefined
        ? 'give a value'
        : valueProblem({ ...spec, id: 0, name: 'default' } satisfies ColumnSchema, value)
  if (problem !== undefined) throw new TypeError(`The default of the ${spec.kind} column does not fit it: ${problem}.`)
  if (value instanceof Date) return value.getTime()
  return value instanceof Uint8Array ? new Uint8Array(value) : Object.is(value, -0) ? 0 : (value as ColumnValue)
}
