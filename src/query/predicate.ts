/**
 * Predicates as an application writes them: `and(eq('status', 'up'), gt('battery', 5))`. A predicate carries, in its
 * type, the columns it reads and their types; it is a plain tree (`PredicateNode`) underneath, bound to a table's
 * schema only when a scan starts. Null as in SQL: a comparison with a null is unknown, and only rows for which the
 * whole predicate is true are returned; `isNull` and `notNull` are the only ones to see nulls. NaN matches no range
 * and no equality.
 */
import { describeValue } from '../schema/column-value.ts'

declare const reads: unique symbol

/** Contravariant in the row it can read: a predicate on fewer columns fits every table that has them. */
export interface Predicate<in R> {
  readonly [reads]?: (row: R) => void
}

export type Literal = string | number | bigint | boolean | Uint8Array | Date
export type Comparison = 'eq' | 'ne' | 'lt' | 'lte' | 'gt' | 'gte'

export type PredicateNode =
  | { readonly op: 'compare'; readonly column: string; readonly comparison: Comparison; readonly value: Literal }
  | { readonly op: 'between'; readonly column: string; readonly low: Literal; readonly high: Literal }
  | { readonly op: 'in'; readonly column: string; readonly values: readonly Literal[] }
  | { readonly op: 'startsWith'; readonly column: string; readonly prefix: string }
  | { readonly op: 'isNull' | 'notNull'; readonly column: string }
  | { readonly op: 'and' | 'or'; readonly args: readonly PredicateNode[] }
  | { readonly op: 'not'; readonly arg: PredicateNode }

type Cell<C extends string, V> = { readonly [K in C]: V | null }
type Widen<V> = V extends string
  ? string
  : V extends Date
    ? number
    : V extends number
      ? number
      : V extends bigint
        ? bigint
        : V extends boolean
          ? boolean
          : V
type Reads<P> = P extends Predicate<infer R> ? R : never
type Meet<U> = (U extends unknown ? (x: U) => void : never) extends (x: infer I) => void ? I : never
type Compared<C extends string, V> = Predicate<Cell<C, Widen<V>>>
/** A moment may be given as a `Date` or in milliseconds. */
type SameKind<V> = V extends number | Date ? number | Date : Widen<V>
/** An empty list fits a column of any type. */
type Listed<C extends string, V> = [V] extends [never] ? Predicate<{ readonly [K in C]: unknown }> : Compared<C, V>

function compare(column: string, comparison: Comparison, value: Literal): PredicateNode {
  return Object.freeze({ op: 'compare', column, comparison, value })
}

/** Rows whose column equals the value. */
export function eq<const C extends string, V extends Literal>(column: C, value: V): Compared<C, V> {
  return compare(column, 'eq', value) as Compared<C, V>
}
/** Rows whose column is neither null nor equal to the value. */
export function ne<const C extends string, V extends Literal>(column: C, value: V): Compared<C, V> {
  return compare(column, 'ne', value) as Compared<C, V>
}
/** Rows whose column is less than the value. */
export function lt<const C extends string, V extends Literal>(column: C, value: V): Compared<C, V> {
  return compare(column, 'lt', value) as Compared<C, V>
}
/** Rows whose column is at most the value. */
export function lte<const C extends string, V extends Literal>(column: C, value: V): Compared<C, V> {
  return compare(column, 'lte', value) as Compared<C, V>
}
/** Rows whose column is greater than the value. */
export function gt<const C extends string, V extends Literal>(column: C, value: V): Compared<C, V> {
  return compare(column, 'gt', value) as Compared<C, V>
}
/** Rows whose column is at least the value. */
export function gte<const C extends string, V extends Literal>(column: C, value: V): Compared<C, V> {
  return compare(column, 'gte', value) as Compared<C, V>
}
/** Rows whose column lies between the two values, both included. */
export function between<const C extends string, V extends Literal>(column: C, low: V, high: SameKind<V>): Compared<C, V> {
  return Object.freeze({ op: 'between', column, low, high }) as Compared<C, V>
}
/** Rows whose column equals one of the values; none for an empty list. */
export function inList<const C extends string, V extends Literal>(column: C, values: readonly V[]): Listed<C, V> {
  // A string is iterable too, and would be taken for the list of its characters.
  if (typeof values !== 'object' || values === null || !(Symbol.iterator in values))
    throw new TypeError(`inList takes an array of values, as in inList('status', ['up', 'down']); got ${describeValue(values)}.`)
  return Object.freeze({ op: 'in', column, values: [...values] }) as Listed<C, V>
}
/** Rows whose string column begins with the prefix (compared by code point). */
export function startsWith<const C extends string>(column: C, prefix: string): Predicate<Cell<C, string>> {
  return Object.freeze({ op: 'startsWith', column, prefix }) as Predicate<Cell<C, string>>
}
/** Rows whose column is null. */
export function isNull<const C extends string>(column: C): Predicate<{ readonly [K in C]: unknown }> {
  return Object.freeze({ op: 'isNull', column }) as Predicate<{ readonly [K in C]: unknown }>
}
/** Rows whose column is not null. */
export function notNull<const C extends string>(column: C): Predicate<{ readonly [K in C]: unknown }> {
  return Object.freeze({ op: 'notNull', column }) as Predicate<{ readonly [K in C]: unknown }>
}
/** Rows that every predicate matches; all rows for none. */
export function and<P extends readonly Predicate<never>[]>(...predicates: P): Predicate<Meet<Reads<P[number]>>> {
  return Object.freeze({ op: 'and', args: predicates as unknown as PredicateNode[] }) as Predicate<Meet<Reads<P[number]>>>
}
/** Rows that some predicate matches; no row for none. */
export function or<P extends readonly Predicate<never>[]>(...predicates: P): Predicate<Meet<Reads<P[number]>>> {
  return Object.freeze({ op: 'or', args: predicates as unknown as PredicateNode[] }) as Predicate<Meet<Reads<P[number]>>>
}
/** Rows for which the predicate is false; unknown (a null was compared) stays unknown, as in SQL. */
export function not<R>(predicate: Predicate<R>): Predicate<R> {
  return Object.freeze({ op: 'not', arg: predicate as unknown as PredicateNode }) as Predicate<R>
}
