import test from 'ava'
import type { ColumnVector } from '../../src/schema/column-vector.ts'
import { gatherVector } from '../../src/schema/vector-ops.ts'
import { deflateCodec } from '../../src/sstable/codec.ts'
import { ColumnRewriter } from '../../src/sstable/column-rewriter.ts'
import { FileHandles } from '../../src/sstable/file-handles.ts'
import { SSTableReader } from '../../src/sstable/sstable-reader.ts'
import { MapBlockCache } from './fixtures/map-block-cache.ts'
import { column, emptyVfs, path, problemsOf, readAll, reader, readings, tableSchema, writeReadings } from './fixtures/tables.ts'

const copyPath = '/db/000002.sst'
const rowsPerGroup = 128

/** Every column but the key, its rows in the opposite order. */
async function reversed(source: SSTableReader, group: number, position: number): Promise<ColumnVector> {
  const vector = await source.loadColumn(group, position)
  return gatherVector(
    vector,
    Int32Array.from({ length: vector.length }, (_, i) => vector.length - 1 - i),
  )
}

async function setUp(o: Parameters<typeof writeReadings>[2] = {}, schema = readings) {
  const vfs = await emptyVfs()
  await writeReadings(vfs, 500, { rowsPerGroup, ...o })
  const source = reader(vfs, { schema })
  await source.open()
  const copyReader = () =>
    new SSTableReader({ fileNumber: 2, path: copyPath, schema, cache: new MapBlockCache(), files: new FileHandles(vfs) })
  return { vfs, source, copyReader }
}

for (const codec of [undefined, deflateCodec]) {
  test(`columns are replaced in some groups, all else keeps its bytes (${codec?.name ?? 'no'} codec)`, async (t) => {
    const { vfs, source, copyReader } = await setUp(codec === undefined ? {} : { codec })
    const rewriter = new ColumnRewriter(await vfs.create(copyPath), { source, schema: readings })
    const expected = (await readAll(source)) as { groups: { columns: ColumnVector[] }[] }
    for (let group = 0; group < source.groupCount; group++) {
      const replaced = new Map<number, ColumnVector>()
      for (const position of group % 2 === 0 ? [4, 6] : []) replaced.set(position, await reversed(source, group, position))
      await rewriter.addGroup(replaced)
      const columns = expected.groups[group]?.columns as ColumnVector[]
      for (const [position, vector] of replaced) columns[position] = vector
    }
    const summary = await rewriter.finish()
    const copy = copyReader()
    t.deepEqual(await problemsOf(copy), [])
    const actual = (await readAll(copy)) as typeof expected
    actual.groups.forEach(({ columns }, group) => {
      columns.forEach((vector, position) => {
        t.deepEqual(plain(vector), plain(expected.groups[group]?.columns[position] as ColumnVector), `group ${group}, column ${position}`)
      })
    })
    t.deepEqual({ ...actual, groups: 0 }, { ...expected, groups: 0 })
    const all = readings.columns.map((_, position) => position)
    for (let group = 0; group < source.groupCount; group++) {
      const [before, after] = [await source.loadStored(group, all), await copy.loadStored(group, all)]
      for (const position of all) {
        const [old, copied] = [before.columns.get(position)?.bytes, after.columns.get(position)?.bytes] as [Uint8Array, Uint8Array]
        const isSame = Buffer.compare(old, copied) === 0
        t.is(isSame, !(group % 2 === 0 && [4, 6].includes(position)), `group ${group}, column ${position}`)
      }
      t.deepEqual(after.timestamps, before.timestamps)
    }
    t.is(summary.sizeBytes, (await vfs.stat(copyPath))?.sizeBytes as number)
    t.deepEqual(
      [summary.rows, summary.minKey, summary.maxKey, summary.minTimestamp],
      [500, source.minKey, source.maxKey, source.timestampRange(0).min],
    )
    t.is(summary.maxTimestamp, source.timestampRange(source.groupCount - 1).max)
  })
}

test('a copy under a changed schema leaves dropped columns out and writes the defaults of added ones', async (t) => {
  const added = column(9, 'level', 'int32', { default: 17 })
  const noted = column(10, 'hint', 'string', { nullable: true })
  const [host, at, cpu, , status, ...rest] = readings.columns
  const schema = tableSchema([host, at, added, cpu, status, noted, ...rest] as typeof readings.columns, [0, 1])
  const { vfs, source, copyReader } = await setUp({ codec: deflateCodec }, schema)
  t.deepEqual([source.hasColumn(1), source.hasColumn(2), source.hasColumn(5)], [true, false, false])
  const rewriter = new ColumnRewriter(await vfs.create(copyPath), { source, schema })
  for (let group = 0; group < source.groupCount; group++) await rewriter.addGroup(new Map())
  await rewriter.finish()
  const copy = copyReader()
  t.deepEqual(await problemsOf(copy), [])
  t.deepEqual(
    copy.metadata.columns.map(({ id }) => id),
    schema.columns.map(({ id }) => id),
  )
  const [before, after] = [await source.loadColumns(3, [0, 1, 2, 3, 4, 5, 6, 7, 8]), await copy.loadColumns(3, [0, 1, 2, 3, 4, 5, 6, 7, 8])]
  t.deepEqual(after.map(plain), before.map(plain))
})

test('a source without codec may be copied with one; one with a codec keeps it', async (t) => {
  const { vfs, source, copyReader } = await setUp()
  const rewriter = new ColumnRewriter(await vfs.create(copyPath), { source, schema: readings, codec: deflateCodec })
  for (let group = 0; group < source.groupCount; group++) await rewriter.addGroup(new Map([[6, await reversed(source, group, 6)]]))
  await rewriter.finish()
  const copy = copyReader()
  t.deepEqual(await problemsOf(copy), [])
  t.is(copy.metadata.codecName, 'deflate')
  t.true((await copy.loadStored(0, [6])).columns.get(6)?.compressed)
})

test('damage is found, not copied', async (t) => {
  const { vfs, source } = await setUp()
  const bytes = await vfs.readFile(path)
  const block = (await source.loadStored(1, [2])).columns.get(2)?.bytes as Uint8Array
  const at = Buffer.from(bytes).indexOf(block)
  const damaged = Buffer.from(bytes)
  damaged[at + 30] = (damaged[at + 30] as number) ^ 1
  await vfs.remove(path)
  const file = await vfs.create(path)
  await file.append(damaged)
  await file.close()
  const fresh = reader(vfs)
  await fresh.open()
  const rewriter = new ColumnRewriter(await vfs.create(copyPath), { source: fresh, schema: readings })
  await rewriter.addGroup(new Map())
  await t.throwsAsync(rewriter.addGroup(new Map()), { code: 'CORRUPTION' })
  await rewriter.abort()
})

test('key columns, foreign shapes and a copy that is cut short are misuse', async (t) => {
  const { vfs, source } = await setUp()
  const rewriter = new ColumnRewriter(await vfs.create(copyPath), { source, schema: readings })
  const add = (position: number, vector: ColumnVector) => rewriter.addGroup(new Map([[position, vector]]))
  await t.throwsAsync(add(0, await source.loadColumn(0, 0)), { instanceOf: TypeError, message: /Key column host/ })
  await t.throwsAsync(add(2, await source.loadColumn(3, 2)), { instanceOf: TypeError, message: /Column cpu/ })
  await t.throwsAsync(add(20, await source.loadColumn(0, 2)), { instanceOf: TypeError })
  await t.throwsAsync(rewriter.finish(), { instanceOf: TypeError })
})

/** What a vector says, whatever form it has. */
function plain(vector: ColumnVector): unknown[] {
  return Array.from({ length: vector.length }, (_, i) => {
    if (vector.nulls?.[i] === 1) return null
    if (vector.form === 'fixed') return vector.values[i]
    const strings = vector.form === 'bytes' ? vector : vector.dictionary
    const at = vector.form === 'bytes' ? i : (vector.codes[i] as number)
    return Buffer.from(strings.bytes.subarray(strings.offsets[at], strings.offsets[at + 1])).toString()
  })
}
