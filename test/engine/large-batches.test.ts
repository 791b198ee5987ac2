import test from 'ava'
import { defineTable, hashPartition, int32, string, type VarveError } from '../../src/index.ts'
import { MemoryVfs, openMemory } from '../../src/testing/index.ts'
import { outcome, rowsFrom, small, turns } from './kit.ts'

test('a call of more than a quarter of the memory limit is refused before a byte of it is logged', async (t) => {
  await using db = await openMemory({ memory: { limit: '4MiB' } })
  const table = await db.createTable(small)
  await table.insert(rowsFrom(0))
  const before = db.metrics().wal.writtenBytes
  for (const rows of [rowsFrom(1, 120_000), rowsFrom(1, 300).map(({ id }) => ({ id, text: 'x'.repeat(5000) }))]) {
    const error = await t.throwsAsync<VarveError>(table.insert(rows), { code: 'BATCH_TOO_LARGE' })
    t.regex(error?.message ?? '', /memory\.limit/)
  }
  t.is(db.metrics().wal.writtenBytes, before)
  t.is((await table.scan().toArray()).length, 1)
})

test('insertColumns splits what is too large for one batch, and takes all of it', async (t) => {
  await using db = await openMemory({ memory: { limit: '4MiB' }, plugins: [['flush', { threshold: '512KiB' }]] })
  const table = await db.createTable(small)
  const ids = Int32Array.from({ length: 100_000 }, (_, i) => i)
  t.is(await table.insertColumns({ id: ids, text: Array.from(ids, (id) => `row ${id}`) }), 100_000)
  t.true(db.metrics().writes.batches > 1)
  t.is((await table.scan({ columns: ['id'] }).toArray()).length, 100_000)
})

test('insertColumns splits by size, not by rows: a few fat rows among many thin ones find their place', async (t) => {
  await using db = await openMemory({ memory: { limit: '8MiB' }, plugins: [['flush', { threshold: '512KiB' }]] })
  const table = await db.createTable(small)
  const ids = Int32Array.from({ length: 30_000 }, (_, i) => i)
  const text = Array.from(ids, (id) => (id >= 29_000 ? 'x'.repeat(4000) : ''))
  t.is(await table.insertColumns({ id: ids, text }), 30_000)
  t.is((await table.get(29_999))?.text.length, 4000)
})

test('a single row larger than a batch may be is refused by insertColumns too', async (t) => {
  await using db = await openMemory({ memory: { limit: '4MiB' } })
  const table = await db.createTable(small)
  t.is(await outcome(table.insertColumns({ id: Int32Array.of(1), text: ['x'.repeat(2_000_000)] })), 'BATCH_TOO_LARGE')
})

test('insertColumns that meets a key that exists applies nothing', async (t) => {
  await using db = await openMemory()
  const table = await db.createTable(small)
  await table.insert(rowsFrom(50_000))
  const ids = Int32Array.from({ length: 60_000 }, (_, i) => i)
  t.is(await outcome(table.insertColumns({ id: ids, text: Array.from(ids, String) })), 'KEY_EXISTS')
  t.is((await table.scan().toArray()).length, 1)
})

for (const partitioned of [false, true]) {
  test(`no read sees a part of a large batch, in any turn of the event loop${partitioned ? ', with partitions' : ''}`, async (t) => {
    await using db = await openMemory()
    const definition = defineTable('big', {
      columns: { id: int32(), text: string() },
      primaryKey: ['id'],
      ...(partitioned ? { partitionBy: hashPartition(['id'], 4) } : {}),
    })
    const table = await db.createTable(definition)
    await table.insert(rowsFrom(0, 10))
    const writing = table.insert(rowsFrom(10, 200_000)).then(() => 'done')
    const seen = new Set<number>()
    let looks = 0
    for (let state = 'writing'; state !== 'done'; looks++) {
      using snapshot = db.snapshot()
      t.is((await table.get(10, { snapshot })) === undefined, (await table.get(200_009, { snapshot })) === undefined)
      seen.add(db.metrics().writes.rows)
      if (looks % 5 === 0) seen.add((await table.scan({ columns: ['id'] }).toArray()).length)
      state = await Promise.race([writing, turns().then(() => 'writing')])
    }
    t.true(looks > 3, `${looks} looks`)
    t.deepEqual(
      [...seen].filter((count) => count !== 10 && count !== 200_010 && count !== 0),
      [],
    )
    t.is((await table.scan({ columns: ['id'] }).toArray()).length, 200_010)
  })
}

test('a flush while a large batch is being written waits for it, and no part of the batch is lost or doubled', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory({}, { vfs })
  const table = await db.createTable(small)
  const writes = [table.insert(rowsFrom(0, 100_000)), table.insert(rowsFrom(100_000, 10))]
  const flushes = [db.flush(), turns(2).then(() => db.flush()), turns(5).then(() => db.flush())]
  await Promise.all([...writes, ...flushes])
  t.is((await table.scan({ columns: ['id'] }).toArray()).length, 100_010)
  const again = await openMemory({}, { vfs: vfs.crash({ mode: 'kill' }) })
  t.is(
    (
      await again
        .table('small')
        .scan({ columns: ['id'] })
        .toArray()
    ).length,
    100_010,
  )
  await again.close()
})

test('maintenance freezes no store that holds a part of a batch: after a crash the batch is whole', async (t) => {
  const vfs = new MemoryVfs()
  const config = { maintenance: { pollIntervalMs: 1 }, plugins: [['flush', { threshold: '64KiB' }]] as [string, object][] }
  const db = await openMemory(config, { vfs })
  const table = await db.createTable(small)
  for (let i = 0; i < 3; i++) t.is(await table.insert(rowsFrom(i * 100_000, 100_000)), 100_000)
  t.true(db.metrics().flush.count > 0)
  const again = await openMemory({}, { vfs: vfs.crash({ mode: 'kill' }) })
  t.is(await again.table('small').count(), 300_000)
  await again.close()
})

test('a key that is too long, far into a call, is told by its place in the call', async (t) => {
  await using db = await openMemory()
  const named = await db.createTable(defineTable('named', { columns: { name: string() }, primaryKey: ['name'] }))
  const rows = Array.from({ length: 10_000 }, (_, i) => ({ name: i === 9000 ? 'x'.repeat(20_000) : `row ${i}` }))
  const error = await t.throwsAsync<VarveError>(named.insert(rows), {
    code: 'INVALID_VALUE',
    message: /named\.name, row 9000: the key takes/,
  })
  t.is(error?.context.rowIndex, 9000)
  t.is(await named.count(), 0)
})
