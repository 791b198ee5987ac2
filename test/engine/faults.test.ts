import test from 'ava'
import { type Database, VarveError } from '../../src/index.ts'
import { MemoryVfs, openMemory, SeededRandom, SimulatedClock } from '../../src/testing/index.ts'
import { outcome, rowsFrom, small, sstFiles, turns } from './kit.ts'

/** Waits, in turns of the event loop, until something holds. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let left = 20_000; !(await condition()); left--) {
    if (left === 0) throw new Error('it never came to that')
    await turns()
  }
}

const text = 'x'.repeat(1000)
const fat = (first: number, count: number) => rowsFrom(first, count).map(({ id }) => ({ id, text }))

async function countAfterKill(vfs: MemoryVfs): Promise<number> {
  const db = await openMemory({}, { vfs: vfs.crash({ mode: 'kill' }) })
  const count = await db.table('small').count()
  await db.close()
  return count
}

test('a full disk while flushing: the flush is tried again, writes go on, and nothing is lost', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory({ maintenance: { retryGraceMs: 5, pollIntervalMs: 5 }, plugins: [['flush', { threshold: '1MiB' }]] }, { vfs })
  const errors: string[] = []
  db.events.on('background-error', ({ error }) => errors.push((error as { code?: string }).code ?? error.message))
  const table = await db.createTable(small)
  const full = vfs.inject({ op: ['create', 'append'], path: /sst$/, error: 'ENOSPC', share: 0.5 })
  t.is(await outcome(table.insert(fat(0, 3000)).then(() => db.flush())), 'DISK_FULL')
  for (let i = 3; i < 20; i++) await table.insert(fat(i * 1000, 1000))
  await until(() => errors.length > 2)
  t.true(
    errors.every((code) => code === 'DISK_FULL'),
    errors.join(),
  )
  t.is(await table.count(), 20_000)
  t.deepEqual(sstFiles(vfs), [], 'what a failed flush wrote is removed')
  full[Symbol.dispose]()
  await until(() => table.stats().diskRows > 0)
  await db.flush()
  t.like(table.stats(), { memoryRows: 0, diskRows: 20_000 })
  await db.close()
  t.is(await countAfterKill(vfs), 20_000)
})

test('a disk that stays full while flushing holds writes at the memory limit, and they go on once there is room', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory({ memory: { limit: '8MiB' }, maintenance: { retryGraceMs: 5, pollIntervalMs: 5 } }, { vfs })
  db.events.on('background-error', () => undefined)
  const table = await db.createTable(small)
  const full = vfs.inject({ op: ['create', 'append'], path: /sst$/, error: 'ENOSPC' })
  let done = 0
  const writes = Array.from({ length: 40 }, (_, i) => table.insert(fat(i * 500, 500)).then(() => done++))
  await until(() => db.metrics().memory.level === 'hard-limit')
  await turns(50)
  t.true(done > 5 && done < 40, `${done}`)
  t.is(await table.count(), done * 500)
  full[Symbol.dispose]()
  await Promise.all(writes)
  t.is(await table.count(), 20_000)
  await db.close()
  t.is(await countAfterKill(vfs), 20_000)
})

for (const share of [0, 0.5, 1]) {
  test(`a full disk while logging (${share * 100} % of the record written): that batch is DISK_FULL, later ones succeed once there is room`, async (t) => {
    const vfs = new MemoryVfs()
    const db = await openMemory({}, { vfs })
    const table = await db.createTable(small)
    await table.insert(rowsFrom(0, 10))
    const full = vfs.inject({ op: 'append', path: /wal$/, error: 'ENOSPC', share })
    t.is(await outcome(table.insert(rowsFrom(10, 10))), 'DISK_FULL')
    t.is(await outcome(table.insert(rowsFrom(10, 6000))), 'DISK_FULL')
    t.is(await outcome(table.insert(rowsFrom(10, 10), { durability: 'sync' })), 'DISK_FULL')
    const together = await Promise.all([1, 2, 3].map((i) => outcome(table.insert(rowsFrom(i * 100, 5)))))
    t.deepEqual(together, ['DISK_FULL', 'DISK_FULL', 'DISK_FULL'])
    t.is(await table.count(), 10)
    t.is(await table.get(12), undefined)
    full[Symbol.dispose]()
    t.is(await table.insert(rowsFrom(10, 10)), 10)
    t.is(await table.insert(rowsFrom(100, 5000)), 5000)
    t.is(await table.count(), 5020)
    t.is(await countAfterKill(vfs), 5020)
  })
}

test('a disk with so many bytes left takes what fits, and after room is made everything else', async (t) => {
  const vfs = new MemoryVfs({ capacityBytes: 60_000 })
  const db = await openMemory({ wal: { segmentBytes: 8192 } }, { vfs })
  db.events.on('background-error', () => undefined)
  const table = await db.createTable(small)
  const acknowledged: number[] = []
  for (let i = 0; i < 100; i++) {
    const result = await outcome(table.insert(fat(i * 2, 2)))
    if (result === 2) acknowledged.push(i)
    else t.is(result, 'DISK_FULL')
    if (i === 60) vfs.capacityBytes = Number.POSITIVE_INFINITY
  }
  t.true(acknowledged.length > 40 && acknowledged.length < 100)
  t.true(acknowledged.includes(99))
  t.deepEqual(
    (await table.scan({ order: 'key', columns: ['id'] }).toArray()).map(({ id }) => id),
    acknowledged.flatMap((i) => [i * 2, i * 2 + 1]),
  )
  t.is(await countAfterKill(vfs), acknowledged.length * 2)
})

test('a full disk while a log segment is begun, or a table created, refuses that and no more', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory({ wal: { segmentBytes: 2048 } }, { vfs })
  db.events.on('background-error', () => undefined)
  const table = await db.createTable(small)
  const full = vfs.inject({ op: 'create', path: /wal$/, error: 'ENOSPC' })
  for (let i = 0; i < 100; i++) t.is(await outcome(table.insert(rowsFrom(i * 10, 10))), 10)
  full[Symbol.dispose]()
  const manifestFull = vfs.inject({ op: 'append', path: /MANIFEST/, error: 'ENOSPC', share: 0.5 })
  t.is(await outcome(db.createTable({ ...small, name: 'other' })), 'DISK_FULL')
  t.throws(() => db.table('other'), { code: 'TABLE_NOT_FOUND' })
  t.is(await outcome(db.flush()), 'DISK_FULL')
  manifestFull[Symbol.dispose]()
  await (await db.createTable({ ...small, name: 'other' })).insert(rowsFrom(0, 3))
  await db.flush()
  for (let i = 100; i < 150; i++) await table.insert(rowsFrom(i * 10, 10))
  t.is(await countAfterKill(vfs), 1500)
})

test('a full disk while opening is DISK_FULL, and harms nothing', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory({}, { vfs })
  await (await db.createTable(small)).insert(rowsFrom(0, 100))
  await db.close()
  for (const path of [/MANIFEST/, /CURRENT/, /wal$/]) {
    using _ = vfs.inject({ op: ['create', 'append'], path, error: 'ENOSPC' })
    t.is(await outcome(openMemory({}, { vfs })), 'DISK_FULL', String(path))
  }
  t.is(await countAfterKill(vfs), 100)
})

for (const op of ['append', 'sync'] as const) {
  test(`EIO at ${op} of the log stops writes and says so; reads go on, and reopening finds what was acknowledged`, async (t) => {
    const vfs = new MemoryVfs()
    const db = await openMemory({}, { vfs })
    const errors: Error[] = []
    db.events.on('background-error', ({ error }) => errors.push(error))
    const table = await db.createTable(small)
    await table.insert(rowsFrom(0, 10), { durability: 'sync' })
    await table.insert(rowsFrom(10, 10))
    vfs.inject({ op, path: /wal$/, error: 'EIO' })
    t.is(await outcome(table.insert(rowsFrom(20, 10), { durability: 'sync' })), 'WRITES_STOPPED')
    vfs.clearFaults()
    for (const call of [
      table.insert(rowsFrom(30)),
      table.insert(rowsFrom(30, 6000)),
      db.createTable({ ...small, name: 'other' }),
      db.dropTable(table),
    ])
      t.is(await outcome(call as Promise<unknown>), 'WRITES_STOPPED')
    t.is((await table.get(15))?.id, 15)
    t.true((await table.count()) >= 20)
    t.true(errors.length > 0)
    t.is(await outcome(db.close()), 'WRITES_STOPPED', 'what was acknowledged may not be on disk')
    const count = await countAfterKill(vfs)
    t.true(count === 20 || count === 30, `${count}`)
  })

  test(`EIO at ${op} of the manifest stops writes and says so; reads go on, and reopening finds what was acknowledged`, async (t) => {
    const vfs = new MemoryVfs()
    const db = await openMemory({}, { vfs })
    const errors: Error[] = []
    db.events.on('background-error', ({ error }) => errors.push(error))
    const table = await db.createTable(small)
    await table.insert(rowsFrom(0, 10))
    vfs.inject({ op, path: /MANIFEST/, error: 'EIO' })
    t.is(await outcome(db.flush()), 'WRITES_STOPPED')
    vfs.clearFaults()
    t.is(await outcome(table.insert(rowsFrom(20))), 'WRITES_STOPPED')
    t.is(await outcome(db.createTable({ ...small, name: 'other' })), 'WRITES_STOPPED')
    t.is(await table.count(), 10)
    t.true(errors.length > 0)
    t.is(await outcome(db.close()), undefined, 'the log is whole and synced')
    t.is(await countAfterKill(vfs), 10)
  })
}

test('EIO while writing an SSTable fails that flush only; the next one succeeds', async (t) => {
  for (const op of ['create', 'append', 'sync'] as const) {
    const vfs = new MemoryVfs()
    const db = await openMemory({}, { vfs })
    db.events.on('background-error', () => undefined)
    const table = await db.createTable(small)
    await table.insert(rowsFrom(0, 1000))
    const told: unknown[] = []
    db.events.on('flush:end', ({ error }) => told.push(error))
    using fault = vfs.inject({ op, path: /sst$/, error: 'EIO' })
    const error = await t.throwsAsync(db.flush(), { instanceOf: VarveError, code: 'IO_ERROR', message: /EIO at \w+ of \/db\/\d+\.sst/ })
    t.is((error?.cause as { code?: string }).code, 'EIO')
    t.regex(String((error as VarveError).context['path']), /\.sst$/)
    t.true((error as VarveError).retryable)
    t.deepEqual(told, [error])
    t.is(db.maintenance.status().runs.at(-1)?.error, error)
    t.is(await table.insert(rowsFrom(1000)), 1)
    fault[Symbol.dispose]()
    await db.flush()
    t.like(table.stats(), { memoryRows: 0, diskRows: 1001 })
    await db.close()
    t.is(await countAfterKill(vfs), 1001)
  }
})

test('a full disk wherever a flush meets it is DISK_FULL, and names the file', async (t) => {
  for (const fault of [{ op: 'create' }, { op: 'append' }, { op: 'sync' }] as const) {
    const vfs = new MemoryVfs()
    const db = await openMemory({}, { vfs })
    const table = await db.createTable(small)
    await table.insert(rowsFrom(0, 100))
    using _ = vfs.inject({ ...fault, path: /sst$/, error: 'ENOSPC' })
    await t.throwsAsync(db.flush(), { instanceOf: VarveError, code: 'DISK_FULL', message: /\.sst/ }, fault.op)
    await db.close()
  }
})

test('EIO at a read is an error, not a wrong answer; the same read succeeds afterwards', async (t) => {
  const vfs = new MemoryVfs()
  const open = () => openMemory({ plugins: [['lru-block-cache', { capacity: '4KiB' }]] }, { vfs })
  let db: Database = await open()
  const writing = await db.createTable(small)
  await writing.insert(rowsFrom(0, 20_000))
  await db.close({ flush: true })
  for (let nth = 1; nth < 30; nth += 2) {
    db = await open()
    const table = db.table(small)
    const random = new SeededRandom(nth)
    const fault = vfs.inject({ op: ['read', 'open', 'size'], path: /sst$/, nth, times: 3, error: 'EIO' })
    for (let i = 0; i < 8; i++) {
      const id = random.below(25_000)
      const found = await outcome(table.get(id))
      if (typeof found === 'object') t.is(found.id, id)
      else t.true(found === undefined ? id >= 20_000 : /^(IO_ERROR|CORRUPTION)$/.test(String(found)), String(found))
      const taken = await outcome(table.insert(rowsFrom(id)))
      t.true(
        taken === 'KEY_EXISTS' || taken === 'IO_ERROR' || (taken === 1 && id >= 20_000) || taken === 'CORRUPTION',
        `${id}: ${String(taken)}`,
      )
    }
    const all = await outcome(table.count())
    t.true(typeof all === 'string' || all >= 20_000, String(all))
    fault[Symbol.dispose]()
    t.is((await table.get(777))?.text, 'row 777')
    t.true((await table.count()) >= 20_000)
    await db.close()
  }
})

test('a slow disk slows what waits for it, and nothing else', async (t) => {
  const clock = new SimulatedClock()
  const vfs = new MemoryVfs({ clock })
  const db = await openMemory({}, { vfs, clock })
  const table = await db.createTable(small)
  await table.insert(rowsFrom(0, 10))
  vfs.inject({ op: 'sync', path: /wal$/, delayMs: 5000 })
  let synced = 0
  const slow = table.insert(rowsFrom(10), { durability: 'sync' }).then(() => synced++)
  for (let i = 20; i < 60; i++) t.is(await table.insert(rowsFrom(i)), 1)
  t.is((await table.get(10))?.id, 10, 'seen before it is durable')
  t.is(synced, 0)
  await clock.advance(5000)
  await slow
  t.is(synced, 1)
  vfs.clearFaults()
  await db.close()
  t.is(await countAfterKill(vfs), 51)
})
