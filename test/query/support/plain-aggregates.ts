import type { AggregateNode } from '../../../src/query/aggregate.ts'
import type { ColumnValue } from '../../../src/schema/table-schema.ts'
import type { PlainRow } from './random-rows.ts'

/** The slow and obvious meaning of a query: rows in, results by group out. */
export function plainAggregate(
  rows: readonly PlainRow[],
  select: Readonly<Record<string, AggregateNode>>,
  groupBy: Readonly<Record<string, (row: PlainRow) => ColumnValue>> | undefined,
): PlainRow[] {
  const groups = new Map<string, { keys: PlainRow; rows: PlainRow[] }>()
  if (groupBy === undefined) groups.set('', { keys: {}, rows: [...rows] })
  else {
    for (const row of rows) {
      const keys = Object.fromEntries(Object.entries(groupBy).map(([name, keyOf]) => [name, keyOf(row)]))
      const id = Object.values(keys).map(identity).join('|')
      const group = groups.get(id) ?? { keys, rows: [] }
      groups.set(id, group)
      group.rows.push(row)
    }
  }
  return [...groups.values()].map((group) => {
    const results = Object.entries(select).map(([name, node]) => [name, resultOf(node, group.rows)] as const)
    return { ...group.keys, ...Object.fromEntries(results) }
  })
}

/** Equal for values that are one group: NaN equals itself, −0 is 0. */
export function identity(value: ColumnValue): string {
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString('hex')}`
  if (typeof value === 'string') return JSON.stringify(value)
  return `${typeof value} ${value === 0 ? '0' : String(value)}`
}

/** The one order of values: null, then by number, code point, byte; NaN last. */
export function plainOrder(a: ColumnValue, b: ColumnValue): number {
  if (a === null || b === null) return Number(b === null) - Number(a === null)
  if (typeof a === 'string' || a instanceof Uint8Array) return Buffer.compare(Buffer.from(a as string), Buffer.from(b as string))
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b))
  return a < b ? -1 : a > b ? 1 : 0
}

const keyColumns = ['host', 'part', 'seq']

function resultOf(node: AggregateNode, rows: readonly PlainRow[]): ColumnValue {
  if (node.op === 'count' && node.column === undefined) return rows.length
  const values = rows.map((row) => row[node.column as string] as ColumnValue).filter((value) => value !== null)
  const ordered = values.filter((value) => !Number.isNaN(value)).sort(plainOrder)
  switch (node.op) {
    case 'count':
      return values.length
    case 'countDistinct':
      return new Set(values.map(identity)).size
    case 'min':
      return ordered[0] ?? null
    case 'max':
      return ordered.at(-1) ?? null
    case 'sum':
      return values.length === 0 ? null : total(values)
    case 'avg':
      return values.length === 0 ? null : Number(total(values)) / values.length
    default: {
      const by = node.by
      const placed = rows
        .filter((row) => row[by] !== null && !Number.isNaN(row[by]))
        .sort((a, b) => {
          for (const name of [by, ...keyColumns]) {
            const order = plainOrder(a[name] as ColumnValue, b[name] as ColumnValue)
            if (order !== 0) return order
          }
          return 0
        })
      return (node.op === 'first' ? placed[0] : placed.at(-1))?.[node.column] ?? null
    }
  }
}

function total(values: readonly ColumnValue[]): number | bigint {
  return typeof values[0] === 'bigint'
    ? (values as bigint[]).reduce((sum, value) => sum + value, 0n)
    : (values as number[]).reduce((sum, value) => sum + value, 0)
}
