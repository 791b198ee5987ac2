import { requireOptions } from '../base/call-options.ts'
import { describeValue } from '../schema/column-value.ts'
import { compareBytes } from '../schema/key-encoding.ts'
import { type EncodedKeyRange, type KeyBounds, keyRange } from '../schema/key-range.ts'
import { tabletsForRange } from '../schema/partitioner.ts'
import type { TableSchema } from '../schema/table-schema.ts'
import { columnPositions } from './columns.ts'
import { type CompiledPredicate, compilePredicate, predicateNode } from './compiled-predicate.ts'
import { predicateKeyRange } from './key-narrowing.ts'
import type { Predicate } from './predicate.ts'

/** A scan as it is asked for, its types erased. */
export interface ScanRequest extends KeyBounds {
  readonly columns?: readonly PropertyKey[]
  readonly where?: Predicate<never>
  readonly order?: 'key' | 'any'
  readonly reverse?: boolean
  readonly limit?: number
}

/** A scan bound to a schema: what is read, and of what keys. */
export interface ScanPlan {
  readonly schema: TableSchema
  readonly range: EncodedKeyRange
  /** Positions of the columns that are returned, in their order. */
  readonly positions: readonly number[]
  readonly predicate: CompiledPredicate | undefined
  readonly sorted: boolean
  readonly reverse: boolean
  /** Infinity: no limit. */
  readonly limit: number
  /** Ordinals of the tablets that may hold keys of the range. */
  tabletsOf(): readonly number[]
}

const knownOptions = ['columns', 'where', 'prefix', 'gte', 'gt', 'lte', 'lt', 'order', 'reverse', 'limit', 'snapshot', 'asOf', 'signal']

/** Binds a request to a schema. TypeError for options that make no sense, INVALID_VALUE for bounds that do not fit. */
export function planScan(schema: TableSchema, request: ScanRequest): ScanPlan {
  requireOptions('scan', request, knownOptions)
  const { order, reverse = false, limit } = request
  if (order !== undefined && order !== 'key' && order !== 'any')
    throw new TypeError(`order is 'key' or 'any'; got ${describeValue(order)}.`)
  if (typeof reverse !== 'boolean') throw new TypeError(`reverse is true or false; got ${describeValue(reverse)}.`)
  if (reverse && order === 'any') throw new TypeError("reverse goes with order: 'key'.")
  requireLimit(limit)
  const positions = request.columns ? columnPositions(schema, request.columns) : schema.columns.map((_, position) => position)
  return planRead(schema, request, { positions, sorted: reverse || order === 'key', reverse, limit: limit ?? Number.POSITIVE_INFINITY })
}

/** The part that scans and aggregates share: the predicate, and the keys that it and the bounds leave. */
export function planRead(
  schema: TableSchema,
  request: KeyBounds & { readonly where?: Predicate<never> },
  o: Pick<ScanPlan, 'positions' | 'sorted' | 'reverse' | 'limit'>,
): ScanPlan {
  const node = request.where === undefined ? undefined : predicateNode(request.where)
  const predicate = node === undefined ? undefined : compilePredicate(schema, node)
  const asked = keyRange(schema, request)
  const range = node === undefined ? asked : intersect(asked, predicateKeyRange(schema, node))
  return { schema, range, predicate, ...o, tabletsOf: () => (range.empty ? [] : tabletsForRange(schema, range)) }
}

/** TypeError unless the limit is absent or a whole number of at least 0. */
export function requireLimit(limit: number | undefined): void {
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 0))
    throw new TypeError(`limit is a whole number of at least 0; got ${describeValue(limit)}.`)
}

function intersect(a: EncodedKeyRange, b: EncodedKeyRange): EncodedKeyRange {
  const lower = !a.lower || (b.lower && compareBytes(b.lower, a.lower) > 0) ? b.lower : a.lower
  const upper = !a.upper || (b.upper && compareBytes(b.upper, a.upper) < 0) ? b.upper : a.upper
  const crossed = lower !== undefined && upper !== undefined && compareBytes(lower, upper) >= 0
  return { lower, upper, empty: a.empty || b.empty || crossed }
}
