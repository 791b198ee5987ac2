import test from 'ava'
import { SeededRandom } from '../../src/base/seeded-random.ts'
import type { Comparison, Literal, PredicateNode } from '../../src/query/predicate.ts'
import { QueryScan } from '../../src/query/query-scan.ts'
import { planScan } from '../../src/query/scan-plan.ts'
import type { ColumnSchema } from '../../src/schema/table-schema.ts'
import { unorderedSource } from './support/fake-source.ts'
import { truthOf } from './support/plain-predicates.ts'
import { everyKind, type PlainRow, randomRows, randomValue } from './support/random-rows.ts'

function randomLiteral(random: SeededRandom, column: ColumnSchema): Literal {
  const value = randomValue(random, { ...column, nullable: false }) as Literal
  if (column.kind === 'timestamp' && random.below(2) === 0) return new Date(value as number)
  if ((column.kind === 'int32' || column.kind === 'timestamp') && random.below(5) === 0) return (value as number) + 0.5
  return value
}

export function randomPredicate(random: SeededRandom, depth = 2): PredicateNode {
  const column = everyKind.columns[random.below(everyKind.columns.length)] as ColumnSchema
  const name = column.name
  const literal = () => randomLiteral(random, column)
  const args = () => Array.from({ length: random.below(4) }, () => randomPredicate(random, depth - 1))
  switch (random.below(depth > 0 ? 9 : 6)) {
    case 0:
    case 1:
      return {
        op: 'compare',
        column: name,
        comparison: (['eq', 'ne', 'lt', 'lte', 'gt', 'gte'] as Comparison[])[random.below(6)] as Comparison,
        value: literal(),
      }
    case 2:
      return { op: 'between', column: name, low: literal(), high: literal() }
    case 3:
      return { op: 'in', column: name, values: Array.from({ length: random.below(4) }, literal) }
    case 4:
      return { op: random.below(2) === 0 ? 'isNull' : 'notNull', column: name }
    case 5: {
      const textual = random.below(2) === 0 ? 'part' : 'text'
      return { op: 'startsWith', column: textual, prefix: ['', 'a', 'ab', 'x'.repeat(33), '\u{1f600}', 'é'][random.below(6)] as string }
    }
    case 6:
      return { op: 'and', args: args() }
    case 7:
      return { op: 'or', args: args() }
    default:
      return { op: 'not', arg: randomPredicate(random, depth - 1) }
  }
}

const show = (value: unknown) =>
  JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? `${each}n` : typeof each === 'number' ? String(each) : each))

for (const zoneMaps of [true, false]) {
  test(`predicates choose the rows that three-valued logic does, in every form of column, ${zoneMaps ? 'pruned by' : 'without'} zone maps`, async (t) => {
    for (let seed = 1; seed <= 500; seed++) {
      const random = new SeededRandom(seed)
      const lots = [randomRows(random, random.below(30), { tame: true }), randomRows(random, random.below(30), { firstSeq: 100 })]
      const hidden = (row: PlainRow) => row.tiny === 0
      const source = unorderedSource(everyKind, lots, { random, zoneMaps, ...(random.below(2) === 0 ? { hidden } : {}) })
      const node = randomPredicate(random)
      // The predicate decides alone: rows of a fake source are not cut to the key range.
      const plan = {
        ...planScan(everyKind, { where: node as never, columns: ['seq'] }),
        range: { lower: undefined, upper: undefined, empty: false },
      }
      const found = await new QueryScan({ plan, source, signal: undefined }).toArray()
      const visible = new Set<bigint>()
      for (const stream of source.streams) {
        for (const batch of stream.batches()) {
          batch.prepareSync({ columns: [2] })
          const { values } = batch.column(2) as { values: Float64Array }
          for (const row of batch.selection() ?? values.keys()) visible.add(BigInt(values[row] as number))
        }
      }
      const expected = lots.flat().filter((row) => visible.has(row.seq as bigint) && truthOf(node, row) === true)
      t.deepEqual(
        found.map(({ seq }) => seq),
        expected.map(({ seq }) => seq),
        `seed ${seed}: ${show(node)}`,
      )
      t.is(source.releases, 1)
    }
  })
}
