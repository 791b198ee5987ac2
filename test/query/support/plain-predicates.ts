import type { PredicateNode } from '../../../src/query/predicate.ts'
import type { ColumnValue } from '../../../src/schema/table-schema.ts'
import type { PlainRow } from './random-rows.ts'

/** Three-valued logic as SQL has it: true, false, or null for unknown. */
type Truth = boolean | null

/** The slow and obvious meaning of a predicate. */
export function truthOf(node: PredicateNode, row: PlainRow): Truth {
  switch (node.op) {
    case 'and':
      return node.args.reduce<Truth>((truth, arg) => both(truth, truthOf(arg, row)), true)
    case 'or':
      return negated(node.args.reduce<Truth>((truth, arg) => both(truth, negated(truthOf(arg, row))), true))
    case 'not':
      return negated(truthOf(node.arg, row))
    case 'isNull':
      return row[node.column] === null
    case 'notNull':
      return row[node.column] !== null
  }
  const value = row[node.column] as ColumnValue
  if (value === null) return null
  if (node.op === 'startsWith')
    return Buffer.from(value as string)
      .subarray(0, Buffer.byteLength(node.prefix))
      .equals(Buffer.from(node.prefix))
  if (node.op === 'in') return node.values.some((literal) => order(value, literal) === 0)
  if (node.op === 'between') return (order(value, node.low) ?? -1) >= 0 && (order(value, node.high) ?? 1) <= 0
  const o = order(value, node.value)
  if (node.comparison === 'ne') return o !== 0
  if (o === undefined) return false
  return { eq: o === 0, lt: o < 0, lte: o <= 0, gt: o > 0, gte: o >= 0 }[node.comparison]
}

function both(a: Truth, b: Truth): Truth {
  if (a === false || b === false) return false
  return a === null || b === null ? null : true
}

function negated(truth: Truth): Truth {
  return truth === null ? null : !truth
}

/** Undefined where NaN takes part. */
function order(value: Exclude<ColumnValue, null>, literal: unknown): number | undefined {
  if (typeof value === 'string' || value instanceof Uint8Array)
    return Buffer.compare(Buffer.from(value as string), Buffer.from(literal as string))
  const a = Number.isNaN(value) ? undefined : (value as number)
  const b = literal instanceof Date ? literal.getTime() : (literal as number)
  if (a === undefined || Number.isNaN(b)) return undefined
  return a < b ? -1 : a > b ? 1 : 0
}
