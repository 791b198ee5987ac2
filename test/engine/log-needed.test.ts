/** Where the log is needed from, by the last durable edit: in each of the situations that could make the answer wrong. */
import test from 'ava'
import { GuardedEventBus } from '../../src/events/event-bus.ts'
import { type Database, defineTable } from '../../src/index.ts'
import { listDatabaseFiles } from '../../src/manifest/database-files.ts'
import { Manifest } from '../../src/manifest/manifest.ts'
import { recoverManifest } from '../../src/manifest/manifest-recovery.ts'
import type { Version } from '../../src/manifest/version.ts'
import { MemoryVfs, openMemory, SimulatedClock } from '../../src/testing/index.ts'
import { outcome, rowsFrom, small, turns, walFiles } from './kit.ts'

const other = defineTable('other', { columns: small.columns, primaryKey: ['id'] })
const smallSegments = { wal: { segmentBytes: 2048 } }

async function versionOf(vfs: MemoryVfs): Promise<Version> {
  const recovered = await recoverManifest({ vfs, directory: '/db', mode: 'strict' })
  return recovered?.version as Version
}

/** What the manifest says: the op, and the file of the segment. */
async function neededFrom(vfs: MemoryVfs): Promise<[opId: number | undefined, path: string | undefined]> {
  const { logNeededFrom } = await versionOf(vfs)
  return [logNeededFrom?.opId, logNeededFrom && `/db/${String(logNeededFrom.segment).padStart(6, '0')}.wal`]
}

/** The ids that a killed database is found to have, or the code with which it is refused. */
async function idsAfterKill(
  vfs: MemoryVfs,
  o: { without?: string; table?: string; recovery?: 'salvage' } = {},
): Promise<number[] | string> {
  const left = vfs.clone()
  if (o.without) await left.remove(o.without)
  return idsIn(left, o)
}

async function idsIn(vfs: MemoryVfs, o: { table?: string; recovery?: 'salvage' | 'strict' } = {}): Promise<number[] | string> {
  const db = await outcome(openMemory({ recovery: o.recovery ?? 'strict' }, { vfs }))
  if (typeof db === 'string') return db
  const rows = await db
    .table(o.table ?? 'small')
    .scan({ order: 'key' })
    .toArray()
  await db.close()
  return rows.map((row) => row['id'] as number)
}

/** Inserts row after row until the log has so many segments. Returns the ids. */
async function fillSegments(db: Database, vfs: MemoryVfs, count: number, o: { table?: string; first?: number } = {}): Promise<number[]> {
  const ids: number[] = []
  for (let id = o.first ?? 0; walFiles(vfs).length < count; id++) {
    await db.table(o.table ?? 'small').insert(rowsFrom(id))
    ids.push(id)
    await turns(2)
  }
  await turns(10)
  return ids
}

test('a fresh database promises nothing, and its first edit does', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory({}, { vfs })
  t.deepEqual(await neededFrom(vfs), [undefined, undefined])
  t.is(typeof (await outcome(openMemory({}, { vfs: vfs.clone() }))), 'object')
  const table = await db.createTable(small)
  t.deepEqual(await neededFrom(vfs), [1, walFiles(vfs)[0]])
  await table.insert(rowsFrom(0, 3))
  t.deepEqual(await idsAfterKill(vfs), [0, 1, 2])
  await db.close()
  t.deepEqual(await idsIn(vfs), [0, 1, 2])
})

test('an edit made while a later flush is in hand keeps what that flush has not written yet', async (t) => {
  const clock = new SimulatedClock()
  const vfs = new MemoryVfs({ clock })
  const db = await openMemory(smallSegments, { vfs, clock })
  await db.createTable(small)
  const ids = await fillSegments(db, vfs, 4)
  vfs.inject({ op: 'sync', path: /sst$/, delayMs: 1000, times: 1 })
  const flushing = db.flush()
  while (clock.pending < 2) await turns()
  // Both are edits, and the second lets go of what it may.
  await db.createTable(other)
  await db.table('other').insert(rowsFrom(500))
  await db.dropTable('other')
  await turns(5)
  const [opId, path] = await neededFrom(vfs)
  t.deepEqual([opId, path], [1, walFiles(vfs)[0]])
  t.deepEqual(await idsAfterKill(vfs), ids)
  for (const without of walFiles(vfs).slice(0, 3)) t.is(await idsAfterKill(vfs, { without }), 'CORRUPTION', without)
  await clock.advance(1000)
  await flushing
  await turns(5)
  t.true(walFiles(vfs).length <= 2, 'the flush that was in hand lets go of it')
  await db.close()
})

test('of flushes whose edits wait together, the last lets go of what all of them wrote', async (t) => {
  const clock = new SimulatedClock()
  const vfs = new MemoryVfs({ clock })
  const db = await openMemory(smallSegments, { vfs, clock })
  for (const definition of [small, other]) await db.createTable(definition)
  await fillSegments(db, vfs, 3)
  await fillSegments(db, vfs, 5, { table: 'other', first: 1000 })
  // The first edit takes its time, so that the other one is made, and waits, before it is durable.
  vfs.inject({ op: 'sync', path: /MANIFEST/, delayMs: 1000, times: 1 })
  const flushing = db.flush()
  while (clock.pending < 2) await turns()
  await turns(50)
  await clock.advance(1000)
  await flushing
  await turns(5)
  t.true(walFiles(vfs).length <= 2, walFiles(vfs).join())
  t.is((await neededFrom(vfs))[0], (await versionOf(vfs)).lastOpId + 1)
  await db.close()
})

test('an edit that found the disk full lets go of nothing', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory(smallSegments, { vfs, clock: new SimulatedClock() })
  db.events.on('background-error', () => undefined)
  await db.createTable(small)
  const ids = await fillSegments(db, vfs, 4)
  const before = walFiles(vfs)
  const fault = vfs.inject({ op: 'append', path: /MANIFEST/, error: 'ENOSPC' })
  t.is(await outcome(db.flush()), 'DISK_FULL')
  fault[Symbol.dispose]()
  await db.createTable(other)
  await turns(5)
  t.deepEqual(walFiles(vfs), before)
  t.deepEqual(await neededFrom(vfs), [1, before[0]])
  t.deepEqual(await idsAfterKill(vfs), ids)
  await db.flush()
  await turns(5)
  t.true(walFiles(vfs).length <= 2)
  await db.close()
})

test('a closed database needs its newest segment alone if all is in files, else from the oldest op in memory on', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory(smallSegments, { vfs })
  await db.createTable(small)
  const ids = await fillSegments(db, vfs, 4)
  await db.close()
  t.deepEqual(await neededFrom(vfs), [1, walFiles(vfs)[0]])
  const again = await openMemory(smallSegments, { vfs })
  await again.close({ flush: true })
  t.is(walFiles(vfs).length, 1)
  t.deepEqual(await neededFrom(vfs), [ids.length + 1, walFiles(vfs)[0]])
  t.deepEqual(await idsAfterKill(vfs), ids)
  t.is(await idsAfterKill(vfs, { without: walFiles(vfs)[0] as string }), 'CORRUPTION')
})

test('the rows of a table that is dropped need no log; those of the others do', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory(smallSegments, { vfs, clock: new SimulatedClock() })
  for (const definition of [small, other]) await db.createTable(definition)
  await db.table('other').insert(rowsFrom(0, 3))
  const ids = await fillSegments(db, vfs, 4)
  t.deepEqual(await neededFrom(vfs), [1, walFiles(vfs)[0]])
  await db.dropTable('other')
  await turns(5)
  t.deepEqual(await neededFrom(vfs), [2, walFiles(vfs)[0]], 'the drop was made durable with it')
  t.deepEqual(await idsAfterKill(vfs), ids)
  await db.dropTable('small')
  await turns(5)
  t.true(walFiles(vfs).length <= 2, walFiles(vfs).join())
  t.is(typeof (await outcome(openMemory({}, { vfs: vfs.clone() }))), 'object')
  await db.close()
})

test('a table that could not be dropped keeps its log', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory(smallSegments, { vfs, clock: new SimulatedClock() })
  await db.createTable(small)
  const ids = await fillSegments(db, vfs, 4)
  const fault = vfs.inject({ op: 'append', path: /MANIFEST/, error: 'ENOSPC', times: 1 })
  t.is(await outcome(db.dropTable('small')), 'DISK_FULL')
  fault[Symbol.dispose]()
  await db.createTable(other)
  await turns(5)
  t.deepEqual(await neededFrom(vfs), [1, walFiles(vfs)[0]])
  t.deepEqual(await idsAfterKill(vfs), ids)
  await db.close()
})

test('segments that a crash kept from being deleted are no harm, and go with the next flush', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory(smallSegments, { vfs, clock: new SimulatedClock() })
  db.events.on('background-error', () => undefined)
  await db.createTable(small)
  const ids = await fillSegments(db, vfs, 5)
  const before = walFiles(vfs)
  const fault = vfs.inject({ op: 'remove', path: /wal$/, error: 'EIO' })
  await db.flush()
  await turns(5)
  fault[Symbol.dispose]()
  t.deepEqual(walFiles(vfs), before, 'the edit is durable, the segments are still there')
  const [opId, path] = await neededFrom(vfs)
  t.is(opId, ids.length + 1)
  t.deepEqual(await idsAfterKill(vfs), ids)
  const needless = before.slice(0, before.indexOf(path as string))
  t.true(needless.length >= 3)
  for (const without of needless) t.deepEqual(await idsAfterKill(vfs, { without }), ids, `without ${without}, which nobody needs`)
  const after = vfs.crash({ mode: 'kill' })
  const again = await openMemory(smallSegments, { vfs: after, clock: new SimulatedClock() })
  await again.table(small).insert(rowsFrom(1000))
  await again.flush()
  await turns(5)
  t.deepEqual(
    walFiles(after).filter((segment) => needless.includes(segment)),
    [],
  )
  await again.close()
  t.deepEqual(await idsIn(after), [...ids, 1000])
})

test('a missing segment is refused when reading only too, and nothing is changed', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory(smallSegments, { vfs })
  await db.createTable(small)
  const ids = await fillSegments(db, vfs, 4)
  const left = vfs.crash({ mode: 'kill' })
  const readOnly = await openMemory({ readOnly: true }, { vfs: left })
  t.is(await readOnly.table(small).count(), ids.length)
  await readOnly.close()
  await left.remove(walFiles(left)[1] as string)
  const before = left.snapshot()
  t.is(await outcome(openMemory({ readOnly: true }, { vfs: left })), 'CORRUPTION')
  t.is(await outcome(openMemory({}, { vfs: left })), 'CORRUPTION')
  t.deepEqual(left.snapshot(), before)
})

/** Makes the manifest one of a Varve that did not say where the log is needed from. */
async function forgetNeed(vfs: MemoryVfs): Promise<void> {
  const previous = await recoverManifest({ vfs, directory: '/db', mode: 'strict', files: await listDatabaseFiles(vfs, '/db') })
  if (!previous) throw new Error('no database')
  const version = previous.version.withLog({ logNeededFrom: undefined })
  const world = { vfs, directory: '/db', clock: new SimulatedClock(), events: new GuardedEventBus() }
  const manifest = await Manifest.begin({
    ...world,
    version,
    nextFileNumber: () => version.nextFileNumber + 100,
    obsolete: () => undefined,
  })
  await manifest.close()
}

test('a database that does not say where its log is needed from opens, and says so from its next edit on', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory(smallSegments, { vfs, clock: new SimulatedClock() })
  for (const definition of [small, other]) await db.createTable(definition)
  const ids = await fillSegments(db, vfs, 4)
  // An edit that knows of every op, while the first of them are in memory only.
  await db.table('other').insert(rowsFrom(0))
  await db.flush('other')
  const old = vfs.crash({ mode: 'kill' })
  await forgetNeed(old)
  t.deepEqual(await neededFrom(old), [undefined, undefined])
  const [oldest] = walFiles(old)
  const fewer = await idsAfterKill(old, { without: oldest as string })
  t.true(fewer.length > 0 && fewer.length < ids.length, `nobody can tell: ${fewer}`)
  const again = await openMemory(smallSegments, { vfs: old })
  t.is(await again.table(small).count(), ids.length)
  await again.dropTable('other')
  t.deepEqual(await neededFrom(old), [1, oldest])
  t.is(await idsAfterKill(old, { without: oldest as string }), 'CORRUPTION')
  await again.close()
  t.deepEqual(await idsIn(old), ids)
})

test('an opening keeps what was promised before', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory(smallSegments, { vfs })
  await db.createTable(small)
  const ids = await fillSegments(db, vfs, 4)
  const left = vfs.crash({ mode: 'kill' })
  const again = await openMemory(smallSegments, { vfs: left })
  t.deepEqual(await neededFrom(left), [1, walFiles(left)[0]])
  t.is(await idsAfterKill(left, { without: walFiles(left)[2] as string }), 'CORRUPTION')
  t.deepEqual(await idsAfterKill(left), ids)
  await again.close()
})

test('salvage takes the rows up to the missing segment, and what it leaves opens strictly', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory(smallSegments, { vfs })
  await db.createTable(small)
  const ids = await fillSegments(db, vfs, 5)
  const left = vfs.crash({ mode: 'kill' })
  for (const [i, without] of walFiles(left).slice(0, -1).entries()) {
    const gapped = left.clone()
    await gapped.remove(without)
    const crashed = gapped.clone()
    t.is(await idsIn(gapped), 'CORRUPTION')
    const found = (await idsIn(gapped, { recovery: 'salvage' })) as number[]
    t.deepEqual(found, ids.slice(0, found.length), 'the first ones, without a gap')
    t.true(i === 0 ? found.length === 0 : found.length > 0 && found.length < ids.length, `${i}: ${found.length}`)
    t.deepEqual(await idsIn(gapped), found)
    // Killed after the salvage has begun its own files.
    await openMemory({ recovery: 'salvage' }, { vfs: crashed })
    t.deepEqual(await idsIn(crashed.crash({ mode: 'kill' })), found)
  }
})
