import { compareBytes, prefixEnd } from './key-search.ts'
import type { TableSchema } from './table-schema.ts'
import { encodeKeyPrefix } from './user-key.ts'

/** Bounds of a scan as an application gives them: each a key or its leading columns. */
export interface KeyBounds {
  readonly prefix?: unknown
  readonly gte?: unknown
  readonly gt?: unknown
  readonly lte?: unknown
  readonly lt?: unknown
}

/** Encoded bounds: from `lower` (inclusive) up to `upper` (exclusive); undefined: open. `empty`: no key can lie between. */
export interface EncodedKeyRange {
  readonly lower: Uint8Array | undefined
  readonly upper: Uint8Array | undefined
  readonly empty: boolean
}

/**
 * The range that all bounds given leave. A bound of leading columns speaks of these columns alone: `lte: { device: 7 }`
 * includes every key of device 7, `gt: { device: 7 }` none of them. Throws TypeError for `gt` with `gte` or `lt` with
 * `lte`, and what `encodeKeyPrefix` throws.
 */
export function keyRange(schema: TableSchema, bounds: KeyBounds): EncodedKeyRange {
  const { prefix, gte, gt, lte, lt } = bounds
  if (gte !== undefined && gt !== undefined) throw new TypeError('Give either gte or gt, not both.')
  if (lte !== undefined && lt !== undefined) throw new TypeError('Give either lte or lt, not both.')
  let lower: Uint8Array | undefined
  let upper: Uint8Array | undefined
  let empty = false
  if (gte !== undefined) lower = encodeKeyPrefix(schema, gte)
  if (gt !== undefined) {
    lower = prefixEnd(encodeKeyPrefix(schema, gt))
    if (lower === undefined) empty = true
  }
  if (lt !== undefined) upper = encodeKeyPrefix(schema, lt)
  if (lte !== undefined) upper = prefixEnd(encodeKeyPrefix(schema, lte))
  if (prefix !== undefined) {
    const from = encodeKeyPrefix(schema, prefix)
    const to = prefixEnd(from)
    if (lower === undefined || compareBytes(from, lower) > 0) lower = from
    if (upper === undefined || (to !== undefined && compareBytes(to, upper) < 0)) upper = to
  }
  if (lower !== undefined && upper !== undefined && compareBytes(lower, upper) >= 0) empty = true
  return { lower, upper, empty }
}
