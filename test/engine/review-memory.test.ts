import { mkdtemp, readdir, readlink, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import test from 'ava'
import { FaultVfs, openMemory, SimulatedClock } from '../../src/testing/index.ts'
import { diskVfs } from '../../src/vfs/disk-vfs.ts'
import { outcome, rowsFrom, small, turns } from './kit.ts'

test('what a flush frees goes back to the cache at once', async (t) => {
  await using db = await openMemory({ memory: { limit: '32MiB' } })
  const before = db.metrics().cache.capacityBytes
  const table = await db.createTable(small)
  db.maintenance.pause()
  for (let first = 0; first < 400_000; first += 100_000) await table.insert(rowsFrom(first, 100_000))
  t.true(db.metrics().cache.capacityBytes < before - (16 << 20))
  await db.flush()
  t.is(db.metrics().memory.heldBytes, 0)
  // But for chunks that are kept to be used again.
  t.true(db.metrics().cache.capacityBytes >= before - (9 << 20), `${db.metrics().cache.capacityBytes} of ${before}`)
})

test('the last scan of a flushed store lets waiting writes through, maintenance or not', async (t) => {
  await using db = await openMemory({ memory: { limit: '8MiB' } })
  const table = await db.createTable(small)
  db.maintenance.pause()
  let next = 0
  while (db.metrics().memory.level !== 'hard-limit') {
    await table.insert(rowsFrom(next, 4000))
    next += 4000
  }
  const rows = table.scan()[Symbol.asyncIterator]()
  await rows.next()
  await db.flush()
  t.is(db.metrics().memory.level, 'hard-limit', 'the scan holds the store')
  const waiting = table.insert(rowsFrom(next, 10))
  await turns(5)
  await rows.return?.()
  t.is(await Promise.race([waiting, turns(2000).then(() => 'never')]), 10)
})

test('a store is as old as its oldest row, not as the table', async (t) => {
  const clock = new SimulatedClock()
  await using db = await openMemory({}, { clock })
  const table = await db.createTable(small)
  await clock.advance(3_600_000)
  await table.insert(rowsFrom(0))
  await clock.advance(60_000)
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
