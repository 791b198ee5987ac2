import test from 'ava'
import { SeededRandom } from '../../src/base/seeded-random.ts'
import { deltaOps } from '../../src/rowset/delta-schema.ts'
import type { DiskRowSet } from '../../src/rowset/disk-rowset.ts'
import type { PlainChange } from '../../src/rowset/write-delta-file.ts'
import type { ColumnVector, FixedVector } from '../../src/schema/column-vector.ts'
import { MapCache } from './support/caches.ts'
import { openRange, schemaOf } from './support/random-table.ts'
import { appendChange, RowSetMaker, rowsPerGroup, stackOf } from './support/split-rowset.ts'

const schema = schemaOf([{ kind: 'int32' }, { kind: 'int32' }, { kind: 'int32' }], [0])
const rowCount = 4 * rowsPerGroup

function update(row: number, time: number, value: number, position = 1): PlainChange {
  const values = [row, undefined, undefined].map((old, p) => (p === position ? value : old))
  return { row, time, op: deltaOps.update, values }
}

function kill(row: number, time: number): PlainChange {
  return { row, time, op: deltaOps.delete, values: [row, undefined, undefined] }
}

/** Rows whose other columns are 0, changed from time 10 on. */
async function changedRowSet(o: { files: readonly PlainChange[]; store: readonly PlainChange[] }) {
  const cache = new MapCache()
  const maker = new RowSetMaker(schema, cache)
  const base = Array.from({ length: rowCount }, (_, row) => ({ row: [row, 0, 0], timestamp: 1 }))
  const store = maker.store(o.store)
  store.retain()
  const files = o.files.length === 0 ? [] : [await maker.deltaFile(schema, 'redo', o.files)]
  const rowset = await maker.rowset(schema, base, stackOf({ redo: [...files, store] }))
  return { rowset, store, cache, maker }
}

interface Seen {
  readonly vectors: readonly ColumnVector[]
  readonly dead: number
  readonly values: readonly number[]
}

function scan(rowset: DiskRowSet, timestamp: number, position = 1): Seen {
  const vectors: ColumnVector[] = []
  let alive = 0
  for (const batch of rowset.batches({ timestamp, range: openRange })) {
    batch.prepareSync({ columns: [position] })
    alive += batch.selection()?.length ?? batch.rowCount
    vectors.push(batch.column(position))
  }
  return { vectors, dead: rowCount - alive, values: vectors.flatMap((vector) => [...((vector as FixedVector).values as Int32Array)]) }
}

test('a patched column is used again by the next scan, and that of a group with a new change is not', async (t) => {
  const { rowset, store } = await changedRowSet({ files: [update(3, 11, 5)], store: [update(40, 12, 6), update(70, 13, 7)] })
  const first = scan(rowset, 20)
  t.deepEqual([first.values[3], first.values[40], first.values[70]], [5, 6, 7])
  const second = scan(rowset, 21)
  t.true(second.vectors.every((vector, group) => vector === first.vectors[group]))
  appendChange(store, schema, update(41, 22, 9))
  const third = scan(rowset, 22)
  t.deepEqual(
    third.vectors.map((vector, group) => vector === first.vectors[group]),
    [true, false, true, true],
  )
  t.is(third.values[41], 9)
  t.is(scan(rowset, 21).values[41], 0, 'a snapshot from before does not see it')
  t.is(scan(rowset, 22).vectors[1], third.vectors[1])
})

test('what an older snapshot sees is neither kept for newer ones nor taken from them', async (t) => {
  const { rowset } = await changedRowSet({ files: [update(3, 11, 5), update(3, 15, 6)], store: [update(3, 18, 7)] })
  const expected = new Map([
    [10, 0],
    [11, 5],
    [16, 6],
    [18, 7],
    [30, 7],
  ])
  for (const timestamp of [30, 10, 16, 11, 18, 30, 11, 16, 10])
    t.is(scan(rowset, timestamp).values[3], expected.get(timestamp), `at ${timestamp}`)
})

test('dead rows are kept like columns, and anew when another row dies or comes back', async (t) => {
  const { rowset, store } = await changedRowSet({ files: [kill(3, 11)], store: [kill(40, 12)] })
  t.is(scan(rowset, 20).dead, 2)
  t.is(scan(rowset, 20).dead, 2)
  t.is(scan(rowset, 11).dead, 1)
  appendChange(store, schema, kill(41, 21))
  t.is(scan(rowset, 20).dead, 2)
  t.is(scan(rowset, 21).dead, 3)
  appendChange(store, schema, { row: 3, time: 22, op: deltaOps.live, values: [3, 8, 9] })
  t.is(scan(rowset, 22).dead, 2)
  t.is(scan(rowset, 22).values[3], 8)
  t.is(scan(rowset, 22, 2).values[3], 9)
  t.is(scan(rowset, 21).dead, 3)
})

test('columns stay kept when a source joins that changes other groups, and not where it changes theirs', async (t) => {
  const { rowset, store, maker } = await changedRowSet({ files: [update(3, 11, 5)], store: [update(40, 12, 6), update(70, 13, 7)] })
  const first = scan(rowset, 20)
  const newest = maker.store()
  rowset.setDeltas(rowset.deltas.withNewest(newest))
  const second = scan(rowset, 21)
  t.true(second.vectors.every((vector, group) => vector === first.vectors[group]))
  appendChange(newest, schema, update(41, 22, 9))
  const third = scan(rowset, 22)
  t.deepEqual(
    third.vectors.map((vector, group) => vector === first.vectors[group]),
    [true, false, true, true],
  )
  t.deepEqual([third.values[40], third.values[41]], [6, 9])
  t.is(scan(rowset, 21).values[41], 0)
  // The oldest store, in memory still, changes as much: the same number of changes says nothing of another stack.
  rowset.setDeltas(rowset.deltas.replacing([newest], {}))
  appendChange(store, schema, update(42, 23, 8))
  const fourth = scan(rowset, 23)
  t.deepEqual([fourth.values[41], fourth.values[42]], [0, 8])
})

test('once it is kept, no delta file is read for a column', async (t) => {
  const { rowset, maker } = await changedRowSet({ files: [update(3, 11, 5), kill(50, 12)], store: [] })
  const before = scan(rowset, 20)
  const fault = maker.vfs.inject({ op: 'read', error: 'EIO' })
  const after = scan(rowset, 20)
  fault[Symbol.dispose]()
  t.deepEqual(after.values, before.values)
  t.is(after.dead, 1)
})

test('a column that no change sets comes from the base, and its zone maps hold', async (t) => {
  const { rowset } = await changedRowSet({ files: [update(3, 11, 5)], store: [update(40, 12, 6)] })
  await rowset.prepareScan({ timestamp: 20, range: openRange })
  const zones = [...rowset.batches({ timestamp: 20, range: openRange })].map((batch) => [
    batch.zoneMap(0),
    batch.zoneMap(1),
    batch.zoneMap(2),
  ])
  t.true(zones.every(([key, , other]) => key !== undefined && other !== undefined))
  t.deepEqual(
    zones.map(([, changed]) => changed === undefined),
    [true, true, false, false],
  )
})

test('zone maps of a patched column are those of its new values', async (t) => {
  const { rowset, store } = await changedRowSet({ files: [update(3, 11, 5)], store: [update(40, 12, -6)] })
  const zones = (timestamp: number) =>
    [...rowset.batches({ timestamp, range: openRange })].map((batch) => {
      const zone = batch.zoneMap(1)
      return zone && [zone.min, zone.max]
    })
  scan(rowset, 20)
  t.deepEqual(zones(20), [
    [0, 5],
    [-6, 0],
    [0, 0],
    [0, 0],
  ])
  t.deepEqual(zones(11)[1], [0, 0], 'an older snapshot sees other values')
  appendChange(store, schema, update(41, 22, 9))
  t.deepEqual(zones(22).slice(0, 2), [[0, 5], undefined])
})

test('scans that change places with writes see what a model says', async (t) => {
  const random = new SeededRandom(11)
  const { rowset, store } = await changedRowSet({ files: [], store: [] })
  const versions: { time: number; values: number[]; alive: boolean[] }[] = []
  let values = new Array<number>(rowCount).fill(0)
  let alive = new Array<boolean>(rowCount).fill(true)
  for (let time = 11; time < 130; time++) {
    const row = random.below(rowCount)
    values = values.slice()
    alive = alive.slice()
    if (alive[row] !== true) {
      alive[row] = true
      values[row] = time
      appendChange(store, schema, { row, time, op: deltaOps.live, values: [row, time, 0] })
    } else if (random.below(4) === 0) {
      alive[row] = false
      appendChange(store, schema, kill(row, time))
    } else {
      values[row] = time
      appendChange(store, schema, update(row, time, time))
    }
    versions.push({ time, values, alive })
    const version = versions[Math.max(0, versions.length - 1 - random.below(random.below(3) === 0 ? 30 : 2))] as (typeof versions)[0]
    const seen = scan(rowset, version.time)
    t.is(seen.dead, version.alive.filter((is) => !is).length)
    version.values.forEach((value, i) => {
      if (version.alive[i] === true && seen.values[i] !== value) t.fail(`row ${i} is ${seen.values[i]} at ${version.time}, not ${value}`)
    })
  }
})

test('a stack keeps its sources until the last scan that began with it has ended', async (t) => {
  const { rowset, store, maker } = await changedRowSet({ files: [update(3, 11, 5)], store: [] })
  const before = rowset.deltas
  before.retain()
  rowset.setDeltas(before.replacing(before.redo, { redo: [await maker.deltaFile(schema, 'redo', [update(3, 11, 5), update(4, 12, 6)])] }))
  t.is(scan(rowset, 20).values[4], 6)
  const old = [...rowset.batches({ timestamp: 20, range: openRange }, before)][0]
  old?.prepareSync({ columns: [1] })
  t.deepEqual([...((old?.column(1) as FixedVector).values as Int32Array).subarray(3, 5)], [5, 0])
  before.release()
  t.throws(() => before.retain(), { name: 'InvariantError' })
  t.false(before.tryRetain())
  store.release()
  t.throws(() => store.retain(), { name: 'InvariantError' })
  rowset.release()
})

test('sources that are replaced give their place to what replaces them', async (t) => {
  const maker = new RowSetMaker(schema, new MapCache())
  const [a, b, c, d] = [maker.store(), maker.store(), maker.store(), maker.store()]
  const stack = stackOf({ redo: [a, b, c] })
  t.deepEqual(stack.replacing([b], { redo: [d] }).redo, [a, d, c])
  t.deepEqual(stack.replacing([a, b], { redo: [d] }).redo, [d, c])
  t.deepEqual(stack.replacing([a, b, c], {}).redo, [])
  t.deepEqual(stack.replacing([a], { undo: [d] }).undo, [d])
  t.deepEqual(stack.withNewest(d).redo, [a, b, c, d])
  t.false(stack.isEmpty)
  t.true(stackOf({ redo: [] }).isEmpty)
})

test('a stack applies where a change is seen, or one is undone', async (t) => {
  const maker = new RowSetMaker(schema, new MapCache())
  const redo = stackOf({ redo: [maker.store([update(1, 15, 1)])] })
  t.deepEqual(
    [14, 15, 16].map((timestamp) => redo.appliesAt(timestamp)),
    [false, true, true],
  )
  const undo = stackOf({ undo: [await maker.deltaFile(schema, 'undo', [update(1, 15, 1)])], redo: [] })
  t.deepEqual(
    [14, 15, 16].map((timestamp) => undo.appliesAt(timestamp)),
    [true, false, false],
  )
  t.false(stackOf({ redo: [maker.store()] }).appliesAt(99))
})
