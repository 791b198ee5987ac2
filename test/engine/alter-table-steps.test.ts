import test from 'ava'
import { type AnyTable, eq, int32, type TableInfo } from '../../src/index.ts'
import { MemoryVfs, openMemory, SeededRandom, SimulatedClock } from '../../src/testing/index.ts'
import { inEveryPlace, inEveryPlaceRows, rowsOf, sameByEveryRead } from './altered-tables.ts'
import { outcome, rowsFrom, small, turns } from './kit.ts'

test('writes called before are made as they were called, those called meanwhile with the new columns, and none is lost', async (t) => {
  for (const delay of [0, 3]) {
    const vfs = new MemoryVfs()
    await using db = await openMemory({}, { vfs })
    const table = db.table((await db.createTable(small)).name)
    await table.insert(rowsFrom(0, 5000))
    await db.flush()
    const early = [
      table.insert(rowsFrom(5000, 10_000)),
      table.insertColumns({
        id: Int32Array.from({ length: 60_000 }, (_, i) => 100_000 + i),
        text: Array.from({ length: 60_000 }, String),
      }),
      table.updateWhere(eq('text', 'row 7'), { text: 'seven' }),
      table.delete(8),
    ]
    await turns(delay)
    let altered = false
    const altering = db.alterTable(table, { addColumns: { n: int32().default(1) } }).then(() => {
      altered = true
    })
    let written = 0
    while (!altered) {
      const id = 1_000_000 + written++
      // Either schema takes this row.
      await table.insert({ id, text: 'meanwhile' })
      await turns(1)
    }
    await Promise.all([...early, altering])
    await table.insert({ id: 2_000_000, text: 'after', n: 5 })
    t.is(await table.count(), 5000 + 10_000 + 60_000 - 1 + written + 1)
    t.is(await table.count({ where: eq('n', 1) }), 5000 + 10_000 + 60_000 - 1 + written)
    t.deepEqual(await table.get(7), { id: 7, text: 'seven', n: 1 })
    t.is(await table.get(8), undefined)
    await using again = await openMemory({}, { vfs: vfs.clone() })
    t.is(await again.table('small').count(), 5000 + 10_000 + 60_000 - 1 + written + 1)
  }
})

test('an alteration waits for writes that the disk keeps waiting, and for the later parts of a call that has begun', async (t) => {
  const text = 'x'.repeat(50)
  const writes: ((table: AnyTable) => Promise<number>)[] = [
    (table) => table.insert(Array.from({ length: 20_000 }, (_, id) => ({ id, text }))),
    (table) => table.insertColumns({ id: Int32Array.from({ length: 200_000 }, (_, i) => i), text: new Array<string>(200_000).fill(text) }),
  ]
  for (const write of writes) {
    const clock = new SimulatedClock()
    const vfs = new MemoryVfs({ clock })
    await using db = await openMemory({}, { vfs })
    db.maintenance.pause()
    const table = db.table((await db.createTable(small)).name)
    const slow = vfs.inject({ op: 'append', path: /wal$/, delayMs: 1000 })
    const ends: unknown[] = []
    const calls = [outcome(write(table)).then((written) => ends.push(written))]
    await turns(5)
    calls.push(
      outcome(db.alterTable(table, { addColumns: { n: int32().default(1) }, dropColumns: ['text'] })).then((end) => ends.push(end)),
    )
    await turns(20)
    t.deepEqual(ends, [])
    for (let left = 200; left > 0 && ends.length < 2; left--) {
      await clock.advance(1000)
      await turns(10)
    }
    slow[Symbol.dispose]()
    await Promise.all(calls)
    const [written, altered] = ends
    t.true(typeof written === 'number' && altered === undefined, `first ${String(written)}, then ${String(altered)}`)
    t.is(await table.count({ where: eq('n', 1) }), written as number)
  }
})

test('a batch that holds rows of a table which was altered since must be begun anew; others are not concerned', async (t) => {
  await using db = await openMemory()
  const table = await inEveryPlace(db)
  const other = db.table((await db.createTable({ ...small, name: 'other' })).name)
  const stale = db.batch().insert(table, { id: 80, text: 'x' }).insert(other, { id: 80, text: 'x' })
  const halfBuilt = db.batch().delete(table, 0)
  const ofOther = db.batch().insert(other, { id: 81, text: 'x' })
  await db.alterTable(table, { addColumns: { n: int32().default(1) } })
  t.is(await outcome(stale.commit()), 'SCHEMA_MISMATCH')
  t.throws(() => halfBuilt.delete(table, 1), { code: 'SCHEMA_MISMATCH' })
  t.is(await other.count(), 0, 'nothing of it was applied')
  t.deepEqual(await ofOther.commit(), { inserted: 1, updated: 0, deleted: 0 })
  t.deepEqual(await db.batch().insert(table, { id: 80, text: 'x', n: 2 }).commit(), { inserted: 1, updated: 0, deleted: 0 })
  t.deepEqual(await table.get(80), { id: 80, text: 'x', n: 2 })
})

/** What is called when the edit of an alteration is about to be written. The table has nothing in memory then. */
function onEdit(): { vfs: MemoryVfs; arm(call: () => void): void } {
  let armed: (() => void) | undefined
  const vfs = new MemoryVfs({
    onCall: ({ op, path }) => {
      if (op !== 'append' || !/MANIFEST/.test(path)) return
      const call = armed
      armed = undefined
      call?.()
    },
  })
  return {
    vfs,
    arm: (call) => {
      armed = call
    },
  }
}

const editFails = { op: 'append', path: /MANIFEST/, error: 'ENOSPC', nth: 1, times: 1 } as const

test('what is written while the edit is on its way waits for it, and is written in terms of what the table is then', async (t) => {
  for (const fails of [false, true]) {
    const { vfs, arm } = onEdit()
    await using db = await openMemory({}, { vfs })
    const table = await inEveryPlace(db)
    await db.flush()
    const batch = db.batch().insert(table, { id: 80, text: 'x' })
    const calls: Promise<unknown>[] = []
    arm(() => {
      calls.push(
        outcome(table.insert({ id: 81, text: 'x', n: 5 })),
        outcome(table.update({ id: 0, n: 6 })),
        outcome(table.upsert({ id: 82, text: 'x', n: 7 }).then(() => 'done')),
        outcome(table.delete(10)),
        outcome(table.updateWhere(eq('id', 1), { n: 8 })),
        outcome(table.deleteWhere(eq('id', 3))),
        outcome(table.insertColumns({ id: Int32Array.of(83), text: ['x'], n: Int32Array.of(9) })),
        outcome(batch.commit().then(({ inserted }) => inserted)),
      )
    })
    if (fails) vfs.inject(editFails)
    t.is(await outcome(db.alterTable(table, { addColumns: { n: int32().default(1) } })), fails ? 'DISK_FULL' : undefined)
    const done = ['INVALID_VALUE', 'INVALID_VALUE', 'INVALID_VALUE', 1, 'INVALID_VALUE', 1, 'INVALID_VALUE', 1]
    t.deepEqual(await Promise.all(calls), fails ? done : [1, 1, 'done', 1, 1, 1, 1, 'SCHEMA_MISMATCH'])
    const rows = (await rowsOf(table)).map(({ id, n }) => [id, n])
    if (fails)
      t.deepEqual(
        rows,
        [0, 1, 11, 80].map((id) => [id, undefined]),
      )
    else
      t.deepEqual(rows, [
        [0, 6],
        [1, 8],
        [11, 1],
        [81, 5],
        [82, 7],
        [83, 9],
      ])
  }
})

test('a change that cannot be written leaves the table as it was, read, written and maintained', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory({}, { vfs })
  const table = await inEveryPlace(db)
  await db.flush()
  const { opCount } = db.maintenance.status()
  vfs.inject(editFails)
  const change = { addColumns: { n: int32().default(1) }, renameTo: 'large' }
  t.is(await outcome(db.alterTable(table, change)), 'DISK_FULL')
  t.notThrows(() => db.table(small))
  await sameByEveryRead(t, table, inEveryPlaceRows)
  t.is(db.maintenance.status().opCount, opCount)
  await table.insert({ id: 90, text: 'x' })
  await table.update({ id: 0, text: 'y' })
  const expected = [{ id: 0, text: 'y' }, ...inEveryPlaceRows.slice(1), { id: 90, text: 'x' }]
  await db.flush()
  t.is(table.stats().memoryRows, 0)
  await sameByEveryRead(t, table, expected)
  await db.createTable({ ...small, name: 'large' })
  await db.dropTable('large')
  await db.alterTable(table, change)
  t.is(db.maintenance.status().opCount, opCount)
  await sameByEveryRead(
    t,
    table,
    expected.map((row) => ({ ...row, n: 1 })),
  )
  await db.close()
  await using again = await openMemory({}, { vfs })
  t.is(await again.table('large').count(), expected.length)
})

test('a flush that fails is what the call fails with; the table stays as it was', async (t) => {
  const vfs = new MemoryVfs()
  await using db = await openMemory({}, { vfs })
  const table = await inEveryPlace(db)
  {
    using _fault = vfs.inject({ op: 'append', path: /\.(sst|delta)$/, error: 'EIO' })
    t.is(await outcome(db.alterTable(table, { dropColumns: ['text'] })), 'IO_ERROR')
  }
  await sameByEveryRead(t, table, inEveryPlaceRows)
  await db.alterTable(table, { dropColumns: ['text'] })
  await sameByEveryRead(
    t,
    table,
    inEveryPlaceRows.map(({ id }) => ({ id })),
  )
})

test('alterations, drops and creations called at once take turns', async (t) => {
  await using db = await openMemory()
  const table = await inEveryPlace(db)
  const calls: Promise<unknown>[] = [
    db.alterTable('small', { addColumns: { a: int32().default(1) } }),
    db.alterTable('small', { addColumns: { b: int32().default(2) } }),
    db.alterTable('small', { addColumns: { a: int32().default(3) } }),
    db.alterTable('small', { dropColumns: ['text'] }),
    db.createTable({ ...small, name: 'other' }).then(() => 'made'),
  ]
  t.deepEqual(await Promise.all(calls.map((call) => outcome(call))), [undefined, undefined, 'SCHEMA_MISMATCH', undefined, 'made'])
  const renames: Promise<unknown>[] = [
    db.alterTable('small', { renameTo: 'large' }),
    db.createTable({ ...small, name: 'large' }),
    db.alterTable('other', { renameTo: 'small' }),
    db.alterTable('other', { renameTo: 'large' }),
    db.createTable({ ...small, name: 'third' }).then(() => 'made'),
    db.alterTable('third', { renameTo: 'small' }),
    db.dropTable('small').then(() => 'dropped'),
  ]
  t.deepEqual(await Promise.all(renames.map((call) => outcome(call))), [
    undefined,
    'TABLE_EXISTS',
    undefined,
    'TABLE_NOT_FOUND',
    'made',
    'TABLE_NOT_FOUND',
    'dropped',
  ])
  t.deepEqual(
    db
      .tables()
      .map(({ name }) => name)
      .sort(),
    ['large', 'third'],
  )
  t.is(table.name, 'large')
  await sameByEveryRead(
    t,
    table,
    inEveryPlaceRows.map(({ id }) => ({ id, a: 1, b: 2 })),
  )
})

test('a database that is closed while a table is being altered is closed, and has the old table or the new', async (t) => {
  for (const delay of [0, 1, 2, 4, 8, 16, 40]) {
    const vfs = new MemoryVfs()
    const db = await openMemory({}, { vfs })
    await inEveryPlace(db)
    const altering = outcome(db.alterTable('small', { addColumns: { n: int32().default(7) } }))
    await turns(delay)
    await db.close()
    const result = await altering
    await using again = await openMemory({}, { vfs })
    const rows = await rowsOf(again.table('small'))
    const isNew = rows[0]?.['n'] === 7
    t.true(result === undefined ? isNew : result === 'DATABASE_CLOSED' || result === 'ABORTED', String(result))
    t.deepEqual(
      rows,
      inEveryPlaceRows.map((row) => (isNew ? { ...row, n: 7 } : row)),
    )
  }
})

test('killed or without power at any step, a table is as before or as after, whole', async (t) => {
  let crashes = 0
  const ends = new Set<string>()
  for (let call = 1, isOver = false; !isOver; call++) {
    const vfs = new MemoryVfs()
    const db = await openMemory({ durability: 'sync' }, { vfs })
    await inEveryPlace(db)
    vfs.crashAtCall(vfs.callCount + call, { share: (call % 3) / 2 })
    const change = { dropColumns: ['text'], addColumns: { n: int32().default(7) }, renameTo: 'large' }
    const result = await outcome(db.alterTable('small', change).then(() => 'altered'))
    isOver = !vfs.crashed
    const left = vfs.crash(call % 2 === 0 ? { mode: 'kill' } : { mode: 'power', random: new SeededRandom(call) })
    await db.close().catch(() => undefined)
    if (isOver) continue
    crashes++
    await using again = await openMemory({}, { vfs: left })
    const [{ name }, ...others] = again.tables() as [TableInfo, ...TableInfo[]]
    t.is(others.length, 0)
    const isNew = name === 'large'
    ends.add(name)
    if (result === 'altered') t.true(isNew, `call ${call}: what was acknowledged is there`)
    const expected = inEveryPlaceRows.map(({ id, text }) => (isNew ? { id, n: 7 } : { id, text }))
    const table = again.table(name)
    await sameByEveryRead(t, table, expected)
    // Writing goes on from there.
    await table.insert(isNew ? { id: 99 } : { id: 99, text: 'x' })
    await again.flush()
    t.is(await table.count(), expected.length + 1)
  }
  t.log(`${crashes} crashes`)
  t.true(crashes > 20)
  t.deepEqual([...ends].sort(), ['large', 'small'])
})

test('what the log has of rows under columns that are gone is replayed under those of now', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory({ history: { retentionMs: 0 } }, { vfs })
  const table = db.table((await db.createTable(small)).name)
  await table.insert(rowsFrom(0, 4))
  // Nobody sees these any more: no file has them, so that the log's records of them are applied in memory.
  await table.delete([0, 1])
  await db.alterTable(table, { dropColumns: ['text'], addColumns: { n: int32().default(7) } })
  await table.insert({ id: 1, n: 8 })
  await table.update({ id: 2, n: 9 })
  const left = vfs.crash({ mode: 'kill' })
  await db.close().catch(() => undefined)
  await using again = await openMemory({}, { vfs: left })
  await sameByEveryRead(t, again.table('small'), [
    { id: 1, n: 8 },
    { id: 2, n: 9 },
    { id: 3, n: 7 },
  ])
})

test('a table that is renamed while it is compacted by its name is compacted, or the compaction is cancelled', async (t) => {
  const ends = new Set<unknown>()
  for (let delay = 0; delay < 20; delay++) {
    await using db = await openMemory()
    db.maintenance.pause()
    const table = db.table((await db.createTable(small)).name)
    await table.insert(rowsFrom(0, 100))
    const altering = db.alterTable('small', { renameTo: 'renamed' })
    await turns(delay)
    if (table.name === 'renamed') break
    const compacting = outcome(db.compact('small'))
    await altering
    ends.add(await compacting)
    t.is(await table.count(), 100)
  }
  t.true(ends.has(undefined))
  ends.delete(undefined)
  ends.delete('ABORTED')
  t.deepEqual([...ends], [])
})
