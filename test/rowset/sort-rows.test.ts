import test from 'ava'
import fc from 'fast-check'
import { SeededRandom } from '../../src/base/seeded-random.ts'
import { ChunkPool } from '../../src/rowset/chunk-pool.ts'
import { MemRows } from '../../src/rowset/mem-rows.ts'
import { MemRowSet } from '../../src/rowset/mem-rowset.ts'
import { sortRows } from '../../src/rowset/sort-rows.ts'
import { SortedRuns } from '../../src/rowset/sorted-runs.ts'
import type { TableSchema } from '../../src/schema/table-schema.ts'
import { batchOf, firstDifference, type PlainRow, schemaOf } from './support/random-table.ts'

/** The rows as a flush job sees them, and their keys in hex. */
function rowsOf(schema: TableSchema, list: readonly PlainRow[]): { rows: MemRows; keyHexes: readonly string[] } {
  const { block, keys, hashes, keyHexes } = batchOf(schema, list)
  const store = new MemRowSet({ schema, generation: 1, chunks: new ChunkPool() })
  store.append(block, keys, hashes, { timestamp: 1, opId: 1 })
  return { rows: MemRows.thaw(store.freeze()), keyHexes }
}

function isInOrder(ids: Int32Array, keyHexes: readonly string[], from: number, to: number): string | undefined {
  const expected = Array.from({ length: to - from }, (_, i) => from + i).sort((a, b) =>
    (keyHexes[a] as string) < (keyHexes[b] as string) ? -1 : 1,
  )
  return firstDifference([...ids], expected)
}

/** A text whose parts are taken from a few words, so that many texts agree for long, and end at any place. */
function text(random: SeededRandom): string {
  const words = ['', 'a', 'bc', 'common', '\u0000', 'longer than eight', '\u{1f40e}']
  let made = ''
  for (let left = random.below(6); left > 0; left--) made += words[random.below(words.length)]
  return made
}

test('rows with variable keys are put in key order, however long their keys agree', (t) => {
  const schema = schemaOf([{ kind: 'string' }, { kind: 'int16' }], [0, 1])
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 3000 }), (seed, count) => {
      const random = new SeededRandom(seed)
      const bits = 1 << random.below(11)
      const list = new Map<string, PlainRow>()
      for (let i = 0; i < count; i++) {
        const row = [text(random), random.below(bits)] as const
        list.set(row.join(), row)
      }
      const { rows, keyHexes } = rowsOf(schema, [...list.values()])
      const from = random.below(3) === 0 ? random.below(list.size) : 0
      t.is(isInOrder(sortRows(rows, from, list.size), keyHexes, from, list.size), undefined)
    }),
    { numRuns: 30 },
  )
})

test('groups of keys that agree in their first bytes and differ in one later digit keep their own rows', (t) => {
  const schema = schemaOf([{ kind: 'string' }], [0])
  const list: PlainRow[] = []
  for (let i = 0; i < 90; i++)
    for (const group of ['mmmmmmmm', 'aaaaaaaa', 'zzzzzzzz']) list.push([group + String.fromCharCode(33 + ((i * 37) % 90))])
  const { rows, keyHexes } = rowsOf(schema, list)
  t.is(isInOrder(sortRows(rows, 0, list.length), keyHexes, 0, list.length), undefined)
})

test('rows with fixed keys are put in key order, whichever digits of their keys differ', (t) => {
  const schema = schemaOf([{ kind: 'int16' }, { kind: 'int64' }], [0, 1])
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 3000 }), (seed, count) => {
      const random = new SeededRandom(seed)
      const shift = BigInt(random.below(33))
      const bits = 1 + random.below(30)
      const list = new Map<string, PlainRow>()
      for (let i = 0; i < count; i++) {
        const row = [random.below(3), BigInt(random.below(2 ** bits) - 2 ** (bits - 1)) << shift] as const
        list.set(row.join(), row)
      }
      const { rows, keyHexes } = rowsOf(schema, [...list.values()])
      t.is(isInOrder(sortRows(rows, 0, list.size), keyHexes, 0, list.size), undefined)
    }),
    { numRuns: 30 },
  )
})

test('order kept while rows come in small steps needs few runs, and sorts no row more often than a logarithm says', (t) => {
  const schema = schemaOf([{ kind: 'int32' }], [0])
  const count = 4000
  const list = Array.from({ length: count }, (_, i) => [(i * 7919) % 4001])
  const { rows, keyHexes } = rowsOf(schema, list)
  const runs = new SortedRuns(rows, { retain: () => undefined, release: () => undefined })
  let sortedRows = 0
  for (let to = 10; to <= count; to += 10) {
    const before = new Set(runs.current())
    runs.coverSync(to)
    for (const run of runs.current()) if (!before.has(run)) sortedRows += run.to - run.from
  }
  t.is(runs.coveredRows, count)
  t.true(runs.current().length <= 10, `${runs.current().length} runs`)
  t.true(sortedRows <= count * Math.log2(count), `${sortedRows} rows sorted`)
  for (const { ids, from, to } of runs.current()) t.is(isInOrder(ids, keyHexes, from, to), undefined)
})
