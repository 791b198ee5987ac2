import test from 'ava'
import { type JobFilesOptions, withJobFiles } from '../../../src/rowset/compaction/job-files.ts'
import { MemoryVfs } from '../../../src/vfs/memory-vfs.ts'
import { emptyVfs, path, readAll, readings, rowGroup, writeReadings } from '../../sstable/fixtures/tables.ts'

test('a job reads tables and writes a copy, which stays when it succeeds', async (t) => {
  const vfs = await emptyVfs()
  await writeReadings(vfs, 500, { rowsPerGroup: 128 })
  const [before, after] = await withJobFiles({ vfs: vfs.handle(), codec: { name: 'deflate' } }, {}, async (files) => {
    const source = await files.openTable({ fileNumber: 1, path }, readings)
    const writer = await files.createTable('/db/2.sst', { schema: readings, rowsPerGroup: 128 })
    for (let group = 0; group < source.groupCount; group++) {
      await files.turn()
      const columns = await source.loadColumns(
        group,
        readings.columns.map((_, position) => position),
      )
      await writer.addGroup(rowGroup(readings, { rowCount: source.groupRowCount(group), columns }, await source.loadTimestamps(group)))
    }
    await writer.finish()
    const copy = await files.openTable({ fileNumber: 2, path: '/db/2.sst' }, readings)
    t.is(copy.metadata.codecName, 'deflate')
    return [await readAll(source), await readAll(copy)]
  })
  // What was inflated lies in Buffers; a clone of one is a Uint8Array.
  t.deepEqual(structuredClone(after), structuredClone(before))
  t.deepEqual(await vfs.list('/db'), ['000001.sst', '2.sst'])
})

test('a job that fails removes what it created, and nothing else', async (t) => {
  const vfs = await emptyVfs()
  await writeReadings(vfs, 10)
  const failure = withJobFiles({ vfs: vfs.handle() }, {}, async (files) => {
    await (await files.create('/db/2.sst')).append(Uint8Array.of(1))
    await files.create('/db/3.sst')
    await files.create(path)
  })
  await t.throwsAsync(failure, { code: 'EEXIST' })
  t.deepEqual(await vfs.list('/db'), ['000001.sst'])
})

test('an aborted job stops at its next turn and removes what it created', async (t) => {
  const vfs = await emptyVfs()
  const controller = new AbortController()
  let turns = 0
  const running = withJobFiles({ vfs: vfs.handle() }, { signal: controller.signal }, async (files) => {
    await files.create('/db/2.sst')
    setImmediate(() => setImmediate(() => controller.abort()))
    for (; turns < 1000; turns++) await files.turn()
  })
  await t.throwsAsync(running, { code: 'ABORTED' })
  t.true(turns > 0 && turns < 10, `${turns} turns`)
  t.deepEqual(await vfs.list('/db'), [])
  let ran = false
  const late = withJobFiles({ vfs: vfs.handle() }, { signal: controller.signal }, async () => {
    ran = true
  })
  await t.throwsAsync(late, { code: 'ABORTED' })
  t.false(ran)
})

test('inputs are closed when the job ends', async (t) => {
  const vfs = await emptyVfs()
  await writeReadings(vfs, 10)
  const reader = await withJobFiles({ vfs: vfs.handle() }, {}, (files) => files.openTable({ fileNumber: 1, path }, readings))
  vfs.inject({ op: 'open', error: 'EIO' })
  await t.throwsAsync(reader.loadColumn(0, 0), { code: 'EIO' })
})

test('a full disk is DISK_FULL; a codec that is not there says so', async (t) => {
  const vfs = new MemoryVfs()
  vfs.inject({ op: 'create', error: 'ENOSPC' })
  await t.throwsAsync(
    withJobFiles({ vfs: vfs.handle() }, {}, (files) => files.create('a')),
    { code: 'DISK_FULL' },
  )
  const open = (o: Omit<JobFilesOptions, 'vfs'>) => withJobFiles({ vfs: vfs.handle(), ...o }, {}, async () => undefined)
  await t.throwsAsync(open({ codec: { name: 'zstd' } }), { code: 'FORMAT_UNSUPPORTED' })
  await t.throwsAsync(open({ codecs: [{ name: 'zstd', module: 'node:path' }] }), { instanceOf: TypeError })
  await t.notThrowsAsync(open({ codec: { name: 'none' } }))
})

test('a table that was read is not the same arrays when read again: nobody keeps them', async (t) => {
  const vfs = await emptyVfs()
  await writeReadings(vfs, 10)
  await withJobFiles({ vfs: vfs.handle() }, {}, async (files) => {
    const table = await files.openTable({ fileNumber: 1, path }, readings)
    const first = await table.loadColumn(0, 0)
    const second = await table.loadColumn(0, 0)
    t.deepEqual(first, second)
    t.not(first, second)
  })
})

test('a damaged input is CORRUPTION', async (t) => {
  const vfs = await emptyVfs()
  await (await vfs.create(path)).close()
  const reading = withJobFiles({ vfs: vfs.handle() }, {}, (files) => files.openTable({ fileNumber: 1, path }, readings))
  await t.throwsAsync(reading, { code: 'CORRUPTION' })
})
