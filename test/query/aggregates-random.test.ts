import test from 'ava'
import { SeededRandom } from '../../src/base/seeded-random.ts'
import type { AggregateNode, BucketNode } from '../../src/query/aggregate.ts'
import { type AggregateRequest, planAggregate, runAggregate } from '../../src/query/aggregate-query.ts'
import type { ColumnSchema, ColumnValue } from '../../src/schema/table-schema.ts'
import { unorderedSource } from './support/fake-source.ts'
import { identity, plainAggregate, plainOrder } from './support/plain-aggregates.ts'
import { everyKind, type PlainRow, randomRows } from './support/random-rows.ts'

function randomAggregate(random: SeededRandom): AggregateNode {
  const column = everyKind.columns[random.below(everyKind.columns.length)] as ColumnSchema
  const by = (everyKind.columns[random.below(everyKind.columns.length)] as ColumnSchema).name
  const ops: AggregateNode['op'][] = ['count', 'min', 'max', 'countDistinct', 'first', 'last']
  // Sums of integers near 2^53 as numbers depend on the order of additions.
  if (!['string', 'binary', 'bool'].includes(column.kind) && !['count', 'at'].includes(column.name)) ops.push('sum', 'sum', 'avg')
  const op = ops[random.below(ops.length)] as AggregateNode['op']
  if (op === 'count') return { op, column: random.below(2) === 0 ? undefined : column.name }
  return op === 'first' || op === 'last' ? { op, column: column.name, by } : { op, column: column.name }
}

interface Grouping {
  readonly asked: Readonly<Record<string, string | BucketNode>>
  readonly plain: Readonly<Record<string, (row: PlainRow) => ColumnValue>>
}

function randomGrouping(random: SeededRandom): Grouping {
  const asked: Record<string, string | BucketNode> = {}
  const plain: Record<string, (row: PlainRow) => ColumnValue> = {}
  for (let i = random.below(4); i >= 0; i--) {
    if (random.below(4) === 0) {
      const column = (['value', 'short', 'at'] as const)[random.below(3)] as string
      const width = [1, 2, 0.5, 3][random.below(4)] as number
      const originMs = random.below(2) === 0 ? 1 : undefined
      asked[`g${i}`] = { bucket: true, column, width, originMs, timeZone: undefined }
      plain[`g${i}`] = (row) => {
        const value = row[column] as number | null
        if (value === null || !Number.isFinite(value)) return value
        return Math.floor((value - (originMs ?? 0)) / width) * width + (originMs ?? 0)
      }
    } else {
      const { name } = everyKind.columns[random.below(everyKind.columns.length)] as ColumnSchema
      asked[`g${i}`] = name
      plain[`g${i}`] = (row) => row[name] as ColumnValue
    }
  }
  return { asked, plain }
}

/** Results in an order of their own, −0 as 0. */
function comparable(rows: readonly PlainRow[]): string[] {
  return rows
    .map((row) =>
      Object.entries(row)
        .map(([name, value]) => `${name}: ${identity(value)}`)
        .join(', '),
    )
    .sort()
}

test('aggregates give what plain code gives, for every function, kind and form of column, grouped or not', async (t) => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = new SeededRandom(seed)
    const lots = [randomRows(random, random.below(60), { tame: true }), randomRows(random, random.below(60), { firstSeq: 100 })]
    const hidden = (row: PlainRow) => row.tiny === 0
    const hides = random.below(2) === 0
    const rows = lots.flat().filter((row) => !(hides && hidden(row)))
    const select = Object.fromEntries(Array.from({ length: 1 + random.below(4) }, (_, i) => [`m${i}`, randomAggregate(random)]))
    const grouping = random.below(4) === 0 ? undefined : randomGrouping(random)
    const source = unorderedSource(everyKind, lots, { random, ...(hides ? { hidden } : {}) })
    const request = { select, ...(grouping ? { groupBy: grouping.asked } : {}) } as unknown as AggregateRequest
    const found = (await runAggregate(planAggregate(everyKind, request), source, undefined)) as PlainRow | PlainRow[]
    const expected = plainAggregate(rows, select, grouping?.plain)
    t.is(Array.isArray(found), grouping !== undefined)
    t.deepEqual(comparable([found].flat() as PlainRow[]), comparable(expected), `seed ${seed}`)
    t.is(source.releases, 1)
  }
})

test('results are ordered by group columns and measures, nulls first, NaN last, strings by code point, and cut at the limit', async (t) => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = new SeededRandom(seed)
    const lots = [randomRows(random, random.below(60), { tame: true })]
    const groupBy = ['text', 'value', 'big', 'flag', 'blob'].filter(() => random.below(2) === 0)
    const select: Record<string, AggregateNode> = { total: { op: 'sum', column: 'value' }, top: { op: 'max', column: 'text' } }
    const orderBy = [...groupBy, 'total', 'top']
      .filter(() => random.below(2) === 0)
      .map((column) => ({ column, direction: random.below(2) === 0 ? ('descending' as const) : ('ascending' as const) }))
    const limit = random.below(2) === 0 ? random.below(12) : undefined
    const request = {
      select,
      groupBy,
      orderBy: orderBy.map((term) => (term.direction === 'ascending' ? term.column : term)),
      ...(limit === undefined ? {} : { limit }),
    }
    const found = (await runAggregate(
      planAggregate(everyKind, request as unknown as AggregateRequest),
      unorderedSource(everyKind, lots, { random }),
      undefined,
    )) as PlainRow[]
    const all = plainAggregate(
      lots.flat(),
      select,
      Object.fromEntries(groupBy.map((name) => [name, (row: PlainRow) => row[name] as ColumnValue])),
    )
    const compare = (a: PlainRow, b: PlainRow) => {
      for (const { column, direction } of orderBy) {
        const order = plainOrder(a[column] as ColumnValue, b[column] as ColumnValue)
        if (order !== 0) return direction === 'descending' ? -order : order
      }
      return 0
    }
    const termsOf = (row: PlainRow) => orderBy.map(({ column }) => identity(row[column] as ColumnValue))
    t.deepEqual(found.map(termsOf), all.sort(compare).slice(0, limit).map(termsOf), `seed ${seed}`)
    t.deepEqual(
      found.map((row) => Object.keys(row)),
      found.map(() => [...groupBy, 'total', 'top']),
    )
  }
})
