import { encodeKeyValues, prefixEnd } from '../schema/key-encoding.ts'
import type { EncodedKeyRange } from '../schema/key-range.ts'
import type { TableSchema } from '../schema/table-schema.ts'
import type { Literal, PredicateNode } from './predicate.ts'

const everything: EncodedKeyRange = { lower: undefined, upper: undefined, empty: false }

/** What a conjunction says of one column. */
interface Bounds {
  equal?: Literal
  low?: { readonly value: Literal; readonly open: boolean }
  high?: { readonly value: Literal; readonly open: boolean }
  prefix?: string
}

/**
 * The keys to which a predicate confines itself: equalities on leading key columns, then a range of the next one. A
 * literal that the column cannot hold narrows nothing; the predicate still decides.
 */
export function predicateKeyRange(schema: TableSchema, node: PredicateNode): EncodedKeyRange {
  const byColumn = new Map<string, Bounds>()
  collect(node, byColumn)
  const fixed: Literal[] = []
  for (const position of schema.keyColumns) {
    const bounds = byColumn.get(schema.columns[position]?.name ?? '')
    if (bounds?.equal === undefined) return narrow(schema, fixed, bounds)
    if (!encodes(schema, [...fixed, bounds.equal])) return narrow(schema, fixed, undefined)
    fixed.push(bounds.equal)
  }
  return narrow(schema, fixed, undefined)
}

function collect(node: PredicateNode, byColumn: Map<string, Bounds>): void {
  if (node.op === 'and') {
    for (const arg of node.args) collect(arg, byColumn)
    return
  }
  if (node.op !== 'compare' && node.op !== 'between' && node.op !== 'startsWith') return
  const bounds = byColumn.get(node.column) ?? {}
  byColumn.set(node.column, bounds)
  if (node.op === 'startsWith') bounds.prefix ??= node.prefix
  else if (node.op === 'between') {
    bounds.low ??= { value: node.low, open: false }
    bounds.high ??= { value: node.high, open: false }
  } else if (node.comparison === 'eq') bounds.equal ??= node.value
  else if (node.comparison === 'gt' || node.comparison === 'gte') bounds.low ??= { value: node.value, open: node.comparison === 'gt' }
  else if (node.comparison === 'lt' || node.comparison === 'lte') bounds.high ??= { value: node.value, open: node.comparison === 'lt' }
}

function narrow(schema: TableSchema, fixed: readonly Literal[], bounds: Bounds | undefined): EncodedKeyRange {
  const shared = fixed.length > 0 ? encodeKeyValues(schema, fixed) : undefined
  let lower = shared
  let upper = shared && prefixEnd(shared)
  const low = bounds?.low
  const high = bounds?.high
  if (bounds?.prefix !== undefined && encodes(schema, [...fixed, bounds.prefix])) {
    const start = encodeKeyValues(schema, [...fixed, bounds.prefix], { open: true })
    return { lower: start, upper: prefixEnd(start), empty: false }
  }
  if (low && encodes(schema, [...fixed, low.value])) {
    const start = encodeKeyValues(schema, [...fixed, low.value])
    lower = low.open ? (prefixEnd(start) ?? lower) : start
  }
  if (high && encodes(schema, [...fixed, high.value])) {
    const end = encodeKeyValues(schema, [...fixed, high.value])
    upper = high.open ? end : prefixEnd(end)
  }
  if (!lower && !upper) return everything
  return { lower, upper, empty: false }
}

/** Whether values can be values of the leading key columns. */
function encodes(schema: TableSchema, values: readonly Literal[]): boolean {
  try {
    encodeKeyValues(schema, values)
    return true
  } catch {
    return false
  }
}
