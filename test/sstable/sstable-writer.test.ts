import test from 'ava'
import type { RowGroup } from '../../src/sstable/sstable.ts'
import { SSTableWriter } from '../../src/sstable/sstable-writer.ts'
import {
  column,
  emptyVfs,
  path,
  problemsOf,
  readAll,
  reader,
  readingRows,
  readings,
  rowGroup,
  tableSchema,
  writeReadings,
} from './fixtures/tables.ts'
import { fixedVector } from './fixtures/vectors.ts'

const schema = tableSchema([column(1, 'id', 'int32')], [0])

function group(ids: readonly number[], o: Partial<RowGroup> = {}): RowGroup {
  return { ...rowGroup(schema, { rowCount: ids.length, columns: [fixedVector('int32', ids)] }), ...o }
}

test('an SSTable without rows is refused', async (t) => {
  const writer = new SSTableWriter(await (await emptyVfs()).create(path), { schema })
  await t.throwsAsync(writer.finish(), { instanceOf: TypeError, message: /at least one row/ })
  await writer.abort()
  await writer.abort()
})

test('row groups must ascend, inside and one after the other', async (t) => {
  const writer = new SSTableWriter(await (await emptyVfs()).create(path), { schema, rowsPerGroup: 3 })
  await t.throwsAsync(writer.addGroup(group([1, 3, 2])), { instanceOf: TypeError, message: /Keys 1 and 2/ })
  await t.throwsAsync(writer.addGroup(group([1, 2, 2])), { instanceOf: TypeError })
  await writer.addGroup(group([1, 2, 3]))
  await t.throwsAsync(writer.addGroup(group([3, 4, 5])), { instanceOf: TypeError, message: /ascending/ })
  await writer.addGroup(group([4, 5, 6]))
  t.is(writer.rows, 6)
})

test('only the last row group may be short, and none may be long, empty or of another shape', async (t) => {
  const make = async (): Promise<SSTableWriter> => new SSTableWriter(await (await emptyVfs()).create(path), { schema, rowsPerGroup: 3 })
  const writer = await make()
  await writer.addGroup(group([1, 2]))
  await t.throwsAsync(writer.addGroup(group([3])), { instanceOf: TypeError, message: /last row group/ })
  const whole = group([1, 2])
  const wrong: RowGroup[] = [
    group([1, 2, 3, 4]),
    group([]),
    group([1, 2], { timestamps: new Float64Array(1) }),
    group([1, 2], { hashes: new Uint32Array(1) }),
    group([1, 2], { keys: group([1]).keys }),
    { ...whole, rows: { rowCount: 2, columns: [] } },
    { ...whole, rows: { rowCount: 2, columns: [fixedVector('int32', [1])] } },
  ]
  for (const bad of wrong) await t.throwsAsync((await make()).addGroup(bad), { instanceOf: TypeError })
})

test('options out of range and files with content are refused', async (t) => {
  const vfs = await emptyVfs()
  const file = await vfs.create(path)
  t.throws(() => new SSTableWriter(file, { schema, rowsPerGroup: 0 }), { instanceOf: TypeError })
  t.throws(() => new SSTableWriter(file, { schema, bloomBitsPerKey: 0 }), { instanceOf: TypeError })
  await file.append(new Uint8Array(1))
  t.throws(() => new SSTableWriter(file, { schema }), { instanceOf: TypeError, message: /not empty/ })
})

test('arrays of a row group may be used again once it was added', async (t) => {
  const vfs = await emptyVfs()
  const writer = new SSTableWriter(await vfs.create(path), { schema, rowsPerGroup: 4 })
  const values = new Int32Array(4)
  const timestamps = new Float64Array(4)
  const hashes = new Uint32Array(4)
  for (let from = 0; from < 16; from += 4) {
    for (let i = 0; i < 4; i++) {
      values[i] = from + i
      timestamps[i] = 1000 + from + i
    }
    const made = rowGroup(schema, { rowCount: 4, columns: [{ form: 'fixed', length: 4, values, nulls: undefined }] }, timestamps)
    hashes.set(made.hashes)
    await writer.addGroup({ ...made, hashes })
    values.fill(-1)
    timestamps.fill(-1)
    hashes.fill(0)
  }
  const summary = await writer.finish()
  t.is(summary.minTimestamp, 1000)
  t.is(summary.maxTimestamp, 1015)
  const table = reader(vfs, { schema })
  await table.open()
  t.deepEqual(await problemsOf(table), [])
  t.deepEqual(await table.loadTimestamps(3), Float64Array.of(1012, 1013, 1014, 1015))
})

test('what finish reports as written survives a power cut', async (t) => {
  const vfs = await emptyVfs()
  await writeReadings(vfs, 5000)
  await vfs.syncDirectory('/db')
  await vfs.syncDirectory('/')
  const after = vfs.crash({ mode: 'power', random: { next: () => 0, below: () => 0 } })
  const table = reader(after)
  t.truthy(await readAll(table))
})

test('a full disk is DISK_FULL at any point, and leaves the writer to be aborted', async (t) => {
  for (const capacityBytes of [0, 1000, 200_000, 400_000, 900_000]) {
    const vfs = await emptyVfs()
    vfs.capacityBytes = capacityBytes
    const error = await t.throwsAsync(writeReadings(vfs, 30_000), { code: 'DISK_FULL' })
    t.true(error instanceof Error && 'retryable' in error && error.retryable === true)
  }
  const vfs = await emptyVfs()
  const writer = new SSTableWriter(await vfs.create(path), { schema: readings })
  await writer.addGroup(rowGroup(readings, readingRows(0, 100)))
  vfs.inject({ op: 'append', error: 'EIO', nth: 1 })
  await t.throwsAsync(writer.finish(), { code: 'EIO' })
  await t.throwsAsync(writer.finish(), { instanceOf: TypeError, message: /has failed/ })
  await writer.abort()
})

test('a filter of less than a bit a key lets every key pass, and is small', async (t) => {
  const vfs = await emptyVfs()
  const writer = new SSTableWriter(await vfs.create(path), { schema, bloomBitsPerKey: 1 / 1024 })
  await writer.addGroup(group(Array.from({ length: 5000 }, (_, i) => 2 * i)))
  await writer.finish()
  const table = reader(vfs, { schema })
  await table.open()
  const filter = await table.loadFilter()
  t.true(filter.byteLength < 100)
  for (const hash of [0, 1, 0x9e3779b1, 0xffffffff]) t.true(filter.mayContain(hash))
  t.deepEqual(await problemsOf(table), [])
})
