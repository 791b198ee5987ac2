/** Aggregates and buckets as an application writes them; evaluated over column batches by `Aggregation`. */
import { requireOptions } from '../base/call-options.ts'

declare const reads: unique symbol
declare const gives: unique symbol

/** Contravariant in the row it can read; `G` and `C` say what its result's type is. */
export interface Aggregate<in R, G extends string, C extends string> {
  readonly [reads]?: (row: R) => void
  readonly [gives]?: { how: G; column: C }
}

export type AggregateNode =
  | { readonly op: 'count'; readonly column: string | undefined }
  | { readonly op: 'sum' | 'avg' | 'min' | 'max' | 'countDistinct'; readonly column: string }
  | { readonly op: 'first' | 'last'; readonly column: string; readonly by: string }

/** A group key made from a timestamp or number column, rounded down to a multiple of a width. */
export interface Bucket<in R> {
  readonly [reads]?: (row: R) => void
  readonly bucket: true
}

export interface BucketNode {
  readonly bucket: true
  readonly column: string
  /** Milliseconds (or the column's own unit), or a calendar width: `15m`, `1h`, `1d`, `1w`, `1mo`, `1y`. */
  readonly width: number | string
  readonly timeZone: string | undefined
  readonly originMs: number | undefined
}

type Numeric<C extends string> = { readonly [K in C]: number | bigint | null }
type Any<C extends string> = { readonly [K in C]: unknown }

/** The number of rows, or, of a column, the number of its values that are not null. */
export function count<const C extends string = never>(column?: C): Aggregate<[C] extends [never] ? unknown : Any<C>, 'count', never> {
  return Object.freeze({ op: 'count', column }) as Aggregate<[C] extends [never] ? unknown : Any<C>, 'count', never>
}
/** The sum of the values that are not null; null if there are none. A `bigint` for an int64 column in bigint mode. */
export function sum<const C extends string>(column: C): Aggregate<Numeric<C>, 'sum', C> {
  return Object.freeze({ op: 'sum', column }) as Aggregate<Numeric<C>, 'sum', C>
}
/** The mean of the values that are not null, as a number; null if there are none. */
export function avg<const C extends string>(column: C): Aggregate<Numeric<C>, 'avg', C> {
  return Object.freeze({ op: 'avg', column }) as Aggregate<Numeric<C>, 'avg', C>
}
/** The smallest value; NaN and null are left out; null if there are none. */
export function min<const C extends string>(column: C): Aggregate<Any<C>, 'value', C> {
  return Object.freeze({ op: 'min', column }) as Aggregate<Any<C>, 'value', C>
}
/** The largest value; NaN and null are left out; null if there are none. */
export function max<const C extends string>(column: C): Aggregate<Any<C>, 'value', C> {
  return Object.freeze({ op: 'max', column }) as Aggregate<Any<C>, 'value', C>
}
/** How many different values that are not null there are (exact; memory grows with them). */
export function countDistinct<const C extends string>(column: C): Aggregate<Any<C>, 'count', never> {
  return Object.freeze({ op: 'countDistinct', column }) as Aggregate<Any<C>, 'count', never>
}
/** The column's value in the row where `by` is smallest (rows where `by` is null are left out; ties: the smallest key). */
export function first<const C extends string, const B extends string>(column: C, o: { by: B }): Aggregate<Any<C | B>, 'value', C> {
  requireOptions('first', o, ['by'])
  return Object.freeze({ op: 'first', column, by: o?.by }) as Aggregate<Any<C | B>, 'value', C>
}
/** The column's value in the row where `by` is largest (rows where `by` is null are left out; ties: the largest key). */
export function last<const C extends string, const B extends string>(column: C, o: { by: B }): Aggregate<Any<C | B>, 'value', C> {
  requireOptions('last', o, ['by'])
  return Object.freeze({ op: 'last', column, by: o?.by }) as Aggregate<Any<C | B>, 'value', C>
}
/**
 * A group key: the column rounded down to a multiple of `width`, counted from `originMs` (default 0). For a timestamp,
 * `width` may be a calendar width (`'15m' '1h' '1d' '1w' '1mo' '1y'`), counted in `timeZone` (an IANA name; default UTC);
 * weeks begin on Monday. The group's value is the bucket's start, in the column's unit.
 */
export function bucket<const C extends string>(
  column: C,
  width: number | string,
  o: { timeZone?: string; originMs?: number } = {},
): Bucket<{ readonly [K in C]: number }> {
  requireOptions('bucket', o, ['timeZone', 'originMs'])
  const node: BucketNode = { bucket: true, column, width, timeZone: o.timeZone, originMs: o.originMs }
  return Object.freeze(node) as Bucket<{ readonly [K in C]: number }>
}

/** The type of an aggregate's result over rows `R`. */
export type AggregateResult<A, R> =
  A extends Aggregate<infer _Row, infer G, infer C>
    ? G extends 'count'
      ? number
      : G extends 'avg'
        ? number | null
        : C extends keyof R
          ? G extends 'sum'
            ? R[C] | null
            : NonNullable<R[C]> | null
          : never
    : never

/** The type of the group columns of a result over rows `R`. */
export type GroupKeys<G, R> = G extends readonly (keyof R)[]
  ? Pick<R, G[number]>
  : { -readonly [K in keyof G]: G[K] extends keyof R ? R[G[K]] : number }
