import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import test from 'ava'
import { SeededRandom } from '../../src/base/seeded-random.ts'
import { compilePredicate, predicateNode } from '../../src/query/compiled-predicate.ts'
import { and, between, eq, gt, inList, isNull, lt, ne, not, or, startsWith } from '../../src/query/predicate.ts'
import { QueryScan } from '../../src/query/query-scan.ts'
import { planScan, type ScanRequest } from '../../src/query/scan-plan.ts'
import type { DictionaryVector } from '../../src/schema/column-vector.ts'
import { rowEncoder } from '../../src/schema/row-encoder.ts'
import {
  type CountedSource,
  countedSource,
  dictionaryOf,
  FakeBatch,
  inKeyOrder,
  sortedSource,
  unorderedSource,
} from './support/fake-source.ts'
import { everyKind, type PlainRow, randomRows } from './support/random-rows.ts'

const rows = randomRows(new SeededRandom(11), 100)

function scanOf(
  request: ScanRequest = {},
  o: { signal?: AbortSignal; rows?: readonly PlainRow[] } = {},
): { scan: QueryScan; source: CountedSource } {
  const source = unorderedSource(everyKind, [o.rows ?? rows], { random: new SeededRandom(5) })
  return { scan: new QueryScan({ plan: planScan(everyKind, request), source, signal: o.signal }), source }
}

test('rows, arrays, the first row and batches all show the same rows', async (t) => {
  const one: PlainRow[] = []
  for await (const row of scanOf().scan) one.push(row)
  t.deepEqual(one, rows)
  t.deepEqual(await scanOf().scan.toArray(), rows)
  t.deepEqual(await scanOf().scan.first(), rows[0])
  const batched: PlainRow[] = []
  for await (const batch of scanOf({ where: gt('tiny', 0) as never }).scan.batches()) {
    for (const row of batch.selection ?? Array.from({ length: batch.rowCount }, (_, i) => i)) {
      batched.push(Object.fromEntries(everyKind.columns.map(({ name }) => [name, batch.column(name).get(row)])))
      for (const { name } of everyKind.columns) t.is(batch.column(name).isNull(row), batched.at(-1)?.[name] === null)
    }
  }
  t.deepEqual(
    batched,
    rows.filter(({ tiny }) => tiny !== null && (tiny as number) > 0),
  )
})

test('a batch shows values as rows do: booleans as bytes, int64 as its mode says, strings decoded', async (t) => {
  for await (const batch of scanOf({ columns: ['big', 'count', 'flag', 'text', 'blob', 'at'] }).scan.batches()) {
    t.true(batch.column('big').values instanceof BigInt64Array)
    t.true(batch.column('count').values instanceof Float64Array)
    t.true(batch.column('flag').values instanceof Uint8Array)
    t.true(batch.column('at').values instanceof Float64Array)
    t.is(typeof (batch.column('text').values as readonly string[])[0], 'string')
    t.true((batch.column('blob').values as readonly Uint8Array[])[0] instanceof Uint8Array)
    t.throws(() => batch.column('host'), { instanceOf: TypeError, message: /Add it to columns/ })
    t.throws(() => batch.column('hist'), { instanceOf: TypeError, message: /Did you mean "host"/ })
  }
})

test('a projection shows its columns in the order asked for, and no columns are empty rows', async (t) => {
  const some = await scanOf({ columns: ['text', 'host'], limit: 3 }).scan.toArray()
  t.deepEqual(
    some.map((row) => Object.entries(row)),
    rows.slice(0, 3).map(({ text, host }) => [
      ['text', text],
      ['host', host],
    ]),
  )
  t.deepEqual(await scanOf({ columns: [], limit: 2 }).scan.toArray(), [{}, {}])
})

test('limit 0 and an empty key range read nothing', async (t) => {
  const { scan, source } = scanOf({ limit: 0 })
  t.deepEqual(await scan.toArray(), [])
  t.is(source.releases, 1)
  const empty = scanOf({ gte: { host: 5 }, lt: { host: 5 } })
  t.is(await empty.scan.first(), undefined)
  t.is(empty.source.releases, 1)
})

test('only columns of the predicate are read of batches that it leaves empty', async (t) => {
  const batch = new FakeBatch(everyKind, rows, { random: new SeededRandom(3), zoneMaps: false })
  const source = countedSource([{ minKey: undefined, maxKey: undefined, prepare: () => undefined, batches: () => [batch] }])
  t.deepEqual(
    await new QueryScan({ plan: planScan(everyKind, { where: eq('short', 77) as never }), source, signal: undefined }).toArray(),
    [],
  )
  t.deepEqual([...batch.columnsRead], [5])
})

test('break, return, a failing reader and the end release the source, once', async (t) => {
  const broken = scanOf()
  for await (const _ of broken.scan) break
  t.is(broken.source.releases, 1)

  const returned = scanOf()
  const iterator = returned.scan[Symbol.asyncIterator]()
  await iterator.return?.()
  t.is(returned.source.releases, 1, 'even before the first row')
  t.deepEqual(await iterator.next(), { done: true, value: undefined })

  const failed = scanOf()
  await t.throwsAsync(
    async () => {
      for await (const _ of failed.scan) throw new Error('enough')
    },
    { message: 'enough' },
  )
  t.is(failed.source.releases, 1)

  const batches = scanOf()
  for await (const _ of batches.scan.batches()) break
  t.is(batches.source.releases, 1)

  const first = scanOf()
  await first.scan.first()
  t.is(first.source.releases, 1)
})

test('a source that fails is released, and its error passed on', async (t) => {
  const failing = (): CountedSource =>
    countedSource([
      {
        minKey: undefined,
        maxKey: undefined,
        prepare: () => undefined,
        batches: () => {
          throw new Error('disk gone')
        },
      },
    ])
  for (const order of ['any', 'key'] as const) {
    const source = failing()
    await t.throwsAsync(new QueryScan({ plan: planScan(everyKind, { order }), source, signal: undefined }).toArray(), {
      message: 'disk gone',
    })
    t.is(source.releases, 1)
  }
})

test('a scan is read once', async (t) => {
  const { scan, source } = scanOf()
  await scan.toArray()
  await t.throwsAsync(scan.toArray(), { instanceOf: TypeError, message: /read once/ })
  await t.throwsAsync(scan.first(), { instanceOf: TypeError })
  await t.throwsAsync(scan[Symbol.asyncIterator]().next(), { instanceOf: TypeError })
  await t.throwsAsync(scan.batches()[Symbol.asyncIterator]().next(), { instanceOf: TypeError })
  t.is(source.releases, 1)
})

test('a scan that could not begin says why when it is read, not before', async (t) => {
  const failure = new TypeError('no such column')
  await t.throwsAsync(new QueryScan({ failure }).toArray(), { is: failure })
  await t.throwsAsync(new QueryScan({ failure }).first(), { is: failure })
  const iterator = new QueryScan({ failure })[Symbol.asyncIterator]()
  await t.throwsAsync(iterator.next(), { is: failure })
  await t.throwsAsync(new QueryScan({ failure }).batches().next(), { is: failure })
})

test('calls that overlap are answered in order', async (t) => {
  const iterator = scanOf({ columns: ['seq'] }).scan[Symbol.asyncIterator]()
  const answers = await Promise.all(Array.from({ length: 105 }, () => iterator.next()))
  t.deepEqual(
    answers.flatMap(({ done, value }) => (done ? [] : [value])),
    rows.map(({ seq }) => ({ seq })),
  )
  t.deepEqual(
    answers.slice(100).map(({ done }) => done),
    [true, true, true, true, true],
  )
})

test('return waits for a row that is on its way', async (t) => {
  const { scan, source } = scanOf()
  const iterator = scan[Symbol.asyncIterator]()
  const row = iterator.next()
  const end = iterator.return?.()
  t.is((await row).done, false)
  await end
  t.is(source.releases, 1)
})

test('an abort ends a scan with ABORTED, before it begins or between batches, in any order', async (t) => {
  for (const order of ['any', 'key'] as const) {
    const before = scanOf({ order }, { signal: AbortSignal.abort() })
    await t.throwsAsync(before.scan.toArray(), { code: 'ABORTED' })
    t.is(before.source.releases, 1)
    const controller = new AbortController()
    const source = sortedSource(everyKind, [rows.slice(0, 50), rows.slice(50)], { random: new SeededRandom(2) }, { reverse: false })
    const scan = new QueryScan({ plan: planScan(everyKind, { order }), source, signal: controller.signal })
    await t.throwsAsync(
      async () => {
        for await (const _ of scan.batches()) controller.abort()
      },
      { code: 'ABORTED' },
    )
    t.is(source.releases, 1)
  }
})

test('a scan, or its reader, that nobody holds any more lets go at the next garbage collection', async (t) => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  const sources = await (async () => {
    const unread = scanOf()
    const halfway = scanOf()
    await halfway.scan[Symbol.asyncIterator]().next()
    return [unread.source, halfway.source]
  })()
  for (let i = 0; i < 50 && sources.some(({ releases }) => releases === 0); i++) {
    await turn()
    collect()
  }
  t.deepEqual(
    sources.map(({ releases }) => releases),
    [1, 1],
  )
})

test('timers run while a scan goes through rows that are all in memory', async (t) => {
  const batch = new FakeBatch(everyKind, rows, { random: { below: () => 1 } as unknown as SeededRandom })
  let left = 100_000
  const endless = {
    [Symbol.iterator]: () => ({
      next: () => (left-- > 0 ? { done: false as const, value: batch } : { done: true as const, value: undefined }),
    }),
  }
  for (const request of [{}, { order: 'key' }, { where: eq('tiny', 99) }, { where: eq('tiny', 99), order: 'key' }]) {
    left = 100_000
    const source = countedSource([{ minKey: undefined, maxKey: undefined, prepare: () => undefined, batches: () => endless }])
    let ticked = false
    const timer = setTimeout(() => {
      ticked = true
      left = 0
    }, 1)
    for await (const _ of new QueryScan({
      plan: planScan(everyKind, { columns: ['host'], ...request } as ScanRequest),
      source,
      signal: undefined,
    }))
      if (ticked) break
    clearTimeout(timer)
    t.true(ticked, JSON.stringify(Object.keys(request)))
  }
})

test('timers run while short scans are awaited one after the other', async (t) => {
  for (const read of [
    () => scanOf({ limit: 1 }).scan.first(),
    () => scanOf({ limit: 2, columns: ['host'] }).scan.toArray(),
    () => scanOf({ limit: 0 }).scan.toArray(),
  ]) {
    let ticked = false
    const timer = setTimeout(() => {
      ticked = true
    }, 1)
    const givenUpMs = performance.now() + 2000
    while (!ticked && performance.now() < givenUpMs) await read()
    clearTimeout(timer)
    t.true(ticked)
  }
})

test('a string predicate reads codes: it decodes no string of a dictionary', (t) => {
  const block = rowEncoder(everyKind).encode(rows)
  const vector: DictionaryVector = dictionaryOf(block.columns[12] as never, new SeededRandom(1))
  const batch = { rowCount: rows.length, column: () => vector }
  const text = (row: PlainRow) => row.text as string | null
  for (const [predicate, expected] of [
    [eq('text', 'ab'), (row: PlainRow) => text(row) === 'ab'],
    [startsWith('text', 'ab'), (row: PlainRow) => text(row)?.startsWith('ab') === true],
    [inList('text', ['zebra', 'a']), (row: PlainRow) => ['zebra', 'a'].includes(text(row) as string)],
    [not(inList('text', ['zebra', 'a'])), (row: PlainRow) => text(row) !== null && !['zebra', 'a'].includes(text(row) as string)],
    [isNull('text'), (row: PlainRow) => text(row) === null],
  ] as const) {
    const selected = compilePredicate(everyKind, predicateNode(predicate)).select(batch, undefined)
    t.deepEqual(
      [...(selected ?? rows.keys())].map((i) => rows[i]),
      rows.filter(expected),
    )
    t.is(vector.strings, undefined)
  }
})

test('and of nothing is all rows, or of nothing is none', async (t) => {
  t.is((await scanOf({ where: and() as never }).scan.toArray()).length, 100)
  t.is((await scanOf({ where: or() as never }).scan.toArray()).length, 0)
  t.is((await scanOf({ where: not(or()) as never }).scan.toArray()).length, 100)
  t.is((await scanOf({ where: inList('host', []) as never }).scan.toArray()).length, 0)
})

test('misuse of predicates names what would be right', (t) => {
  const wrong = (where: unknown, message: RegExp) =>
    t.throws(() => planScan(everyKind, { where: where as never }), { instanceOf: TypeError, message })
  wrong(eq('hosst', 1), /Did you mean "host"/)
  wrong(eq('host', 'x'), /t\.host \(int32\) with a number; got "x"/)
  wrong(eq('big', 5), /with a bigint; got 5/)
  wrong(eq('count', 5n), /with a number; got 5n/)
  wrong(eq('flag', 1), /with a boolean/)
  wrong(eq('text', '\ud800'), /well-formed/)
  wrong(startsWith('text', undefined as never), /isNull/)
  wrong(startsWith('host', 'a'), /startsWith reads string columns; t\.host is int32/)
  wrong(eq('at', new Date(Number.NaN)), /valid Date/)
  wrong(ne('text', null as never), /isNull or notNull/)
  wrong({ op: 'in', column: 'host', values: 7 }, /inList takes an array/)
  wrong({ op: 'near', column: 'host' }, /where takes a predicate/)
  wrong('host = 1', /where takes a predicate/)
  wrong(and(lt('host', 1), undefined as never), /where takes a predicate/)
  wrong(between('value', 1, 'z' as never), /with a number/)
})

test('misuse of scans names what would be right', (t) => {
  const wrong = (request: object, message: RegExp) => t.throws(() => planScan(everyKind, request), { instanceOf: TypeError, message })
  wrong({ colums: ['host'] }, /no option "colums"; there are columns, where, .*Did you mean "columns"/)
  wrong({ columns: ['hots'] }, /Did you mean "host"/)
  wrong({ columns: 'host' }, /array of column names/)
  wrong({ order: 'up' }, /order is 'key' or 'any'/)
  wrong({ order: 'any', reverse: true }, /reverse goes with/)
  wrong({ reverse: 'yes' }, /reverse is true or false/)
  wrong({ limit: -1 }, /limit is a whole number/)
  wrong({ limit: 1.5 }, /limit is a whole number/)
  wrong({ limit: '5' }, /limit is a whole number of at least 0; got "5"/)
  wrong({ gt: { host: 1 }, gte: { host: 1 } }, /gte or gt/)
})

test('reverse alone means key order', async (t) => {
  const source = sortedSource(everyKind, [rows], { random: new SeededRandom(9) }, { reverse: true })
  const found = await new QueryScan({ plan: planScan(everyKind, { reverse: true }), source, signal: undefined }).toArray()
  t.deepEqual(found, inKeyOrder(everyKind, rows).reverse())
})
