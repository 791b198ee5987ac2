import test from 'ava'
import { SeededRandom } from '../../src/base/seeded-random.ts'
import { predicateKeyRange } from '../../src/query/key-narrowing.ts'
import type { PredicateNode } from '../../src/query/predicate.ts'
import { QueryScan } from '../../src/query/query-scan.ts'
import { planScan, type ScanRequest } from '../../src/query/scan-plan.ts'
import { compareBytes, encodeKey } from '../../src/schema/key-encoding.ts'
import { inKeyOrder, sortedSource } from './support/fake-source.ts'
import { truthOf } from './support/plain-predicates.ts'
import { randomPredicate } from './support/random-predicates.ts'
import { everyKind, type PlainRow, randomRows, show } from './support/random-rows.ts'

/** Rows dealt out to a few streams: at random, or so that ranges touch little. */
function deal(random: SeededRandom, rows: readonly PlainRow[]): PlainRow[][] {
  const lots: PlainRow[][] = Array.from({ length: 1 + random.below(5) }, () => [])
  const sorted = inKeyOrder(everyKind, rows)
  const apart = random.below(2) === 0
  sorted.forEach((row, i) => {
    const near = Math.min(lots.length - 1, Math.floor((i / rows.length) * lots.length) + (random.below(10) === 0 ? 1 : 0))
    lots[apart ? near : random.below(lots.length)]?.push(row)
  })
  return lots.filter((lot) => lot.length > 0)
}

test('an ordered scan of overlapping streams is a sort, forwards and backwards, filtered and cut at the limit', async (t) => {
  for (let seed = 1; seed <= 250; seed++) {
    const random = new SeededRandom(seed)
    const rows = randomRows(random, random.below(80), { tame: random.below(2) === 0 })
    const reverse = random.below(2) === 0
    const hidden = (row: PlainRow) => row.tiny === 0
    const hides = random.below(2) === 0
    const source = sortedSource(everyKind, deal(random, rows), { random, ...(hides ? { hidden } : {}) }, { reverse })
    const node: PredicateNode | undefined = random.below(2) === 0 ? randomPredicate(random) : undefined
    const limit = random.below(2) === 0 ? random.below(40) : undefined
    const request = {
      order: 'key',
      reverse,
      ...(limit === undefined ? {} : { limit }),
      ...(node ? { where: node as never } : {}),
    } satisfies ScanRequest
    const plan = { ...planScan(everyKind, request), range: { lower: undefined, upper: undefined, empty: false } }
    const scan = new QueryScan({ plan, source, signal: undefined })
    const found: PlainRow[] = []
    if (random.below(2) === 0) found.push(...(await scan.toArray()))
    else for await (const row of scan) found.push(row)
    const expected = inKeyOrder(everyKind, rows).filter((row) => !(hides && hidden(row)) && (!node || truthOf(node, row) === true))
    if (reverse) expected.reverse()
    t.deepEqual(found, expected.slice(0, limit), `seed ${seed}: ${show(request)}`)
    t.is(source.releases, 1)
  }
})

test('the keys that a predicate confines itself to hold every row that it matches', (t) => {
  let narrowed = 0
  for (let seed = 1; seed <= 1500; seed++) {
    const random = new SeededRandom(seed)
    const rows = randomRows(random, 20, { firstSeq: random.below(3) })
    const keyOnly = (): PredicateNode => {
      const row = rows[random.below(rows.length)] as PlainRow
      const column = ['host', 'part', 'seq'][random.below(3)] as string
      const value = row[column] as number
      const other = (rows[random.below(rows.length)] as PlainRow)[column] as number
      switch (random.below(5)) {
        case 0:
          return { op: 'between', column, low: value, high: other }
        case 1:
          return { op: 'startsWith', column: 'part', prefix: (row.part as string).slice(0, 1).toWellFormed() }
        default:
          return {
            op: 'compare',
            column,
            comparison: (['eq', 'eq', 'eq', 'lt', 'lte', 'gt', 'gte', 'ne'] as const)[random.below(8)] as 'eq',
            value,
          }
      }
    }
    const node: PredicateNode = {
      op: 'and',
      args: [...Array.from({ length: 1 + random.below(4) }, keyOnly), ...(random.below(3) === 0 ? [randomPredicate(random)] : [])],
    }
    const range = predicateKeyRange(everyKind, node)
    if (range.lower || range.upper) narrowed++
    for (const row of rows) {
      if (truthOf(node, row) !== true) continue
      const key = encodeKey(everyKind, { host: row.host, part: row.part, seq: row.seq })
      t.true(
        !range.empty && !(range.lower && compareBytes(key, range.lower) < 0) && !(range.upper && compareBytes(key, range.upper) >= 0),
        `seed ${seed}: ${show(node)}`,
      )
    }
  }
  t.true(narrowed > 500, 'and most of these predicates do narrow')
})

test('a stream is not read before an ordered scan gets to its first key', async (t) => {
  const random = new SeededRandom(7)
  const rows = inKeyOrder(everyKind, randomRows(random, 60))
  // Three streams in a chain: each overlaps the next by one row.
  const lots = [rows.slice(0, 19), [rows[18 + 1] as PlainRow, ...rows.slice(21, 40)], [rows[20] as PlainRow, ...rows.slice(40)]]
  const read: number[] = []
  const source = sortedSource(everyKind, lots, { random: { ...random, below: () => 1 } as unknown as SeededRandom }, { reverse: false })
  const streams = source.streams.map((stream, i) => ({
    ...stream,
    batches: () => {
      read.push(i)
      return stream.batches()
    },
  }))
  const scan = new QueryScan({ plan: planScan(everyKind, { order: 'key', limit: 5 }), source: { ...source, streams }, signal: undefined })
  t.deepEqual(await scan.toArray(), rows.slice(0, 5))
  t.deepEqual(read, [0])
})
