import test from 'ava'
import { SeededRandom } from '../../src/base/seeded-random.ts'
import { type BucketNode, bucket, count } from '../../src/query/aggregate.ts'
import { type AggregateRequest, planAggregate, runAggregate } from '../../src/query/aggregate-query.ts'
import { type BucketRule, bucketRule } from '../../src/query/bucket-rule.ts'
import type { ColumnSchema } from '../../src/schema/table-schema.ts'
import { unorderedSource } from './support/fake-source.ts'
import { everyKind, type PlainRow, randomRows } from './support/random-rows.ts'

const at = everyKind.columns.find(({ name }) => name === 'at') as ColumnSchema

function rule(width: number | string, o: { timeZone?: string; originMs?: number } = {}, column = at): BucketRule {
  return bucketRule('t', column, bucket(column.name, width, o) as unknown as BucketNode)
}

/** The start of the bucket of a time, both as ISO texts; the span must hold the time. */
function startOf(buckets: BucketRule, iso: string): string {
  const ms = Date.parse(iso)
  const { start, from, to } = buckets.spanOf(ms)
  if (!(from <= ms && ms < to && start <= from)) throw new Error(`${iso} is not within ${from} … ${to}`)
  return new Date(start).toISOString().replace('.000Z', 'Z')
}

test('widths of a fixed length are multiples from the origin, before it too', (t) => {
  t.is(startOf(rule('15m'), '2024-03-05T10:44:59.999Z'), '2024-03-05T10:30:00Z')
  t.is(startOf(rule('1h'), '1969-12-31T23:59:59Z'), '1969-12-31T23:00:00Z')
  t.is(startOf(rule('1d'), '2024-02-29T23:00:00Z'), '2024-02-29T00:00:00Z')
  t.is(startOf(rule(3_600_000, { originMs: 600_000 }), '2024-03-05T10:05:00Z'), '2024-03-05T09:10:00Z')
  t.is(startOf(rule('1d', { originMs: 4 * 3_600_000 }), '2024-03-05T03:00:00Z'), '2024-03-04T04:00:00Z')
  t.is(startOf(rule('500ms'), '2024-03-05T10:05:00.700Z'), '2024-03-05T10:05:00.500Z')
})

test('weeks begin on Monday, months and years on their first day', (t) => {
  t.is(startOf(rule('1w'), '2024-03-10T23:59:00Z'), '2024-03-04T00:00:00Z')
  t.is(startOf(rule('1w'), '2024-03-11T00:00:00Z'), '2024-03-11T00:00:00Z')
  t.is(startOf(rule('1mo'), '2024-02-29T12:00:00Z'), '2024-02-01T00:00:00Z')
  t.is(startOf(rule('3mo'), '2024-06-30T12:00:00Z'), '2024-04-01T00:00:00Z')
  t.is(startOf(rule('1y'), '1968-12-31T12:00:00Z'), '1968-01-01T00:00:00Z')
  t.is(startOf(rule('10y'), '2024-01-01T00:00:00Z'), '2020-01-01T00:00:00Z')
})

test('days in a time zone have 23 and 25 hours when clocks change', (t) => {
  const days = rule('1d', { timeZone: 'Europe/Berlin' })
  t.is(startOf(days, '2024-03-30T22:59:59Z'), '2024-03-29T23:00:00Z')
  t.is(startOf(days, '2024-03-30T23:00:00Z'), '2024-03-30T23:00:00Z')
  t.is(startOf(days, '2024-03-31T21:59:59Z'), '2024-03-30T23:00:00Z')
  t.is(startOf(days, '2024-03-31T22:00:00Z'), '2024-03-31T22:00:00Z')
  t.is(startOf(days, '2024-10-27T22:59:59Z'), '2024-10-26T22:00:00Z')
  t.is(startOf(days, '2024-10-27T23:00:00Z'), '2024-10-27T23:00:00Z')
  const months = rule('1mo', { timeZone: 'America/New_York' })
  t.is(startOf(months, '2024-03-31T23:00:00Z'), '2024-03-01T05:00:00Z')
  t.is(startOf(months, '2024-04-01T04:00:00Z'), '2024-04-01T04:00:00Z')
  t.is(startOf(rule('1w', { timeZone: 'Asia/Kolkata' }), '2024-03-10T18:29:00Z'), '2024-03-03T18:30:00Z')
})

test('a day that begins with a leap of the clock begins after it', (t) => {
  // Clocks in São Paulo went from 00:00 to 01:00 on 2018-11-04.
  t.is(startOf(rule('1d', { timeZone: 'America/Sao_Paulo' }), '2018-11-04T12:00:00Z'), '2018-11-04T03:00:00Z')
  // Samoa had no 2011-12-30 at all.
  t.is(startOf(rule('1d', { timeZone: 'Pacific/Apia' }), '2011-12-30T09:59:59Z'), '2011-12-29T10:00:00Z')
  t.is(startOf(rule('1d', { timeZone: 'Pacific/Apia' }), '2011-12-30T10:00:00Z'), '2011-12-30T10:00:00Z')
})

test('an hour that the clock shows twice is two buckets, one that it leaps over is none', (t) => {
  const hours = rule('1h', { timeZone: 'America/New_York' })
  t.is(startOf(hours, '2024-11-03T05:30:00Z'), '2024-11-03T05:00:00Z')
  t.is(startOf(hours, '2024-11-03T06:30:00Z'), '2024-11-03T06:00:00Z')
  t.is(startOf(hours, '2024-03-10T06:59:00Z'), '2024-03-10T06:00:00Z')
  t.is(startOf(hours, '2024-03-10T07:01:00Z'), '2024-03-10T07:00:00Z')
  t.is(startOf(rule('1h', { timeZone: 'Asia/Kolkata' }), '2024-03-10T07:01:00Z'), '2024-03-10T06:30:00Z')
})

test('quarters of a day follow the clock, across its changes', (t) => {
  const quarters = rule('6h', { timeZone: 'America/New_York' })
  // 00:00 EDT to 06:00 EST is seven hours.
  t.is(startOf(quarters, '2024-11-03T04:30:00Z'), '2024-11-03T04:00:00Z')
  t.is(startOf(quarters, '2024-11-03T10:59:00Z'), '2024-11-03T04:00:00Z')
  t.is(startOf(quarters, '2024-11-03T11:00:00Z'), '2024-11-03T11:00:00Z')
  // 00:00 EST to 06:00 EDT is five.
  t.is(startOf(quarters, '2024-03-10T09:59:00Z'), '2024-03-10T05:00:00Z')
  t.is(startOf(quarters, '2024-03-10T10:00:00Z'), '2024-03-10T10:00:00Z')
  // With 2 hours, the clock leaps from one bucket into the middle of the next.
  t.is(startOf(rule('2h', { timeZone: 'America/New_York' }), '2024-03-10T07:30:00Z'), '2024-03-10T07:00:00Z')
})

for (const [width, timeZone] of [
  ['1h', 'America/New_York'],
  ['30m', 'Australia/Lord_Howe'],
  ['6h', 'Europe/Berlin'],
  ['1d', 'America/Sao_Paulo'],
  ['1w', 'Pacific/Apia'],
  ['1mo', 'Asia/Kathmandu'],
  ['1d', 'America/St_Johns'],
] as const) {
  test(`buckets of ${width} in ${timeZone} ascend, hold what begins in them and leave no gap`, (t) => {
    const buckets = rule(width, { timeZone })
    const random = new SeededRandom(1)
    const times = Float64Array.from({ length: 2000 }, () => Date.UTC(1990, 0, 1) + random.below(40 * 365 * 86_400_000)).sort()
    let previous = Number.NEGATIVE_INFINITY
    const problems: string[] = []
    for (const ms of times) {
      const { start, from, to } = buckets.spanOf(ms)
      if (!(start <= from && from <= ms && ms < to)) problems.push(`${new Date(ms).toISOString()} is outside of its span`)
      if (start < previous) problems.push(`${new Date(ms).toISOString()} goes back`)
      if (buckets.spanOf(start).start !== start) problems.push(`${new Date(start).toISOString()} is a start in another bucket`)
      if (buckets.spanOf(to - 1).start !== start) problems.push(`${new Date(to).toISOString()} is past the bucket's end`)
      if (buckets.spanOf(to).start < start) problems.push(`${new Date(to).toISOString()} belongs before`)
      previous = start
    }
    t.deepEqual(problems, [])
  })
}

test('rows are counted by bucket, in whatever order they come', async (t) => {
  const random = new SeededRandom(6)
  for (const [width, timeZone] of [
    ['1d', 'Europe/Berlin'],
    ['1mo', undefined],
    ['1h', undefined],
  ] as const) {
    const rows = randomRows(random, 3000).map(
      (row): PlainRow => ({ ...row, at: random.below(20) === 0 ? null : Date.UTC(2024, 0, 1) + random.below(366 * 86_400_000) }),
    )
    if (width === '1d') rows.sort((a, b) => (a.at as number) - (b.at as number))
    const zone = timeZone === undefined ? {} : { timeZone }
    const source = unorderedSource(everyKind, [rows], { random })
    const request = { select: { n: count() }, groupBy: { b: bucket('at', width, zone) } } as unknown as AggregateRequest
    const found = (await runAggregate(planAggregate(everyKind, request), source, undefined)) as { b: number | null; n: number }[]
    const expected = new Map<number | null, number>()
    const starts = rule(width, zone)
    for (const { at } of rows) {
      const start = at === null ? null : starts.spanOf(at as number).start
      expected.set(start, (expected.get(start) ?? 0) + 1)
    }
    const byStart = (a: readonly [number | null, number], b: readonly [number | null, number]) => (a[0] ?? -1) - (b[0] ?? -1)
    t.deepEqual(found.map(({ b, n }) => [b, n] as const).sort(byStart), [...expected].sort(byStart))
    t.is(found.length, expected.size)
  }
})

test('numbers of any column fall into buckets of a width; fractions too', (t) => {
  const value = everyKind.columns.find(({ name }) => name === 'value') as ColumnSchema
  const tenths = rule(0.25, {}, value)
  for (const [number, start] of [
    [0.3, 0.25],
    [-0.1, -0.25],
    [-0, 0],
    [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
  ] as const) {
    t.is(tenths.spanOf(number).start, start)
  }
})

test('the ends of time are in buckets as well', (t) => {
  for (const [width, timeZone] of [
    ['1d', 'America/New_York'],
    ['1mo', 'UTC'],
    ['1y', 'Asia/Tokyo'],
    ['1h', 'Europe/Berlin'],
    ['1w', undefined],
  ] as const) {
    for (const ms of [-8.64e15, 8.64e15]) {
      const { start, from, to } = rule(width, timeZone === undefined ? {} : { timeZone }).spanOf(ms)
      t.true(start <= from && from <= ms && ms < to, `${width} ${timeZone} ${ms}: ${start} ${from} ${to}`)
    }
  }
})

test('widths, origins, zones and columns that make no sense are a TypeError', (t) => {
  const wrong = (message: RegExp, width: unknown, o: object = {}, name = 'at') =>
    t.throws(
      () =>
        rule(
          width as string,
          o,
          everyKind.columns.find((column) => column.name === name),
        ),
      { instanceOf: TypeError, message },
    )
  for (const width of ['1', 'h', '0h', '1 h', '1M', '-1d', '1.5h', '', null, undefined, {}]) wrong(/count and a unit/, width)
  for (const width of [0, -5, Number.NaN, Number.POSITIVE_INFINITY]) wrong(/number above 0/, width)
  wrong(/IANA name/, '1d', { timeZone: 'Mars/Olympus' })
  wrong(/IANA name/, '1d', { timeZone: 5 })
  wrong(/timeZone goes with/, 1000, { timeZone: 'UTC' })
  wrong(/originMs goes with/, '1mo', { originMs: 5 })
  wrong(/originMs goes with/, '1d', { originMs: 5, timeZone: 'Europe/Berlin' })
  wrong(/originMs is a finite number/, '1d', { originMs: Number.NaN })
  wrong(/divide a day evenly/, '7h', { timeZone: 'Europe/Berlin' })
  wrong(/goes with a timestamp column/, '1h', {}, 'value')
  wrong(/t\.text is string/, 5, {}, 'text')
  wrong(/t\.flag is bool/, 5, {}, 'flag')
  wrong(/int64 in mode 'bigint'/, 5, {}, 'big')
})
