import { mkdtemp, readdir, readlink, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import test from 'ava'
import type { Database } from '../../src/index.ts'
import { FaultVfs, openMemory, SimulatedClock } from '../../src/testing/index.ts'
import { diskVfs } from '../../src/vfs/disk-vfs.ts'
import { outcome, rowsFrom, type SmallTable, small, turns } from './kit.ts'

test('what a flush frees goes back to the cache once writes have been silent for a while', async (t) => {
  const clock = new SimulatedClock()
  await using db = await openMemory({ memory: { limit: '32MiB' } }, { clock })
  const before = db.metrics().cache.capacityBytes
  const table = await db.createTable(small)
  db.maintenance.pause()
  for (let first = 0; first < 400_000; first += 100_000) await table.insert(rowsFrom(first, 100_000))
  t.true(db.metrics().cache.capacityBytes < before - (16 << 20))
  await db.flush()
  t.is(db.metrics().memory.heldBytes, 0)
  t.true(db.metrics().cache.capacityBytes < before - (16 << 20), 'what is kept for further writes is resident')
  await clock.advance(20_000)
  t.true(db.metrics().cache.capacityBytes >= before - (1 << 20), `${db.metrics().cache.capacityBytes} of ${before}`)
})

/** Fills memory to its limit, as nothing is flushed; the next free id. */
async function fill(db: Database, table: SmallTable): Promise<number> {
  db.maintenance.pause()
  let next = 0
  while (db.metrics().memory.level !== 'hard-limit') {
    await table.insert(rowsFrom(next, 4000))
    next += 4000
  }
  return next
}

test('memory that only a scan holds keeps no write waiting, so that the reader of a scan may write', async (t) => {
  await using db = await openMemory({ memory: { limit: '8MiB' } })
  const table = await db.createTable(small)
  const next = await fill(db, table)
  const other = await db.createTable({ ...small, name: 'other' })
  const copying = (async () => {
    let copied = 0
    const rows = table.scan()[Symbol.asyncIterator]()
    await rows.next()
    await db.flush()
    for await (const row of { [Symbol.asyncIterator]: () => rows }) {
      if (row.id % 10 === 0) copied += await other.insert(row)
      if (copied === 1) t.is(db.metrics().memory.level, 'hard-limit', 'the scan holds the store')
    }
    return copied
  })()
  const maintained = turns(20).then(() => db.maintenance.resume())
  t.true(((await Promise.race([copying, turns(20_000).then(() => 'never')])) as number) >= next / 10 - 1)
  await maintained
})

test('what a scan held is given to the cache after the scan has ended', async (t) => {
  const clock = new SimulatedClock()
  await using db = await openMemory({ memory: { limit: '8MiB' } }, { clock })
  const table = await db.createTable(small)
  db.maintenance.pause()
  await table.insert(rowsFrom(0, 30_000))
  await table.insert(rowsFrom(30_000, 30_000))
  const rows = table.scan()[Symbol.asyncIterator]()
  await rows.next()
  await db.flush()
  await clock.advance(20_000)
  const before = db.metrics().cache.capacityBytes
  await rows.return?.()
  t.is(db.metrics().memory.heldBytes, 0)
  await clock.advance(20_000)
  t.true(db.metrics().cache.capacityBytes >= before + (2 << 20), `${db.metrics().cache.capacityBytes}, ${before} before`)
})

test('a large write waits until it fits, so that memory does not pass the limit by a batch', async (t) => {
  const limit = 16 << 20
  await using db = await openMemory({ memory: { limit } })
  const table = await db.createTable(small)
  db.maintenance.pause()
  const rows = (first: number, count: number) => rowsFrom(first, count).map(({ id }) => ({ id, text: 'x'.repeat(500) }))
  let next = 0
  for (; db.metrics().memory.heldBytes < 0.85 * limit; next += 1000) await table.insert(rows(next, 1000))
  const stalled = new Promise((resolve) => {
    db.events.on('write-stall:begin', ({ reason }) => reason === 'memory-limit' && resolve('waits'))
  })
  const large = table.insert(rows(next, 7000))
  t.is(await Promise.race([stalled, large]), 'waits')
  await turns(50)
  t.true(db.metrics().memory.heldBytes < limit)
  db.maintenance.resume()
  t.is(await large, 7000)
  t.true(db.metrics().memory.heldBytes < limit)
})

test('a store is as old as its oldest row, not as the table', async (t) => {
  const clock = new SimulatedClock()
  await using db = await openMemory({}, { clock })
  const table = await db.createTable(small)
  await clock.advance(3_600_000)
  await table.insert(rowsFrom(0))
  await clock.advance(40_000)
  t.is(db.metrics().flush.count, 0)
  const flushed = db.events.once('flush:end')
  await clock.advance(90_000)
  t.is((await flushed).outputs.length, 1)
})

test.serial('a flush that fails keeps none of its files open', async (t) => {
  const directory = await mkdtemp(`${tmpdir()}/varve-flush-`)
  const vfs = new FaultVfs(diskVfs())
  const db = await openMemory({ directory, maintenance: { retryGraceMs: 1_000_000 } }, { vfs })
  const table = await db.createTable(small)
  await table.insert(rowsFrom(0, 10))
  using _ = vfs.inject({ op: 'append', path: /MANIFEST/, error: 'ENOSPC' })
  t.is(await outcome(db.flush()), 'DISK_FULL')
  t.deepEqual(
    (await readdir(directory)).filter((name) => name.endsWith('.sst')),
    [],
  )
  if (process.platform === 'linux') {
    const links = await Promise.all((await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')))
    t.deepEqual(
      links.filter((path) => path.startsWith(directory) && path.includes('.sst')),
      [],
    )
  }
  _[Symbol.dispose]()
  await db.flush()
  t.is(await table.count(), 10)
  await db.close()
  await rm(directory, { recursive: true })
})
