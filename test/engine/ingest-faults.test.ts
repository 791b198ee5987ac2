import test from 'ava'
import { writeSSTable } from '../../src/index.ts'
import { MemoryVfs, openMemory, SeededRandom } from '../../src/testing/index.ts'
import { filled, rowsOf } from './ingest-kit.ts'
import { outcome, rowsFrom, small, sstFiles, turns } from './kit.ts'

test('after a power cut at any call all of the rows are there, or none, and the database goes on', async (t) => {
  const random = new SeededRandom(11)
  const vfs = new MemoryVfs()
  const first = await filled(vfs)
  await first.sync()
  await writeSSTable('/in/a.sst', small, rowsFrom(1000, 40), { vfs })
  const before = await rowsOf(first)
  const after = [...before, ...rowsFrom(1000, 40)]
  const seen = { all: 0, none: 0 }
  for (let call = 1; ; call++) {
    const world = vfs.clone()
    const db = await openMemory({}, { vfs: world })
    db.maintenance.pause()
    await db.sync()
    world.crashAtCall(world.callCount + call, { share: random })
    const result = await outcome(db.table(small).ingest('/in/a.sst'))
    const isDone = !world.crashed
    await outcome(db.close())
    const left = world.crash({ mode: 'power', random })
    const again = await openMemory({}, { vfs: left })
    const rows = await rowsOf(again)
    t.deepEqual(rows, rows.length === before.length ? before : after, `call ${call}`)
    if (result === undefined) t.is(rows.length, after.length)
    seen[rows.length === before.length ? 'none' : 'all']++
    const known = again
      .table(small)
      .stats()
      .tablets.flatMap(({ rowsets }) => rowsets.map(({ path }) => path))
    t.deepEqual(
      sstFiles(left).filter((path) => path.startsWith('/db')),
      known.sort(),
    )
    await again.table(small).upsert({ id: 1000, text: 'later' })
    const killed = await openMemory({}, { vfs: left.crash({ mode: 'kill' }) })
    t.is((await killed.table(small).get(1000))?.text, 'later')
    await killed.close()
    if (isDone) break
  }
  t.true(seen.all > 1 && seen.none > 5, JSON.stringify(seen))
  await first.close()
})

test('whatever call fails, the ingest rejects, nothing is left of it, and the next one succeeds unless writes have stopped', async (t) => {
  const vfs = new MemoryVfs()
  const first = await filled(vfs)
  await first.sync()
  await writeSSTable('/in/a.sst', small, rowsFrom(1000, 40), { vfs })
  const before = await rowsOf(first)
  const seen = { stopped: 0, again: 0 }
  for (const error of ['EIO', 'ENOSPC']) {
    for (let nth = 1; ; nth++) {
      const world = vfs.clone()
      const db = await openMemory({}, { vfs: world })
      db.maintenance.pause()
      const table = db.table(small)
      await db.sync()
      const files = sstFiles(world)
      const rule = world.inject({ op: ['create', 'open', 'openAppend', 'append', 'sync', 'syncDirectory', 'read'], error, nth })
      const result = await outcome(table.ingest('/in/a.sst'))
      rule[Symbol.dispose]()
      if (result === undefined) {
        t.is((await rowsOf(db)).length, before.length + 40)
        await db.close()
        break
      }
      t.true(['IO_ERROR', 'DISK_FULL', 'WRITES_STOPPED', 'INGEST_REJECTED'].includes(String(result)), `${error} ${nth}: ${result}`)
      t.deepEqual(await rowsOf(db), before)
      if (result === 'WRITES_STOPPED') seen.stopped++
      else {
        t.deepEqual(sstFiles(world), files, `${error} ${nth}`)
        const second = await outcome(table.ingest('/in/a.sst'))
        t.is(second, undefined, `${error} ${nth}`)
        t.is((await rowsOf(db)).length, before.length + 40)
        seen.again++
      }
      await outcome(db.close())
    }
  }
  t.true(seen.stopped > 0 && seen.again > 10, JSON.stringify(seen))
  await first.close()
})

test('dropping the table, or closing the database, meanwhile ends an ingest, and leaves nothing of it', async (t) => {
  for (let wait = 0; wait < 30; wait += 3) {
    const vfs = new MemoryVfs()
    const db = await filled(vfs)
    const table = db.table(small)
    await writeSSTable('/in/a.sst', small, rowsFrom(1000, 40), { vfs })
    const ingesting = outcome(table.ingest('/in/a.sst'))
    await turns(wait)
    if (wait % 2 === 0) await db.dropTable(small)
    const closing = db.close()
    const result = await ingesting
    await closing
    t.true([undefined, 'TABLE_NOT_FOUND', 'DATABASE_CLOSED'].includes(result as undefined), String(result))
    const again = await openMemory({}, { vfs })
    const known = again.tables().flatMap(({ name }) =>
      again
        .table(name)
        .stats()
        .tablets.flatMap(({ rowsets }) => rowsets.map(({ path }) => path)),
    )
    t.deepEqual(
      sstFiles(vfs).filter((path) => path.startsWith('/db')),
      known.sort(),
    )
    if (wait % 2 === 1) t.is((await rowsOf(again)).length, result === undefined ? 108 : 68)
    await again.close()
  }
})

test('a row that is written while the files are on their way in is not lost, nor is its key there twice', async (t) => {
  const won = new Set<string>()
  for (let wait = 0; wait < 48; wait += 3) {
    const vfs = new MemoryVfs()
    const db = await filled(vfs)
    const table = db.table(small)
    await writeSSTable('/in/a.sst', small, rowsFrom(1000, 50), { vfs })
    const ingesting = outcome(table.ingest('/in/a.sst'))
    await turns(wait)
    const inserting = outcome(table.insert({ id: 1020, text: 'written' }))
    if (wait % 2 === 0) void outcome(db.flush())
    const [ingested, inserted] = await Promise.all([ingesting, inserting])
    if (ingested === undefined) {
      t.is(inserted, 'KEY_EXISTS')
      t.is(await table.count({}), 118)
      won.add('ingest')
    } else {
      t.is(ingested, 'INGEST_REJECTED')
      t.is(inserted, 1)
      t.is((await table.get(1020))?.text, 'written')
      t.is(await table.count({}), 69)
      won.add('insert')
    }
    await db.close()
  }
  t.deepEqual([...won].sort(), ['ingest', 'insert'])
})

test('many rows written meanwhile are looked at too, before writes have to wait', async (t) => {
  const vfs = new MemoryVfs()
  const db = await filled(vfs)
  const table = db.table(small)
  await writeSSTable('/in/a.sst', small, rowsFrom(1_000_000, 30_000), { vfs })
  const write = async (last: number) => {
    const written = Array.from({ length: 10 }, (_, part) => table.insert(rowsFrom(2000 + part * 5000, 5000)))
    await Promise.all(written)
    return outcome(table.insert({ id: last, text: 'last' }))
  }
  const [result] = await Promise.all([outcome(table.ingest('/in/a.sst')), write(1_500_000)])
  t.is(result, undefined)
  t.is(await table.count(), 68 + 30_000 + 50_000 + 1)
  await writeSSTable('/in/b.sst', small, rowsFrom(3_000_000, 10), { vfs })
  const second = outcome(table.ingest('/in/b.sst'))
  const inserts = Array.from({ length: 10 }, (_, part) => table.insert(rowsFrom(-100_000 + part * 5000, 5000)))
  const clash = outcome(table.insert({ id: 3_000_005, text: 'mine' }))
  await Promise.all(inserts)
  const both = [await second, await clash]
  t.true(both[0] === undefined ? both[1] === 'KEY_EXISTS' : both[0] === 'INGEST_REJECTED' && both[1] === 1, String(both))
  await db.close()
})
