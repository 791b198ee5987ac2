import test from 'ava'
import fc from 'fast-check'
import { SeededRandom } from '../../src/base/seeded-random.ts'
import type { DeltaStack } from '../../src/rowset/delta-stack.ts'
import type { DiskRowSet } from '../../src/rowset/disk-rowset.ts'
import { LookupMisses } from '../../src/rowset/lookup-misses.ts'
import { asValues, eachItsOwn, type RowRead } from '../../src/rowset/row-read.ts'
import { rowDecoder, valueAt } from '../../src/schema/row-decoder.ts'
import type { ColumnSchema, ColumnValue, TableSchema } from '../../src/schema/table-schema.ts'
import { ForgetfulCache, MapCache } from './support/caches.ts'
import { insertsEnd, type RowStory, randomStories, splitHistory, stateAt, timesEnd } from './support/random-history.ts'
import { firstDifference, fixedKeySchema, openRange, readBatches, schemaOf, variableKeySchema } from './support/random-table.ts'
import { dealt, RowSetMaker, stackOf } from './support/split-rowset.ts'

const rowCount = 100

/** With one more column, which is added at some time. */
function withAdded(schema: TableSchema): TableSchema {
  const added = { kind: 'string', default: 'new here', nullable: true } as const
  return schemaOf([...schema.columns, added], schema.keyColumns)
}

interface Case {
  readonly maker: RowSetMaker
  readonly rowset: DiskRowSet
  readonly stories: readonly RowStory[]
  readonly random: SeededRandom
}

/** Random histories, split at random into base, undo files, redo files and stores. */
async function randomCase(older: TableSchema, seed: number, cache: MapCache): Promise<Case> {
  const schema = withAdded(older)
  const random = new SeededRandom(seed)
  const addedAt = random.below(timesEnd)
  const { stories } = randomStories(schema, seed, rowCount, addedAt)
  const flushedThrough = insertsEnd + random.below(timesEnd - insertsEnd)
  const last = schema.columns.length - 1
  const isOlderBase = flushedThrough < addedAt
  const compactedThrough = schema.columns.map((_, position) =>
    schema.keyColumns.includes(position) || random.below(3) > 0 || (position === last && isOlderBase)
      ? flushedThrough
      : flushedThrough + random.below(timesEnd - flushedThrough),
  )
  const { base, undo, redo } = splitHistory(schema, stories, flushedThrough, compactedThrough)
  const maker = new RowSetMaker(schema, cache)
  // Files that a compaction of the new column has not touched may be older than it.
  const written = (changes: readonly { time: number }[]) => (changes.every(({ time }) => time < addedAt) ? older : schema)
  const undoFiles = await Promise.all(
    undo.flatMap((changes) => dealt(changes, 2, random)).map((changes) => maker.deltaFile(written(changes), 'undo', changes)),
  )
  const cut = insertsEnd + random.below(timesEnd)
  const files = redo.filter(({ time }) => time <= cut)
  const rest = redo.filter(({ time }) => time > cut)
  const isOlderRedo = compactedThrough[last] === flushedThrough
  const redoFiles = await Promise.all(
    dealt(files, 3, random).map((changes) => maker.deltaFile(isOlderRedo ? written(changes) : schema, 'redo', changes)),
  )
  const middle = rest[random.below(rest.length + 1)]?.time ?? timesEnd
  const stores = [maker.store(rest.filter(({ time }) => time < middle)), maker.store(rest.filter(({ time }) => time >= middle))]
  const stack = stackOf({ undo: undoFiles, redo: [...redoFiles, ...stores] }) as DeltaStack
  return { maker, rowset: await maker.rowset(isOlderBase ? older : schema, base, stack), stories, random }
}

function expectedAt(stories: readonly RowStory[], timestamp: number) {
  return stories.flatMap((story) => {
    const row = stateAt(story, timestamp)
    return row === undefined ? [] : [{ row, keyHex: story.keyHex }]
  })
}

for (const [name, schema] of [
  ['fixed', fixedKeySchema],
  ['variable', variableKeySchema],
] as const) {
  for (const [cacheName, makeCache] of [
    ['all', () => new MapCache()],
    ['nothing', () => new ForgetfulCache()],
  ] as const) {
    test(`with ${name} keys and a cache that keeps ${cacheName}, scans see the rows of every snapshot`, async (t) => {
      await fc.assert(
        fc.asyncProperty(fc.integer(), async (seed) => {
          const { maker, rowset, stories, random } = await randomCase(schema, seed, makeCache())
          // In a random order: what one scan keeps, an earlier or a later snapshot must not take for its own.
          const times = Array.from({ length: 25 }, () => random.below(timesEnd + 2))
          for (const timestamp of times) {
            const reverse = random.below(2) === 0
            const expected = expectedAt(stories, timestamp)
            const batches = [...rowset.batches({ timestamp, range: openRange, sorted: true, reverse })]
            const all = maker.current.columns.map((_, position) => position)
            if (random.below(2) === 0) {
              for (const batch of batches) {
                await batch.prepare({ columns: all.filter(() => random.below(3) === 0) })
                await batch.prepare({ columns: all, keys: true })
              }
            }
            const rows = readBatches(maker.current, batches, { reverse })
            t.is(firstDifference(rows, reverse ? expected.reverse() : expected), undefined, `at ${timestamp}`)
          }
          rowset.release()
        }),
        { numRuns: 3 },
      )
    })

    test(`with ${name} keys and a cache that keeps ${cacheName}, rows are read one by one as scans see them`, async (t) => {
      await fc.assert(
        fc.asyncProperty(fc.integer(), fc.boolean(), async (seed, blocking) => {
          const { maker, rowset, stories, random } = await randomCase(schema, seed, makeCache())
          for (let round = 0; round < 60; round++) {
            const row = random.below(rowCount)
            const story = stories[row] as RowStory
            const timestamp = random.below(timesEnd + 2)
            const positions = maker.current.columns.map((_, position) => position).filter(() => random.below(3) > 0)
            const expected = stateAt(story, timestamp)
            const found = await settled((misses) => readOne(rowset, row, timestamp, positions, misses), blocking)
            t.deepEqual(
              found,
              expected === undefined ? 'none' : positions.map((position) => expected[position] as ColumnValue),
              `row ${row} at ${timestamp}`,
            )
            const isAlive = stateAt(story, timesEnd) !== undefined
            t.is(await settled((misses) => rowset.isAliveNow(row, misses), blocking), isAlive)
            const newest = story.events.at(-1)?.time ?? story.insertedAt
            t.is(await settled((misses) => rowset.newestChangeTime(row, misses), blocking), newest)
          }
          rowset.release()
        }),
        { numRuns: 3 },
      )
    })
  }

  test(`with ${name} keys, zone maps of changed row groups hold for the rows that a scan sees`, async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const { maker, rowset } = await randomCase(schema, seed, new MapCache())
        for (let timestamp = 1; timestamp <= timesEnd; timestamp += 9) {
          await rowset.prepareScan({ timestamp, range: openRange })
          // Columns that are kept have zone maps, too.
          if (timestamp % 2 === 0) readBatches(maker.current, rowset.batches({ timestamp, range: openRange }))
          for (const batch of rowset.batches({ timestamp, range: openRange })) {
            const positions = maker.current.columns.map((_, position) => position)
            const zones = positions.map((position) => batch.zoneMap(position))
            await batch.prepare({ columns: positions })
            for (const i of batch.selection() ?? Int32Array.from({ length: batch.rowCount }, (_, k) => k)) {
              for (const position of positions) {
                const zone = zones[position]
                const value = valueAt(maker.current.columns[position] as ColumnSchema, batch.column(position), i)
                if (zone?.known !== true || typeof value !== 'number') continue
                t.true((zone.min as number) <= value && value <= (zone.max as number))
              }
            }
          }
        }
        rowset.release()
      }),
      { numRuns: 3 },
    )
  })
}

test('a look-up whose rowset is gone by the time it would load leaves it alone', async (t) => {
  const cache = new MapCache()
  const maker = new RowSetMaker(fixedKeySchema, cache)
  const { stories } = randomStories(fixedKeySchema, 3, rowCount, 0)
  const none = fixedKeySchema.columns.map(() => 0)
  const { base, redo } = splitHistory(fixedKeySchema, stories, 0, none)
  const rowset = await maker.rowset(
    fixedKeySchema,
    base,
    stackOf({ redo: [await maker.deltaFile(fixedKeySchema, 'redo', redo)] }) as DeltaStack,
  )
  await rowset.warm()
  const misses = new LookupMisses()
  const { row } = redo[0] as { row: number }
  t.is(rowset.isAliveNow(row, misses), undefined)
  rowset.release()
  const loaded = cache.size
  await misses.load()
  misses.loadSync()
  t.is(cache.size, loaded)
})

function readOne(
  rowset: DiskRowSet,
  row: number,
  timestamp: number,
  positions: readonly number[],
  misses: LookupMisses,
): ColumnValue[] | 'none' | undefined {
  const read: RowRead = { timestamp, misses, positions, values: [], vectors: [], index: asValues, indexes: [] }
  const found = rowset.readRow(row, read)
  if (found === undefined) return undefined
  if (!found) return 'none'
  const decoded = rowDecoder(rowset.schema, positions).row(read.vectors, read.index === eachItsOwn ? read.indexes : read.index)
  return positions.map((position) => decoded[(rowset.schema.columns[position] as ColumnSchema).name] as ColumnValue)
}

/** Asks again until the answer is there. */
async function settled<R>(ask: (misses: LookupMisses) => R | undefined, blocking: boolean): Promise<R> {
  const misses = new LookupMisses()
  for (let round = 0; round < 8; round++) {
    const answer = ask(misses)
    if (answer !== undefined) return answer
    if (blocking) misses.loadSync()
    else await misses.load()
  }
  throw new Error('the look-up gets no further')
}
