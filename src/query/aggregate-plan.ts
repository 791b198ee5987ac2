/** What an aggregate is asked for, bound to a schema: columns found, names and types checked, before anything is read. */
import { requireOptions } from '../base/call-options.ts'
import { didYouMean } from '../base/suggest.ts'
import { describeValue } from '../schema/column-value.ts'
import type { ColumnSchema, TableSchema } from '../schema/table-schema.ts'
import type { Aggregate, AggregateNode, Bucket, BucketNode } from './aggregate.ts'
import { type BucketRule, bucketRule } from './bucket-rule.ts'
import { columnAt, columnPosition } from './columns.ts'
import type { Predicate } from './predicate.ts'
import { planRead, requireLimit, type ScanPlan } from './scan-plan.ts'

type OrderRequest = string | { readonly column: string; readonly direction?: 'ascending' | 'descending' }

/** An aggregate as it is asked for, its types erased. */
export interface AggregateRequest {
  readonly select: { readonly [name: string]: Aggregate<never, string, string> }
  readonly where?: Predicate<never>
  readonly groupBy?: readonly PropertyKey[] | { readonly [name: string]: PropertyKey | Bucket<never> } | undefined
  readonly orderBy?: OrderRequest | readonly OrderRequest[] | undefined
  readonly limit?: number | undefined
}

/** A column of the result that says which group a row of it is. */
export interface GroupPlan {
  readonly name: string
  readonly position: number
  readonly column: ColumnSchema
  readonly bucket: BucketRule | undefined
}

/** A column of the result that is computed. */
export interface MeasurePlan {
  readonly name: string
  readonly op: AggregateNode['op']
  /** Absent for the count of rows. */
  readonly position: number | undefined
  /** For first and last: the column that decides. */
  readonly by: number | undefined
}

export interface OrderTerm {
  /** Index among the result's columns: groups, then measures. */
  readonly index: number
  readonly descending: boolean
}

export interface AggregatePlan {
  readonly scan: ScanPlan
  /** Undefined: one object over all rows. */
  readonly groups: readonly GroupPlan[] | undefined
  readonly measures: readonly MeasurePlan[]
  readonly order: readonly OrderTerm[]
  /** Infinity: all groups. */
  readonly limit: number
}

const knownOptions = ['select', 'where', 'groupBy', 'orderBy', 'limit', 'snapshot', 'asOf', 'signal']
const knownOps: readonly string[] = ['count', 'sum', 'avg', 'min', 'max', 'countDistinct', 'first', 'last'] satisfies AggregateNode['op'][]

/** Binds a request to a schema. TypeError for whatever makes no sense: the message says what would. */
export function planAggregate(schema: TableSchema, request: AggregateRequest): AggregatePlan {
  requireRequest(request)
  const groups = request.groupBy === undefined ? undefined : planGroups(schema, request.groupBy)
  const measures = Object.entries(request.select).map(([name, aggregate]) => planMeasure(schema, name, aggregate))
  const names = [...(groups ?? []), ...measures].map(({ name }) => name)
  for (const [index, name] of names.entries()) {
    if (names.indexOf(name) !== index)
      throw new TypeError(
        `The result would have two columns "${name}". Give one another name: select: { ${name}2: … }, or groupBy: { ${name}2: … }.`,
      )
  }
  const order = planOrder(names, request.orderBy)
  const positions = new Set<number>()
  for (const { position } of groups ?? []) positions.add(position)
  for (const { position, by } of measures) for (const read of [position, by]) if (read !== undefined) positions.add(read)
  const scan = planRead(schema, request.where === undefined ? {} : { where: request.where }, {
    positions: [...positions],
    sorted: false,
    reverse: false,
    limit: Number.POSITIVE_INFINITY,
  })
  return { scan, groups, measures, order, limit: request.limit ?? Number.POSITIVE_INFINITY }
}

function requireRequest(request: AggregateRequest): void {
  requireOptions('aggregate', request ?? null, knownOptions)
  const { select, groupBy, orderBy, limit } = request
  if (typeof select !== 'object' || select === null || Array.isArray(select)) {
    throw new TypeError(`select takes an object of aggregates, such as { n: count(), mean: avg('column') }; got ${describeValue(select)}.`)
  }
  if (groupBy === undefined && orderBy !== undefined) throw new TypeError('orderBy goes with groupBy: without groups there is one result.')
  if (groupBy === undefined && limit !== undefined) throw new TypeError('limit goes with groupBy: without groups there is one result.')
  requireLimit(limit)
}

function planGroups(schema: TableSchema, groupBy: NonNullable<AggregateRequest['groupBy']>): GroupPlan[] {
  if (typeof groupBy !== 'object') {
    throw new TypeError(`groupBy takes an array of columns, or an object { name: 'column' or bucket(…) }; got ${describeValue(groupBy)}.`)
  }
  const entries: (readonly [string, unknown])[] = Array.isArray(groupBy)
    ? groupBy.map((name) => [String(name), name])
    : Object.entries(groupBy)
  return entries.map(([name, key]) => {
    if (typeof key !== 'object' || key === null) return planGroup(schema, name, String(key), undefined)
    if (Array.isArray(groupBy)) throw new TypeError(`Name the bucket: groupBy: { name: bucket(…) }.`)
    if ((key as Partial<BucketNode>).bucket !== true) throw new TypeError(`groupBy: "${name}" is a column's name or a bucket(…).`)
    const node = key as BucketNode
    return planGroup(schema, name, node.column, node)
  })
}

function planGroup(schema: TableSchema, name: string, columnName: string, node: BucketNode | undefined): GroupPlan {
  const position = columnPosition(schema, columnName)
  const column = columnAt(schema, position)
  return { name, position, column, bucket: node === undefined ? undefined : bucketRule(schema.name, column, node) }
}

function planMeasure(schema: TableSchema, name: string, aggregate: Aggregate<never, string, string>): MeasurePlan {
  const node = aggregate as unknown as Partial<AggregateNode> | null | undefined
  if (typeof node !== 'object' || node === null || typeof node.op !== 'string' || !knownOps.includes(node.op)) {
    throw new TypeError(`select: "${name}" is an aggregate, such as count() or avg('column'); got ${describeValue(aggregate)}.`)
  }
  const { op, column, by } = node as { readonly op: AggregateNode['op']; readonly column: string | undefined; readonly by?: string }
  if (column === undefined && op === 'count') return { name, op, position: undefined, by: undefined }
  const position = columnPosition(schema, column as string)
  if (op === 'sum' || op === 'avg') requireNumeric(schema.name, columnAt(schema, position), op)
  const ordered = op === 'first' || op === 'last'
  if (ordered && by === undefined)
    throw new TypeError(`${op}('${String(column)}', { by: 'column' }) needs the column that puts rows in order.`)
  return { name, op, position, by: ordered ? columnPosition(schema, by as string) : undefined }
}

function requireNumeric(table: string, { name, kind }: ColumnSchema, op: string): void {
  if (kind !== 'string' && kind !== 'binary' && kind !== 'bool') return
  throw new TypeError(`${op} reads numbers; ${table}.${name} is ${kind}. Use count, countDistinct, min, max, first or last.`)
}

function planOrder(names: readonly string[], orderBy: AggregateRequest['orderBy']): OrderTerm[] {
  if (orderBy === undefined) return []
  const terms = (Array.isArray(orderBy) ? orderBy : [orderBy]) as readonly OrderRequest[]
  return terms.map((term) => {
    const { column, direction = 'ascending' } = orderTerm(term)
    const index = names.indexOf(column)
    if (index < 0)
      throw new TypeError(
        `orderBy: the result has no column "${String(column)}"; it has ${names.join(', ')}.${didYouMean(String(column), names)}`,
      )
    if (direction !== 'ascending' && direction !== 'descending')
      throw new TypeError(`orderBy: direction is 'ascending' or 'descending'; got ${describeValue(direction)}.`)
    return { index, descending: direction === 'descending' }
  })
}

function orderTerm(term: unknown): Exclude<OrderRequest, string> {
  if (typeof term === 'string') return { column: term }
  if (typeof term !== 'object' || term === null) {
    throw new TypeError(
      `orderBy takes a column of the result, { column, direction: 'descending' }, or an array of these; got ${describeValue(term)}.`,
    )
  }
  for (const name of Object.keys(term)) {
    if (name !== 'column' && name !== 'direction')
      throw new TypeError(`A term of orderBy has no option "${name}"; it is { column, direction: 'ascending' | 'descending' }.`)
  }
  return term as Exclude<OrderRequest, string>
}
