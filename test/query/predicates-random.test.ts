import test from 'ava'
import { SeededRandom } from '../../src/base/seeded-random.ts'
import { QueryScan } from '../../src/query/query-scan.ts'
import { planScan } from '../../src/query/scan-plan.ts'
import { unorderedSource } from './support/fake-source.ts'
import { truthOf } from './support/plain-predicates.ts'
import { randomPredicate } from './support/random-predicates.ts'
import { everyKind, type PlainRow, randomRows, show } from './support/random-rows.ts'

for (const zoneMaps of [true, false]) {
  test(`predicates choose the rows that three-valued logic does, in every form of column, ${zoneMaps ? 'pruned by' : 'without'} zone maps`, async (t) => {
    for (let seed = 1; seed <= 300; seed++) {
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
