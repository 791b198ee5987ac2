import test from 'ava'
import { VarveError } from '../../src/base/errors.ts'
import { compareBytes, encodeKeys, hashKey, keyBytes, keyLayout, keysFromBytes } from '../../src/schema/key-encoding.ts'
import type { ColumnSchema, TableSchema } from '../../src/schema/table-schema.ts'
import { type Codec, deflateCodec } from '../../src/sstable/codec.ts'
import { FileHandles } from '../../src/sstable/file-handles.ts'
import { inspectSSTable } from '../../src/sstable/inspect.ts'
import { SSTableReader } from '../../src/sstable/sstable-reader.ts'
import { SSTableWriter } from '../../src/sstable/sstable-writer.ts'
import { countingVfs } from '../../src/vfs/counting-vfs.ts'
import type { Vfs } from '../../src/vfs/vfs.ts'
import { MapBlockCache } from './fixtures/map-block-cache.ts'
import { column, emptyVfs, path, reader, readingRows, readings, rowGroup, tableSchema, writeReadings } from './fixtures/tables.ts'
import { bytesVector, fixedVector, toList } from './fixtures/vectors.ts'

for (const count of [1, 2, 8191, 8192, 8193, 20000]) {
  test(`a table of ${count} rows reads back: columns, keys, timestamps, index, filter, bounds`, async (t) => {
    const vfs = await emptyVfs()
    const summary = await writeReadings(vfs, count)
    const table = reader(vfs)
    t.false(table.isOpen)
    await table.open()
    t.is(table.rowCount, count)
    t.is(table.groupCount, Math.ceil(count / 8192))
    t.is(summary.rows, count)
    t.is(summary.sizeBytes, (await vfs.stat(path))?.sizeBytes as number)
    const filter = await table.loadFilter()
    let last: Uint8Array | undefined
    for (let group = 0; group < table.groupCount; group++) {
      const rows = readingRows(group * 8192, Math.min(8192, count - group * 8192))
      const expected = rowGroup(readings, rows)
      t.is(table.groupRowCount(group), rows.rowCount)
      const columns = await table.loadColumns(group, [7, 0, 1, 2, 3, 4, 5, 6])
      t.deepEqual(toList(columns[0] as never), toList(rows.columns[7] as never))
      for (let position = 0; position < 7; position++)
        t.deepEqual(toList(columns[position + 1] as never), toList(rows.columns[position] as never), `column ${position}`)
      t.deepEqual(await table.loadKeys(group), expected.keys)
      t.deepEqual(await table.loadTimestamps(group), expected.timestamps)
      t.deepEqual(table.timestampRange(group), {
        min: expected.timestamps[0] as number,
        max: expected.timestamps[rows.rowCount - 1] as number,
      })
      t.deepEqual(table.firstKeyOf(group), keyBytes(expected.keys, 0, keyLayout(readings)))
      last = keyBytes(expected.keys, rows.rowCount - 1, keyLayout(readings))
      for (let i = 0; i < rows.rowCount; i += 7) {
        if (table.locateGroup(expected.keys, i) !== group) t.fail(`row ${i} of group ${group} is not located`)
        if (!filter.mayContain(hashKey(expected.keys, i))) t.fail(`row ${i} of group ${group} does not pass the filter`)
      }
      const hosts = toList(rows.columns[0] as never) as number[]
      t.like(table.zoneMap(group, 0), { min: hosts[0], max: hosts.at(-1), nullCount: 0, known: true })
      t.is(table.zoneMap(group, 6).nullCount, toList(rows.columns[6] as never).filter((value) => value === null).length)
    }
    t.deepEqual(table.maxKey, last)
    t.deepEqual(summary.maxKey, last)
    t.deepEqual(table.minKey, summary.minKey)
    for await (const problem of table.verify()) t.fail(problem.message)
  })
}

test('what was loaded comes from the cache: same vector, no read, under the roles that the cache weighs', async (t) => {
  const memory = await emptyVfs()
  await writeReadings(memory, 9000)
  const vfs = countingVfs(memory)
  const cache = new MapBlockCache()
  const table = reader(vfs, { cache })
  table.openSync()
  t.is(table.column(1, 2), undefined)
  t.is(table.keys(1), undefined)
  t.is(table.timestamps(1), undefined)
  t.is(table.filter(), undefined)
  t.is(table.mayContain(5), undefined)
  const loaded = {
    column: table.loadColumnSync(1, 2),
    keys: table.loadKeysSync(1),
    timestamps: table.loadTimestampsSync(1),
    filter: table.loadFilterSync(),
  }
  const { reads } = vfs.total()
  t.is(table.column(1, 2), loaded.column)
  t.is(table.keys(1), loaded.keys)
  t.is(table.timestamps(1), loaded.timestamps)
  t.is(table.filter(), loaded.filter)
  t.is(await table.loadColumn(1, 2), loaded.column)
  t.is(await table.loadKeys(1), loaded.keys)
  t.is(await table.loadFilter(), loaded.filter)
  t.is(typeof table.mayContain(5), 'boolean')
  t.is(vfs.total().reads, reads)
  t.deepEqual([...cache.roles].sort(), ['data', 'data', 'data', 'data', 'filter', 'key'])
  t.true(table.residentBytes > 4096 && table.residentBytes < 20000)
})

test('neighbouring blocks are read at once, and loads of one block at the same time share a read', async (t) => {
  const memory = await emptyVfs()
  await writeReadings(memory, 9000)
  const vfs = countingVfs(memory)
  const table = reader(vfs)
  await table.open()
  vfs.reset()
  const [all, again, one] = await Promise.all([
    table.loadColumns(1, [0, 1, 2, 3, 4, 5, 6, 7]),
    table.loadColumns(1, [0, 1, 2, 3, 4, 5, 6, 7]),
    table.loadColumn(1, 5),
  ])
  t.is(vfs.total().reads, 1)
  t.is(all[5], one)
  t.deepEqual(all, again)
  await Promise.all([table.loadFilter(), table.loadFilter()])
  t.is(vfs.total().reads, 2)
  const both = await Promise.all([table.loadKeys(0), table.loadKeys(0)])
  t.deepEqual(both[0], both[1])
  t.is(vfs.total().reads, 3)
})

test('a block read together with others keeps only itself in memory', async (t) => {
  const vfs = await emptyVfs()
  await writeReadings(vfs, 8192)
  const cache = new MapBlockCache()
  const table = reader(vfs, { cache })
  await table.open()
  const columns = await table.loadColumns(0, [0, 1, 2, 3, 4, 5, 6, 7])
  const buffers = new Set(
    columns.map((vector) =>
      vector.form === 'fixed' ? vector.values.buffer : vector.form === 'bytes' ? vector.bytes.buffer : vector.codes.buffer,
    ),
  )
  t.is(buffers.size, columns.length)
  const double = columns[2] as { values: Float64Array }
  t.true(double.values.buffer.byteLength < 8192 * 8 + 100)
})

test('a cache that keeps nothing slows reads and breaks none', async (t) => {
  const vfs = await emptyVfs()
  await writeReadings(vfs, 100)
  const table = reader(vfs, { cache: new MapBlockCache(0) })
  await table.open()
  t.is((await table.loadColumns(0, [0, 3])).length, 2)
  t.is(table.column(0, 0), undefined)
  t.is((await table.loadKeys(0)).count, 100)
  t.true((await table.loadFilter()).mayContain(hashKey(await table.loadKeys(0), 50)))
  for await (const problem of table.verify()) t.fail(problem.message)
})

test('groups in a range are just those that may hold its keys', async (t) => {
  const schema = tableSchema([column(1, 'id', 'int32')], [0])
  const vfs = await emptyVfs()
  const writer = new SSTableWriter(await vfs.create(path), { schema, rowsPerGroup: 10 })
  const ids = Array.from({ length: 45 }, (_, i) => i * 2)
  for (let from = 0; from < 45; from += 10) {
    const part = ids.slice(from, from + 10)
    await writer.addGroup(rowGroup(schema, { rowCount: part.length, columns: [fixedVector('int32', part)] }))
  }
  await writer.finish()
  const table = reader(vfs, { schema })
  await table.open()
  const key = (id: number): Uint8Array =>
    keyBytes(encodeKeys(schema, { rowCount: 1, columns: [fixedVector('int32', [id])] }), 0, keyLayout(schema))
  const groups = (lower: number | undefined, upper: number | undefined): number[] => {
    const { from, to } = table.groupsInRange({
      lower: lower === undefined ? undefined : key(lower),
      upper: upper === undefined ? undefined : key(upper),
    })
    return Array.from({ length: to - from }, (_, i) => from + i)
  }
  t.deepEqual(groups(undefined, undefined), [0, 1, 2, 3, 4])
  t.deepEqual(groups(-50, -10), [])
  t.deepEqual(groups(-50, 0), [])
  t.deepEqual(groups(-50, 1), [0])
  t.deepEqual(groups(20, 40), [1])
  t.deepEqual(groups(19, 40), [0, 1])
  t.deepEqual(groups(21, 41), [1, 2])
  t.deepEqual(groups(88, undefined), [4])
  t.deepEqual(groups(89, undefined), [])
  t.deepEqual(groups(undefined, 20), [0])
  t.deepEqual(groups(undefined, 21), [0, 1])
  const located = (id: number): number => table.locateGroup(keysFromBytes(schema, [key(id)]), 0)
  t.deepEqual([-1, 0, 19, 20, 21, 80, 88, 89].map(located), [-1, 0, 0, 1, 1, 4, 4, -1])
})

test('keys with strings work as fixed ones do', async (t) => {
  const schema = tableSchema([column(3, 'name', 'string'), column(9, 'flag', 'bool', { nullable: true })], [0])
  const names = Array.from({ length: 300 }, (_, i) => `n${String(i).padStart(4, '0')}\u0000${'x'.repeat(i % 5)}`)
  const vfs = await emptyVfs()
  const writer = new SSTableWriter(await vfs.create(path), { schema, rowsPerGroup: 128, bloomBitsPerKey: 16 })
  for (let from = 0; from < 300; from += 128) {
    const part = names.slice(from, from + 128)
    await writer.addGroup(
      rowGroup(schema, {
        rowCount: part.length,
        columns: [
          bytesVector(part),
          fixedVector(
            'bool',
            part.map(() => 1),
          ),
        ],
      }),
    )
  }
  await writer.finish()
  const table = reader(vfs, { schema })
  await table.open()
  const probe = encodeKeys(schema, { rowCount: 300, columns: [bytesVector(names)] })
  for (let i = 0; i < 300; i++) t.is(table.locateGroup(probe, i), Math.floor(i / 128))
  t.deepEqual(keyBytes(await table.loadKeys(2), 43, keyLayout(schema)), table.maxKey)
  t.is(compareBytes(table.minKey, table.firstKeyOf(0)), 0)
  for await (const problem of table.verify()) t.fail(problem.message)
})

test('a file is read by column ids: renamed, dropped, moved and added columns', async (t) => {
  const vfs = await emptyVfs()
  await writeReadings(vfs, 8200)
  const [host, at, cpu, , status] = readings.columns as readonly [ColumnSchema, ColumnSchema, ColumnSchema, ColumnSchema, ColumnSchema]
  const added: readonly ColumnSchema[] = [
    column(20, 'a', 'int32', { default: 42 }),
    column(21, 'b', 'string', { default: 'none' }),
    column(22, 'c', 'double', { nullable: true }),
    column(23, 'd', 'int64', { default: 2n ** 60n }),
    column(24, 'e', 'int64', { default: 7n }),
    column(25, 'f', 'binary', { nullable: true }),
    column(26, 'g', 'bool', { default: true }),
  ]
  const schema: TableSchema = { ...readings, columns: [status, ...added, { ...cpu, name: 'load' }, host, at], keyColumns: [9, 10] }
  const table = reader(vfs, { schema })
  await table.open()
  const rows = readingRows(8192, 8)
  const columns = await table.loadColumns(1, [0, 1, 2, 3, 4, 5, 6, 7, 8])
  t.deepEqual(columns, table.loadColumnsSync(1, [0, 1, 2, 3, 4, 5, 6, 7, 8]))
  t.deepEqual(toList(columns[0] as never), toList(rows.columns[4] as never))
  t.deepEqual(toList(columns[8] as never), toList(rows.columns[2] as never))
  const defaults = [42, Buffer.from('none').toString('hex'), null, 2n ** 60n, 7, null, 1]
  defaults.forEach((value, i) => t.deepEqual(toList(columns[i + 1] as never), new Array(8).fill(value)))
  t.deepEqual(table.column(0, 1), await table.loadColumn(0, 1))
  t.like(table.zoneMap(1, 1), { min: 42, max: 42, nullCount: 0 })
  t.like(table.zoneMap(1, 3), { min: undefined, max: undefined, nullCount: 8 })
  t.like(table.zoneMap(1, 4), { min: 2n ** 60n })
  t.deepEqual(table.zoneMap(1, 2).min, new TextEncoder().encode('none'))
  t.deepEqual(await table.loadKeys(1), rowGroup(readings, rows).keys)
})

test('a file of another table is refused', async (t) => {
  const vfs = await emptyVfs()
  await writeReadings(vfs, 10)
  const otherKind = { ...readings, columns: readings.columns.map((c) => (c.id === 3 ? { ...c, kind: 'int32' as const } : c)) }
  const otherKey = { ...readings, keyColumns: [1, 0] }
  for (const schema of [otherKind, otherKey]) {
    const error = await t.throwsAsync(reader(vfs, { schema }).open(), { instanceOf: VarveError, message: /does not fit table readings/ })
    t.is(error?.code, 'CORRUPTION')
  }
})

test('a codec shrinks what encodings leave, is named in the file, and is needed to read it', async (t) => {
  const schema = tableSchema([column(1, 'id', 'int32'), column(2, 'text', 'string'), column(3, 'noise', 'double')], [0])
  const texts = Array.from({ length: 500 }, (_, i) => `the quick brown fox number ${i} jumps over the lazy dog`)
  const write = async (codec: Codec | undefined): Promise<Vfs> => {
    const vfs = await emptyVfs()
    const writer = new SSTableWriter(await vfs.create(path), { schema, ...(codec === undefined ? {} : { codec }) })
    await writer.addGroup(
      rowGroup(schema, {
        rowCount: 500,
        columns: [
          fixedVector(
            'int32',
            texts.map((_, i) => i * i),
          ),
          bytesVector(texts),
          fixedVector(
            'double',
            texts.map((_, i) => Math.sin(i)),
          ),
        ],
      }),
    )
    await writer.finish()
    return vfs
  }
  const plain = await inspectSSTable(await write(undefined), path)
  const deflated = await write(deflateCodec)
  const description = await inspectSSTable(deflated, path)
  t.is(description.codec, 'deflate')
  t.true((description.columns[1]?.sizeBytes as number) < (plain.columns[1]?.sizeBytes as number) / 3)
  t.true(description.columns[1]?.blocks[0]?.compressed)
  t.false(description.columns[2]?.blocks[0]?.compressed, 'noise is not worth it')
  const table = reader(deflated, { schema })
  await table.open()
  t.deepEqual(toList(await table.loadColumn(0, 1)), toList(bytesVector(texts)))
  for await (const problem of table.verify()) t.fail(problem.message)
  const own: Codec = { ...deflateCodec, name: 'third-party' }
  const vfs = await write(own)
  await t.throwsAsync(reader(vfs, { schema }).open(), { message: /'third-party'/, code: 'FORMAT_UNSUPPORTED' })
  const withCodec = new SSTableReader({
    fileNumber: 1,
    path,
    schema,
    cache: new MapBlockCache(),
    files: new FileHandles(vfs),
    codecs: [own],
  })
  await withCodec.open()
  t.is((await withCodec.loadColumn(0, 1)).length, 500)
})

test('inspect describes a file without its schema', async (t) => {
  const vfs = await emptyVfs()
  const summary = await writeReadings(vfs, 9000)
  const description = await inspectSSTable(vfs, path)
  t.like(description, {
    tableName: 'readings',
    tableId: 7,
    rows: 9000,
    groupCount: 2,
    codec: 'none',
    sizeBytes: summary.sizeBytes,
    minTimestamp: summary.minTimestamp,
    maxTimestamp: summary.maxTimestamp,
  })
  t.deepEqual(
    description.columns.map(({ name, key }) => [name, key]),
    [...readings.columns.map(({ name }, i) => [name, i < 2]), ['(insert timestamp)', false]],
  )
  const total = description.columns.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  t.is(total + description.filterBytes + description.metadataBytes + 16, summary.sizeBytes)
  t.deepEqual(description.columns[5]?.encodings, { dictionary: 2 })
  t.is(description.columns[3]?.nullCount, 900)
})

test('use before opening is a defect of the caller, and closing lets go', async (t) => {
  const vfs = await emptyVfs()
  await writeReadings(vfs, 10)
  const files = new FileHandles(vfs)
  const table = reader(vfs, { files })
  t.throws(() => table.rowCount, { message: /before it was opened/ })
  await Promise.all([table.open(), table.open()])
  await table.open()
  t.is(files.openCount, 1)
  table.close()
  t.is(files.openCount, 0)
  t.false(table.isOpen)
  t.throws(() => table.column(0, 0))
})

test('a missing file is corruption that names it', async (t) => {
  const vfs = await emptyVfs()
  await t.throwsAsync(reader(vfs).open(), { code: 'CORRUPTION', message: /000001\.sst is missing/ })
  t.throws(() => reader(vfs).openSync(), { code: 'CORRUPTION', message: /000001\.sst is missing/ })
})
