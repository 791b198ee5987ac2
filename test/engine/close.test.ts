import test from 'ava'
import { MemoryVfs, openMemory } from '../../src/testing/index.ts'
import { outcome, rowsFrom, small, turns } from './kit.ts'

test('every call on a closed database is refused with DATABASE_CLOSED', async (t) => {
  const db = await openMemory()
  const table = await db.createTable(small)
  await table.insert(rowsFrom(0, 10))
  const closing = db.close()
  const calls = () => [
    table.insert(rowsFrom(10)),
    table.insert(rowsFrom(10, 5000)),
    table.insertColumns({ id: Int32Array.of(10), text: ['x'] }),
    table.get(1),
    table.getMany([1]),
    table.scan().toArray(),
    table.scan().first(),
    table.count(),
    db.createTable({ ...small, name: 'other' }),
    db.dropTable(small),
    db.flush(),
    db.sync(),
  ]
  await closing
  for (const call of calls()) t.is(await outcome(call as Promise<unknown>), 'DATABASE_CLOSED')
  t.throws(() => db.table('small'), { code: 'DATABASE_CLOSED' })
  t.throws(() => db.tables(), { code: 'DATABASE_CLOSED' })
  t.throws(() => db.snapshot(), { code: 'DATABASE_CLOSED' })
  t.throws(() => db.metrics(), { code: 'DATABASE_CLOSED' })
  t.throws(() => table.stats(), { code: 'DATABASE_CLOSED' })
  t.throws(() => table.getSync(1), { code: 'DATABASE_CLOSED' })
})

test('closing twice, or many times at once, closes once', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory({}, { vfs })
  const first = db.close()
  await Promise.all([first, db.close(), db.close({ flush: true }), db[Symbol.asyncDispose]()])
  await db.close()
  const calls = vfs.callCount
  await db.close()
  t.is(vfs.callCount, calls)
  await (await openMemory({}, { vfs })).close()
})

test('writes under way when closing begins are finished or refused, and what was acknowledged is there', async (t) => {
  for (const delayed of [false, true]) {
    const vfs = new MemoryVfs()
    const db = await openMemory({}, { vfs })
    const table = await db.createTable(small)
    const writes = Array.from({ length: 30 }, (_, i) => table.insert(rowsFrom(i * 6000, i % 3 === 0 ? 6000 : 5)))
    const outcomes = Promise.all(writes.map(outcome))
    if (delayed) await turns(3)
    await db.close()
    const settled = await outcomes
    t.true(
      settled.every((o) => o === 6000 || o === 5 || o === 'DATABASE_CLOSED'),
      String(settled),
    )
    if (!delayed) t.true(settled.includes('DATABASE_CLOSED'))
    const firstRefused = settled.indexOf('DATABASE_CLOSED')
    if (firstRefused >= 0)
      t.true(
        settled.slice(firstRefused).every((o) => o === 'DATABASE_CLOSED'),
        'in order',
      )
    const again = await openMemory({}, { vfs })
    const expected = settled.reduce<number>((sum, o) => sum + (typeof o === 'number' ? o : 0), 0)
    t.is(
      (
        await again
          .table('small')
          .scan({ columns: ['id'] })
          .toArray()
      ).length,
      expected,
    )
    await again.close()
  }
})

test('a scan under way when the database is closed ends with DATABASE_CLOSED, or with all its rows', async (t) => {
  for (const flushed of [false, true]) {
    const db = await openMemory()
    const table = await db.createTable(small)
    await table.insert(rowsFrom(0, 60_000))
    if (flushed) await db.flush()
    let seen = 0
    const reading = (async () => {
      for await (const _ of table.scan()) if (++seen === 5) await db.close()
      return seen
    })()
    const end = await outcome(reading)
    t.true(end === 60_000 || end === 'DATABASE_CLOSED', `${flushed}: ${end}`)
  }
})

test('closing while a flush runs ends both', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory({}, { vfs })
  const table = await db.createTable(small)
  await table.insert(rowsFrom(0, 60_000))
  const flushing = outcome(db.flush())
  await turns(1)
  await db.close()
  const end = await flushing
  t.true(end === undefined || end === 'ABORTED' || end === 'DATABASE_CLOSED', String(end))
  const again = await openMemory({}, { vfs })
  t.is(await again.table('small').count(), 60_000)
  await again.close()
})

test('close({ flush: true }) leaves nothing in the log to replay', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory({}, { vfs })
  await (await db.createTable(small)).insert(rowsFrom(0, 100))
  await db.close({ flush: true })
  const again = await openMemory({}, { vfs })
  t.deepEqual([again.table(small).stats().memoryRows, again.table(small).stats().diskRows], [0, 100])
  await again.close()
})

test('an opening that fails leaves nothing open or locked', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory({}, { vfs })
  await (await db.createTable(small)).insert(rowsFrom(0, 100))
  await db.close({ flush: true })
  for (let call = 1; call < 50; call += 2) {
    const fault = vfs.inject({ nth: call, error: 'EIO' })
    const opened = await openMemory({}, { vfs }).catch(() => undefined)
    fault[Symbol.dispose]()
    await opened?.close().catch(() => undefined)
    const again = await openMemory({}, { vfs })
    t.is(await again.table('small').count(), 100, `call ${call}`)
    await again.close()
  }
})

test('a second opening of the same directory is refused while the first is open', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory({}, { vfs })
  t.is(await outcome(openMemory({}, { vfs })), 'DATABASE_LOCKED')
  await db.close()
  await (await openMemory({}, { vfs })).close()
})

test('a database opened for reading only reads everything, writes nothing, and refuses writes', async (t) => {
  const vfs = new MemoryVfs()
  t.is(await outcome(openMemory({ readOnly: true }, { vfs })), 'DATABASE_NOT_FOUND')
  const writer = await openMemory({}, { vfs })
  const table = await writer.createTable(small)
  await table.insert(rowsFrom(0, 100))
  await writer.flush()
  await table.insert(rowsFrom(100, 50))
  await writer.sync()
  const left = vfs.crash({ mode: 'kill' })
  const before = withoutLock(left.snapshot())
  const db = await openMemory({ readOnly: true }, { vfs: left })
  t.is(await db.table('small').count(), 150)
  t.is(db.table(small).getSync(120)?.text, 'row 120')
  for (const call of [
    db.table(small).insert(rowsFrom(500)),
    db.table(small).insert(rowsFrom(500, 6000)),
    db.table(small).insertColumns({ id: Int32Array.of(1), text: [''] }),
    db.createTable({ ...small, name: 'other' }),
    db.dropTable('small'),
    db.flush(),
  ])
    t.is(await outcome(call as Promise<unknown>), 'READ_ONLY')
  await db.sync()
  await db.close({ flush: true })
  t.deepEqual(withoutLock(left.snapshot()), before)
})

function withoutLock(files: Map<string, Uint8Array>): [string, string][] {
  return [...files].filter(([path]) => !path.endsWith('LOCK')).map(([path, bytes]) => [path, Buffer.from(bytes).toString('hex')])
}
