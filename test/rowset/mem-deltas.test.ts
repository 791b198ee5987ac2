import test from 'ava'
import fc from 'fast-check'
import { LookupMisses } from '../../src/rowset/lookup-misses.ts'
import { MemRowSet } from '../../src/rowset/mem-rowset.ts'
import { asValues, eachItsOwn, type RowRead } from '../../src/rowset/row-read.ts'
import { rowDecoder } from '../../src/schema/row-decoder.ts'
import type { ColumnSchema, ColumnValue } from '../../src/schema/table-schema.ts'
import { MapCache } from './support/caches.ts'
import { type RowStory, randomStories, splitHistory, stateAt, timesEnd } from './support/random-history.ts'
import { batchOf, byKey, firstDifference, fixedKeySchema, openRange, readBatches, variableKeySchema } from './support/random-table.ts'
import { RowSetMaker } from './support/split-rowset.ts'

for (const [name, schema] of [
  ['fixed', fixedKeySchema],
  ['variable', variableKeySchema],
] as const) {
  test(`with ${name} keys, rows in memory are seen with the changes of every snapshot, in any order and one by one`, async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const { maker, store, stories, table } = memCase(seed)
        const { random } = table
        for (let round = 0; round < 25; round++) {
          const timestamp = random.below(timesEnd + 2)
          const expected = stories
            .flatMap((story) => {
              const row = stateAt(story, timestamp)
              return row === undefined ? [] : [{ row, keyHex: story.keyHex }]
            })
            .sort(byKey)
          const scan = { timestamp, range: openRange, limitHint: 16 + random.below(40) }
          const unsorted = readBatches(schema, store.batches(scan)).sort(byKey)
          t.is(firstDifference(unsorted, expected), undefined, `at ${timestamp}`)
          t.is(firstDifference(readBatches(schema, store.batches({ ...scan, sorted: true })), expected), undefined)
          const reverse = readBatches(schema, store.batches({ ...scan, sorted: true, reverse: true }), { reverse: true })
          t.is(firstDifference(reverse, expected.reverse()), undefined)
          for (let i = 0; i < 10; i++) checkRow(t.deepEqual, store, stories, random.below(stories.length), timestamp)
        }
        store.release()
        t.is(maker.pool.usedBytes, 0, 'the changes were let go of with the rows')
      }),
      { numRuns: 4 },
    )
  })

  function memCase(seed: number) {
    const { stories, table } = randomStories(schema, seed, 120, 0)
    // Rows lie in the order in which they were inserted.
    const inserted = stories.map((story) => story).sort((a, b) => a.insertedAt - b.insertedAt)
    const maker = new RowSetMaker(schema, new MapCache())
    const store = new MemRowSet({ schema, generation: 1, chunks: maker.pool })
    for (const { inserted: row, insertedAt } of inserted) {
      const { block, keys, hashes } = batchOf(schema, [row])
      store.append(block, keys, hashes, { timestamp: insertedAt, opId: insertedAt })
    }
    const none = schema.columns.map(() => 0)
    const { redo } = splitHistory(schema, inserted, 0, none)
    const cut = table.random.below(timesEnd)
    for (const part of [redo.filter(({ time }) => time <= cut), redo.filter(({ time }) => time > cut)]) {
      const changes = maker.store(part)
      store.addChanges(changes)
      changes.release()
    }
    return { maker, store, stories: inserted, table }
  }

  function checkRow(
    equal: (actual: unknown, expected: unknown) => void,
    store: MemRowSet,
    stories: readonly RowStory[],
    row: number,
    timestamp: number,
  ): void {
    const positions = schema.columns.map((_, position) => position)
    const misses = new LookupMisses()
    const read: RowRead = { timestamp, misses, positions, values: [], vectors: [], index: asValues, indexes: [] }
    const story = stories[row] as RowStory
    const expected = stateAt(story, timestamp)
    equal(store.readRowAt(row, read), expected !== undefined)
    equal(store.isAliveNow(row, misses), stateAt(story, timesEnd) !== undefined)
    equal(store.newestChangeTime(row, misses), story.events.at(-1)?.time ?? story.insertedAt)
    if (expected !== undefined) equal(read.index === eachItsOwn ? decoded(read) : read.values, expected)
  }

  function decoded(read: RowRead): ColumnValue[] {
    const row = rowDecoder(schema, read.positions).row(read.vectors, read.indexes)
    return read.positions.map((position) => row[(schema.columns[position] as ColumnSchema).name] as ColumnValue)
  }
}
