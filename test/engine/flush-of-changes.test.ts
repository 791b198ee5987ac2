/** Rows that changed, through flushes of what they have in memory, as an application sees them. */
import test from 'ava'
import type { TableWrites } from '../../src/engine/write-api.ts'
import type { FileInfo, Table } from '../../src/index.ts'
import { listDatabaseFiles } from '../../src/manifest/database-files.ts'
import { recoverManifest } from '../../src/manifest/manifest-recovery.ts'
import { MemoryVfs, openMemory, SeededRandom, SimulatedClock } from '../../src/testing/index.ts'
import { filesOf, outcome, rowsFrom, small, turns } from './kit.ts'

type Changing = Table<typeof small> & TableWrites<typeof small>
type Model = Map<number, string>

const textsOf = async (table: Changing, o: object = {}): Promise<Model> => {
  const rows = await table.scan({ order: 'key', ...o }).toArray()
  return new Map(rows.map(({ id, text }) => [id, text]))
}

/** Changes rows at random, the model beside them. */
async function change(table: Changing, model: Model, random: SeededRandom, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const id = random.below(60)
    const text = `changed ${random.below(1e9)}`
    switch (random.below(3)) {
      case 0:
        await table.upsert({ id, text })
        model.set(id, text)
        break
      case 1:
        if ((await table.update({ id, text })) === 1) model.set(id, text)
        break
      default:
        await table.delete(id)
        model.delete(id)
    }
  }
}

const byId = (model: Model): Model => new Map([...model].sort(([a], [b]) => a - b))

test('changes in memory and on disk read the same after flushes, at every moment that a snapshot holds, and after closing or a crash', async (t) => {
  for (let seed = 1; seed <= 6; seed++) {
    const random = new SeededRandom(seed)
    const vfs = new MemoryVfs()
    const db = await openMemory({ history: { retentionMs: 0 }, durability: 'sync' }, { vfs })
    db.maintenance.pause()
    const table = (await db.createTable(small)) as unknown as Changing
    const model: Model = new Map()
    const held: { snapshot: ReturnType<typeof db.snapshot>; model: Model }[] = []
    for (let round = 0; round < 8; round++) {
      await change(table, model, random, 25)
      if (random.below(2) === 0) held.push({ snapshot: db.snapshot(), model: byId(model) })
      if (random.below(3) > 0) await db.flush()
      if (held.length > 2) held.shift()?.snapshot.close()
      t.deepEqual(await textsOf(table), byId(model), `seed ${seed}, round ${round}`)
      for (const { snapshot, model: then } of held)
        t.deepEqual(await textsOf(table, { snapshot }), then, `seed ${seed}, round ${round}, a snapshot`)
    }
    const left = seed % 3 === 0 ? vfs : vfs.crash({ mode: seed % 3 === 1 ? 'power' : 'kill', random })
    if (left === vfs) await db.close({ flush: random.below(2) === 0 })
    const again = await openMemory({}, { vfs: left })
    t.deepEqual(await textsOf(again.table('small') as unknown as Changing), byId(model), `seed ${seed}, reopened`)
    await again.close()
  }
})

/** A database whose 50 rows are on disk, and its calls that change what a crash would leave, from the time `calls` is emptied. */
async function flushedRows(segmentBytes: number) {
  const calls: string[] = []
  const vfs = new MemoryVfs({
    onCall: ({ op, path }) => {
      if (['append', 'sync', 'syncDirectory', 'remove'].includes(op)) calls.push(`${op} ${/\.\w+$|MANIFEST|\/db$/.exec(path)?.[0]}`)
    },
  })
  const db = await openMemory({ wal: { segmentBytes } }, { vfs })
  db.maintenance.pause()
  const table = (await db.createTable(small)) as unknown as Changing
  await table.insert(rowsFrom(0, 50))
  await db.flush()
  await turns(3)
  return { calls, vfs, db, table }
}

test('changes of rows on disk go to a delta file, which is synced, and then the log, before the manifest names it', async (t) => {
  // One segment holds all: nothing but the flush has a reason to sync it.
  const { calls, vfs, db, table } = await flushedRows(1024 * 1024)
  const told: string[] = []
  const created: FileInfo[] = []
  for (const event of ['flush:begin', 'flush:end'] as const) db.events.on(event, ({ kind }) => told.push(`${event} ${kind}`))
  db.events.on('delta:created', ({ file }) => {
    told.push('delta:created')
    created.push(file)
  })
  for (let i = 0; i < 50; i++) await table.update({ id: i, text: 'changed' })
  await table.update({ id: 0, text: 'last' })
  calls.length = 0
  await db.flush()
  t.deepEqual(told, ['flush:begin delta-mem-store', 'delta:created', 'flush:end delta-mem-store'])
  t.like(created[0], { kind: 'delta', rows: 51, table: 'small', tablet: 0 })
  t.deepEqual(filesOf(vfs, '.delta'), [created[0]?.path])
  const order = ['append .delta', 'sync .delta', 'syncDirectory /db', 'sync .wal', 'append MANIFEST', 'sync MANIFEST']
  t.deepEqual(
    calls.filter((call, i) => order.includes(call) && calls.indexOf(call) === i),
    order,
    calls.join(', '),
  )
  await db.close()
})

test('the log of changes is let go once the manifest names their delta file', async (t) => {
  const { calls, vfs, db, table } = await flushedRows(2048)
  for (let i = 0; i < 50; i++) await table.update({ id: i, text: `changed ${'x'.repeat(100)}` })
  await turns(3)
  const before = filesOf(vfs, '.wal').length
  calls.length = 0
  await db.flush()
  await turns(3)
  const named = calls.indexOf('sync MANIFEST')
  const firstRemoved = calls.indexOf('remove .wal')
  t.true(named >= 0 && firstRemoved > named, calls.join(', '))
  t.true(filesOf(vfs, '.wal').length < before, `${before} segments before`)
  await db.close()
})

test('a flush of changes that fails leaves no file and loses nothing; the next one succeeds', async (t) => {
  for (const [error, code] of [
    ['EIO', /^IO_ERROR$/],
    ['ENOSPC', /^DISK_FULL$/],
  ] as const) {
    for (const op of ['create', 'append', 'sync'] as const) {
      const vfs = new MemoryVfs()
      const db = await openMemory({}, { vfs })
      db.maintenance.pause()
      const table = (await db.createTable(small)) as unknown as Changing
      await table.insert(rowsFrom(0, 10))
      await db.flush()
      await table.update({ id: 3, text: 'changed' })
      await table.delete(4)
      const fault = vfs.inject({ op, path: /\.delta$/, error })
      t.regex(String(await outcome(db.flush())), code, `${error} at ${op}`)
      fault[Symbol.dispose]()
      t.deepEqual(filesOf(vfs, '.delta'), [])
      await table.update({ id: 3, text: 'changed again' })
      const seen = await textsOf(table)
      t.is(seen.get(3), 'changed again')
      await db.flush()
      // What was frozen by the failed attempt, and what came after.
      t.is(filesOf(vfs, '.delta').length, 2)
      await db.close()
      const again = await openMemory({}, { vfs })
      t.deepEqual(await textsOf(again.table('small') as unknown as Changing), seen)
      await again.close()
    }
  }
})

test('rows that died in memory and that nobody can see leave no file', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory({ history: { retentionMs: 0 } }, { vfs })
  db.maintenance.pause()
  const table = (await db.createTable(small)) as unknown as Changing
  await table.insert(rowsFrom(0, 10))
  await table.delete(rowsFrom(0, 10).map(({ id }) => id))
  await db.flush()
  t.deepEqual([...filesOf(vfs, '.sst'), ...filesOf(vfs, '.delta')], [])
  t.is(await table.count(), 0)
  await table.insert(rowsFrom(0, 2))
  const again = await openMemory({}, { vfs: vfs.crash({ mode: 'kill' }) })
  t.is(await again.table('small').count(), 2)
  await again.close()
})

test('a flush that leaves history out says in its edit from when on history is complete; one that does not, says nothing', async (t) => {
  for (const retentionMs of [0, 1_000_000]) {
    const vfs = new MemoryVfs()
    const clock = new SimulatedClock()
    const db = await openMemory({ history: { retentionMs } }, { vfs, clock })
    db.maintenance.pause()
    const table = (await db.createTable(small)) as unknown as Changing
    await table.insert(rowsFrom(0, 10))
    await table.update({ id: 3, text: 'changed' })
    const changedAt = db.snapshot()
    changedAt.close()
    await clock.advance(10)
    await table.insert(rowsFrom(10))
    await db.flush()
    await db.close()
    const recovered = await recoverManifest({ vfs, directory: '/db', mode: 'strict', files: await listDatabaseFiles(vfs, '/db') })
    const [table1] = [...(recovered?.version.tables.keys() ?? [])]
    t.is(recovered?.version.tablet(table1 as number, 0).state.historyHorizon, retentionMs === 0 ? changedAt.timestamp : 0)
  }
})

test('maintenance flushes changes of rows on disk by their size, and by their age', async (t) => {
  const clock = new SimulatedClock()
  // Compactions of the rowset would hold its flush up.
  const disable = ['minor-delta-compaction', 'major-delta-compaction', 'merging-compaction']
  const db = await openMemory({ plugins: [['flush', { deltaThreshold: '256KiB', maxAgeMs: 10_000 }]], disable }, { clock })
  const begun: string[] = []
  db.events.on('op:begin', ({ op }) => {
    if (op.startsWith('Flush')) begun.push(op)
  })
  const table = (await db.createTable(small)) as unknown as Changing
  await table.insert(rowsFrom(0, 1000))
  await db.flush()
  const settle = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 250) {
      await clock.advance(250)
      await turns(5)
    }
  }
  await settle(500)
  begun.length = 0
  await table.update({ id: 1, text: 'changed' })
  await settle(5000)
  t.deepEqual(begun, [], 'few changes, and young')
  await settle(15_000)
  t.deepEqual(begun, ['FlushDeltaMemStore(small/0)'], 'few changes, and old')
  await table.update(rowsFrom(0, 1000).map(({ id }) => ({ id, text: 'x'.repeat(300) })))
  await settle(1000)
  t.deepEqual(begun.slice(1), ['FlushDeltaMemStore(small/0)'], 'many changes')
  await db.close()
})

test('a table dropped while its changes are flushed leaves no file and no memory behind', async (t) => {
  const clock = new SimulatedClock()
  const vfs = new MemoryVfs({ clock })
  const db = await openMemory({}, { vfs, clock })
  db.maintenance.pause()
  const table = (await db.createTable(small)) as unknown as Changing
  await table.insert(rowsFrom(0, 100))
  await db.flush()
  await table.update(rowsFrom(0, 50))
  vfs.inject({ op: 'sync', path: /\.delta$/, delayMs: 1000 })
  const flushing = outcome(db.flush())
  for (let left = 200; left > 0 && filesOf(vfs, '.delta').length === 0; left--) await turns()
  const dropping = db.dropTable('small')
  await turns(20)
  await clock.advance(1000)
  await turns(20)
  await clock.advance(1000)
  await Promise.all([flushing, dropping])
  await turns(20)
  t.deepEqual([...filesOf(vfs, '.sst'), ...filesOf(vfs, '.delta')], [])
  await db.close()
})
