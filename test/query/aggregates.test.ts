import test from 'ava'
import { SeededRandom } from '../../src/base/seeded-random.ts'
import { avg, bucket, count, countDistinct, first, last, max, min, sum } from '../../src/query/aggregate.ts'
import { type AggregateRequest, planAggregate, runAggregate } from '../../src/query/aggregate-query.ts'
import { GroupTotals } from '../../src/query/group-totals.ts'
import { eq, gte } from '../../src/query/predicate.ts'
import type { ColumnVector } from '../../src/schema/column-vector.ts'
import type { ColumnValue } from '../../src/schema/table-schema.ts'
import { type CountedSource, countedSource, FakeBatch, unorderedSource } from './support/fake-source.ts'
import { everyKind, type PlainRow } from './support/random-rows.ts'

/** Rows of `everyKind` from some of their columns; the others are null, the key counts up. */
function rowsOf(sketches: readonly Partial<Record<string, ColumnValue>>[]): PlainRow[] {
  const nothing = Object.fromEntries(everyKind.columns.map(({ name }) => [name, null]))
  return sketches.map((sketch, i) => ({ ...nothing, host: 0, part: 'p', seq: BigInt(i), ...sketch }) as PlainRow)
}

function run(
  request: unknown,
  rows: readonly PlainRow[],
  o: { seed?: number; signal?: AbortSignal; source?: CountedSource } = {},
): Promise<unknown> {
  const source = o.source ?? unorderedSource(everyKind, [rows], { random: new SeededRandom(o.seed ?? 1) })
  return runAggregate(planAggregate(everyKind, request as AggregateRequest), source, o.signal)
}

const everyAggregate = {
  n: count(),
  values: count('value'),
  total: sum('value'),
  mean: avg('value'),
  least: min('value'),
  most: max('text'),
  distinct: countDistinct('text'),
  earliest: first('text', { by: 'at' }),
  latest: last('text', { by: 'at' }),
}

test('of no rows there is one object, counts 0 and the rest null; by group there is nothing', async (t) => {
  const nothing = { n: 0, values: 0, total: null, mean: null, least: null, most: null, distinct: 0, earliest: null, latest: null }
  t.deepEqual(await run({ select: everyAggregate }, []), nothing)
  t.deepEqual(await run({ select: everyAggregate, where: eq('tiny', 1) }, rowsOf([{ tiny: 2 }])), nothing)
  t.deepEqual(await run({ select: everyAggregate, groupBy: ['host'] }, []), [])
  t.deepEqual(await run({ select: everyAggregate, groupBy: [] }, []), [])
  t.deepEqual(await run({ select: { n: count() }, groupBy: [] }, rowsOf([{}, {}])), [{ n: 2 }])
})

test('a range of keys that is empty reads nothing, and the source is released', async (t) => {
  const source = countedSource([
    {
      minKey: undefined,
      maxKey: undefined,
      prepare: () => undefined,
      batches: () => {
        throw new Error('read')
      },
    },
  ])
  const plan = planAggregate(everyKind, { select: { n: count() } } as AggregateRequest)
  const empty = { ...plan, scan: { ...plan.scan, range: { lower: undefined, upper: undefined, empty: true } } }
  t.deepEqual(await runAggregate(empty, source, undefined), { n: 0 })
  t.is(source.releases, 1)
})

test('rows are counted without a column being read', async (t) => {
  const batch = new FakeBatch(everyKind, rowsOf([{}, {}, {}]), { random: new SeededRandom(1) })
  const source = countedSource([{ minKey: undefined, maxKey: undefined, prepare: () => undefined, batches: () => [batch, batch] }])
  t.deepEqual(await run({ select: { n: count() } }, [], { source }), { n: 6 })
  t.deepEqual([...batch.columnsRead], [])
})

test('nulls are a group, NaN equals itself and −0 is 0 among groups', async (t) => {
  const rows = rowsOf([{ value: null }, { value: Number.NaN }, { value: 0 }, { value: -0 }, { value: Number.NaN }, { value: null }])
  const found = await run({ select: { n: count() }, groupBy: ['value'], orderBy: 'value' }, rows)
  t.deepEqual(found, [
    { value: null, n: 2 },
    { value: 0, n: 2 },
    { value: Number.NaN, n: 2 },
  ])
})

test('NaN is left out of min and max, and makes sums and means NaN', async (t) => {
  const rows = rowsOf([{ value: Number.NaN }, { value: 3 }, { value: null }, { value: Number.POSITIVE_INFINITY }])
  t.deepEqual(
    await run({ select: { least: min('value'), most: max('value'), total: sum('value'), mean: avg('value'), n: count('value') } }, rows),
    {
      least: 3,
      most: Number.POSITIVE_INFINITY,
      total: Number.NaN,
      mean: Number.NaN,
      n: 3,
    },
  )
  t.deepEqual(await run({ select: { least: min('value'), total: sum('value') } }, rowsOf([{ value: Number.NaN }])), {
    least: null,
    total: Number.NaN,
  })
})

test('sums of bigints are exact beyond 2^53 and beyond 2^63, by group and over all', async (t) => {
  const random = new SeededRandom(42)
  const lot = Array.from({ length: 3000 }, (_, i) => {
    const wide = BigInt(random.below(2 ** 31)) * 2n ** 32n + BigInt(random.below(2 ** 32))
    const kind = Math.floor(i / 500) % 3
    // Blocks of three sorts: small, near 2^53, beyond; so that each way of adding follows each other one.
    const big = kind === 0 ? BigInt(random.below(1000)) : kind === 1 ? BigInt(random.below(2 ** 53 - 1)) : wide
    return { host: random.below(3), big: random.below(2) === 0 ? big : -big }
  })
  const rows = rowsOf([...lot, ...Array.from({ length: 20 }, () => ({ host: 0, big: 2n ** 63n - 1n }))])
  const total = (of: readonly PlainRow[]) => of.reduce((sum, { big }) => sum + (big as bigint), 0n)
  t.deepEqual(await run({ select: { total: sum('big') } }, rows), { total: total(rows) })
  const byHost = [0, 1, 2]
    .map((host) => rows.filter((row) => row.host === host))
    .map((of, host) => ({ host, total: total(of), mean: Number(total(of)) / of.length }))
  t.deepEqual(await run({ select: { total: sum('big'), mean: avg('big') }, groupBy: ['host'], orderBy: 'host' }, rows), byHost)
})

test('an int64 column in number mode, and smaller integers, sum to numbers', async (t) => {
  t.deepEqual(
    await run(
      { select: { a: sum('count'), b: sum('tiny'), c: sum('at') } },
      rowsOf([
        { count: 5, tiny: 1, at: 10 },
        { count: 6, tiny: 2, at: 20 },
      ]),
    ),
    {
      a: 11,
      b: 3,
      c: 30,
    },
  )
})

test('min and max of strings go by code point, of bytes and booleans by value', async (t) => {
  const rows = rowsOf([
    { text: '\uffff', blob: Uint8Array.of(1), flag: true },
    { text: '\u{10000}', blob: Uint8Array.of(1, 0), flag: true },
    { text: 'z', blob: Uint8Array.of(255), flag: null },
  ])
  for (let seed = 1; seed <= 8; seed++) {
    t.deepEqual(await run({ select: { a: min('text'), b: max('text'), c: min('blob'), d: max('blob'), e: min('flag') } }, rows, { seed }), {
      a: 'z',
      b: '\u{10000}',
      c: Uint8Array.of(1),
      d: Uint8Array.of(255),
      e: true,
    })
  }
})

test('first and last go by another column; ties by the smallest and the largest key; null and NaN have no place', async (t) => {
  const rows = rowsOf([
    { value: Number.NaN, text: 'nan' },
    { value: 2, text: 'c' },
    { value: 1, text: 'a' },
    { value: 1, text: null },
    { value: 2, text: 'd' },
    { value: null, text: 'null' },
  ])
  for (let seed = 1; seed <= 8; seed++) {
    t.deepEqual(
      await run(
        { select: { f: first('text', { by: 'value' }), l: last('text', { by: 'value' }), k: first('text', { by: 'part' }) } },
        rows.toReversed(),
        { seed },
      ),
      {
        f: 'a',
        l: 'd',
        k: 'nan',
      },
    )
  }
})

test('result objects have the group columns first, then the selection, in the order given', async (t) => {
  const [row] = (await run({ select: { b: count(), a: count() }, groupBy: { z: 'host', y: 'part' } }, rowsOf([{}]))) as object[]
  t.deepEqual(Object.keys(row as object), ['z', 'y', 'b', 'a'])
  const own = (await run(
    { select: JSON.parse('{"__proto__": 1}') && Object.fromEntries([['__proto__', count()]]) },
    rowsOf([{}]),
  )) as object
  t.deepEqual(Object.entries(own), [['__proto__', 1]])
})

test('many groups, of every kind of number and string and of pairs, are counted right', async (t) => {
  const random = new SeededRandom(3)
  const far = [1, 1e6, 4_294_967_296, 1e12]
  const lot = Array.from({ length: 20_000 }, (_, i) => ({
    int: random.below(4) === 0 ? random.below(2 ** 32) - 2 ** 31 : random.below(900) - 450,
    value: random.below(3000) * (far[i % 4] as number) + (i % 2 === 0 ? 0 : 0.5),
    count: random.below(5000) * (i % 3 === 0 ? 1 : 2 ** 30),
    text: `text ${random.below(7000)}`,
  }))
  const rows = rowsOf(lot)
  for (const names of [['int'], ['value'], ['count'], ['text'], ['int', 'text'], ['value', 'count', 'int']]) {
    const expected = new Map<string, number>()
    for (const row of rows) {
      const key = names.map((name) => String(row[name])).join('|')
      expected.set(key, (expected.get(key) ?? 0) + 1)
    }
    const batches = [0, 1, 2].map((i) => new FakeBatch(everyKind, rows.slice(i * 7000, (i + 1) * 7000), { random }))
    const source = countedSource([{ minKey: undefined, maxKey: undefined, prepare: () => undefined, batches: () => batches }])
    const found = (await run({ select: { n: count() }, groupBy: names }, [], { source })) as PlainRow[]
    t.is(found.length, expected.size, names.join())
    t.true(
      found.every((row) => expected.get(names.map((name) => String(row[name])).join('|')) === row.n),
      names.join(),
    )
  }
})

test('groups in long runs are summed as others are', async (t) => {
  const rows = rowsOf(
    Array.from({ length: 9000 }, (_, i) => ({ host: Math.floor(i / 700), tiny: i % 7, value: i % 16, text: `t${Math.floor(i / 300)}` })),
  )
  for (const where of [undefined, gte('tiny', 3)]) {
    for (const name of ['host', 'text']) {
      const expected = new Map<ColumnValue, { n: number; total: number }>()
      for (const row of rows) {
        if (where && (row.tiny as number) < 3) continue
        const group = expected.get(row[name] as ColumnValue) ?? { n: 0, total: 0 }
        expected.set(row[name] as ColumnValue, { n: group.n + 1, total: group.total + (row.value as number) })
      }
      const batch = new FakeBatch(everyKind, rows, { random: new SeededRandom(8) })
      const source = countedSource([{ minKey: undefined, maxKey: undefined, prepare: () => undefined, batches: () => [batch] }])
      const found = (await run({ select: { n: count(), total: sum('value') }, groupBy: [name], ...(where ? { where } : {}) }, [], {
        source,
      })) as PlainRow[]
      t.deepEqual(new Map(found.map((row) => [row[name] as ColumnValue, { n: row.n, total: row.total }])), expected as never)
    }
  }
})

test('where no code may be compiled, counts and sums are the same', (t) => {
  const random = new SeededRandom(4)
  for (const columnCount of [0, 1, 2, 3, 4, 7, 8]) {
    const columns = Array.from({ length: columnCount }, (): ColumnVector => {
      return { form: 'fixed', length: 50, values: Float64Array.from({ length: 50 }, () => random.below(100)), nulls: undefined }
    })
    const both = [new GroupTotals(), new GroupTotals({ compile: false })] as const
    for (const totals of both) for (let c = 0; c < columnCount; c++) totals.sumOfColumn(c)
    for (const selection of [undefined, Int32Array.from({ length: 50 }, (_, i) => i).filter((i) => i % 3 > 0)]) {
      const count = selection?.length ?? 50
      const ids = Int32Array.from({ length: count }, () => random.below(5))
      const batch = {
        count,
        selection,
        ids,
        runs: undefined,
        groupCount: 5,
        column: (position: number) => columns[position] as ColumnVector,
        keys: () => t.fail() as never,
      }
      for (const totals of both) totals.add(batch)
    }
    for (let group = 0; group < 5; group++) {
      t.is(both[0].countOf(group), both[1].countOf(group))
      for (let c = 0; c < columnCount; c++) t.is(both[0].sumOf(group, c), both[1].sumOf(group, c))
    }
    t.true(both[0].countOf(0) > 0)
  }
})

test('timers run while hundreds of thousands of groups are sorted and handed out', async (t) => {
  const length = 200_000
  const values = Float64Array.from({ length }, (_, i) => ((i * 7919) % length) + 0.5)
  const vector: ColumnVector = { form: 'fixed', length, values, nulls: undefined }
  const batch = {
    rowCount: length,
    sorted: false,
    zoneMap: () => undefined,
    prepare: () => undefined,
    prepareSync: () => undefined,
    selection: () => undefined,
    column: () => vector,
    keys: () => ({ form: 'fixed' as const, count: 0, wordsPerKey: 1, words: new Uint32Array(0) }),
  }
  const source = countedSource([{ minKey: undefined, maxKey: undefined, prepare: () => undefined, batches: () => [batch] }])
  let turns = 0
  const timer = setInterval(() => turns++, 1)
  const found = (await run({ select: { n: count() }, groupBy: ['value'], orderBy: { column: 'value', direction: 'descending' } }, [], {
    source,
  })) as PlainRow[]
  clearInterval(timer)
  t.is(found.length, length)
  t.true(found.every(({ value }, i) => value === length - 1 - i + 0.5))
  t.true(turns > 5, `${turns} turns of the event loop`)
})

test('timers run while short aggregates are awaited one after the other', async (t) => {
  let ticked = false
  const timer = setTimeout(() => {
    ticked = true
  }, 1)
  const givenUpMs = performance.now() + 2000
  while (!ticked && performance.now() < givenUpMs) await run({ select: { n: count() } }, [])
  clearTimeout(timer)
  t.true(ticked)
})

test('an abort ends an aggregate with ABORTED and releases its source', async (t) => {
  const source = unorderedSource(everyKind, [rowsOf([{}, {}])], { random: new SeededRandom(1) })
  await t.throwsAsync(run({ select: { n: count() } }, [], { source, signal: AbortSignal.abort() }), { code: 'ABORTED' })
  t.is(source.releases, 1)
})

test('misuse of aggregates is a TypeError that says what would be right', (t) => {
  const wrong = (request: unknown, message: RegExp) =>
    t.throws(() => planAggregate(everyKind, request as AggregateRequest), { instanceOf: TypeError, message })
  const n = { n: count() }
  wrong({}, /select takes an object/)
  wrong({ select: [count()] }, /select takes an object/)
  wrong({ select: n, groupby: ['host'] }, /no option "groupby".*Did you mean "groupBy"/)
  wrong({ select: { m: 'count' } }, /"m" is an aggregate/)
  wrong({ select: { m: null } }, /"m" is an aggregate/)
  wrong({ select: { m: sum('valu') } }, /no column "valu".*Did you mean "value"/)
  wrong({ select: { m: sum('text') } }, /sum reads numbers; t\.text is string/)
  wrong({ select: { m: avg('flag') } }, /avg reads numbers; t\.flag is bool/)
  wrong({ select: { m: last('text', { by: 'att' }) } }, /Did you mean "at"/)
  wrong({ select: { m: first('text', {} as never) } }, /needs the column that puts rows in order/)
  wrong({ select: n, groupBy: ['hots'] }, /Did you mean "host"/)
  wrong({ select: n, groupBy: 'host' }, /groupBy takes an array/)
  wrong({ select: n, groupBy: ['host', 'host'] }, /two columns "host"/)
  wrong({ select: { host: count() }, groupBy: ['host'] }, /two columns "host"/)
  wrong({ select: n, groupBy: [bucket('at', '1h')] }, /Name the bucket/)
  wrong({ select: n, groupBy: { h: {} } }, /column's name or a bucket/)
  wrong({ select: n, groupBy: { h: 5 } }, /no column "5"/)
  wrong({ select: n, orderBy: 'n' }, /orderBy goes with groupBy/)
  wrong({ select: n, limit: 3 }, /limit goes with groupBy/)
  wrong({ select: n, groupBy: ['host'], orderBy: 'hots' }, /it has host, n\. Did you mean "host"/)
  wrong({ select: n, groupBy: ['host'], orderBy: { column: 'n', direction: 'down' } }, /'ascending' or 'descending'/)
  wrong({ select: n, groupBy: ['host'], orderBy: { column: 'n', descending: true } }, /orderBy.*no option "descending"/)
  wrong({ select: n, groupBy: ['host'], orderBy: 5 }, /orderBy takes/)
  wrong({ select: n, groupBy: ['host'], limit: 1.5 }, /limit is a whole number/)
  wrong({ select: n, where: eq('hots', 1) }, /Did you mean "host"/)
})
