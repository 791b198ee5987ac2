/** Reads as of earlier moments: what rows were, wherever their history lies, and from when on it is kept. */
import test from 'ava'
import { systemClock } from '../../src/base/system-clock.ts'
import { count, defineTable, hashPartition, int32, string, type Table, VarveError } from '../../src/index.ts'
import { MemoryVfs, openMemory, SeededRandom, SimulatedClock } from '../../src/testing/index.ts'
import { outcome, rowsFrom, small, sstFiles, turns } from './kit.ts'

type Rows = ReadonlyMap<number, string>
interface Moment {
  readonly ms: number
  readonly rows: Rows
}

/** Updates, deletes and reinserts at random, one by one; each moment is one millisecond. */
async function changes(table: Table<typeof small>, clock: SimulatedClock, random: SeededRandom, moments: Moment[], steps: number) {
  const rows = new Map(moments.at(-1)?.rows)
  for (let step = 0; step < steps; step++) {
    clock.block(1)
    const id = random.below(12)
    const text = `at ${clock.nowMs()}`
    if (rows.has(id) && random.below(2) === 0) {
      await table.delete(id)
      rows.delete(id)
    } else if (rows.has(id)) {
      await table.update({ id, text })
      rows.set(id, text)
    } else {
      await table.insert({ id, text })
      rows.set(id, text)
    }
    moments.push({ ms: clock.nowMs(), rows: new Map(rows) })
  }
}

/** Every kind of read as of a moment must say what the rows were then. */
async function wrongReads(table: Table<typeof small>, { ms, rows }: Moment): Promise<string[]> {
  const asOf = ms
  const ids = Array.from({ length: 12 }, (_, id) => id)
  const expected = ids.map((id) => (rows.has(id) ? { id, text: rows.get(id) } : undefined))
  const there = expected.filter((row) => row !== undefined)
  const answers: Record<string, [unknown, unknown]> = {
    scan: [await table.scan({ asOf, order: 'key' }).toArray(), there],
    getMany: [await table.getMany(ids, { asOf }), expected],
    get: [await Promise.all(ids.map((id) => table.get(id, { asOf }))), expected],
    getSync: [ids.map((id) => table.getSync(id, { asOf })), expected],
    count: [await table.count({ asOf }), there.length],
    aggregate: [await table.aggregate({ asOf, select: { n: count() } }), { n: there.length }],
  }
  return Object.entries(answers).flatMap(([read, [is, should]]) =>
    JSON.stringify(is) === JSON.stringify(should) ? [] : [`${read} as of ${ms}: ${JSON.stringify(is)}`],
  )
}

test('reads as of a moment show the rows of then, through updates, deletes and reinserts, in memory, flushed, and reopened', async (t) => {
  for (let seed = 1; seed <= 2; seed++) {
    const random = new SeededRandom(seed)
    const clock = new SimulatedClock()
    const vfs = new MemoryVfs()
    const moments: Moment[] = [{ ms: clock.nowMs(), rows: new Map() }]
    let db = await openMemory({}, { vfs, clock })
    db.maintenance.pause()
    let table: Table<typeof small> = await db.createTable(small)
    const check = async (when: string) => {
      for (const moment of moments) t.deepEqual(await wrongReads(table, moment), [], `seed ${seed}, ${when}`)
    }
    await changes(table, clock, random, moments, 20)
    await check('in memory')
    await db.flush()
    await check('after a flush of rows')
    await changes(table, clock, random, moments, 15)
    await check('changed on disk')
    await db.flush()
    await check('after a flush of changes')
    await changes(table, clock, random, moments, 10)
    await db.close()
    db = await openMemory({}, { vfs, clock })
    db.maintenance.pause()
    table = db.table(small)
    await check('reopened')
    await db.close()
  }
})

/** A table whose rows are changed at 1,000 ms and again 10 s later, and flushed when the first change is older than `retentionMs`. */
async function pastRetention(o: {
  retentionMs?: number
  ofTable?: number
  afterMs: number
  prepare?: (db: Awaited<ReturnType<typeof openMemory>>) => unknown
}) {
  const clock = new SimulatedClock()
  const vfs = new MemoryVfs({ clock })
  const db = await openMemory(o.retentionMs === undefined ? {} : { history: { retentionMs: o.retentionMs } }, { vfs, clock })
  db.maintenance.pause()
  const kept = o.ofTable === undefined ? {} : { retention: { historyMs: o.ofTable } }
  const table = await db.createTable(defineTable('kept', { columns: { id: int32(), text: string() }, primaryKey: ['id'], ...kept }))
  await table.insert(rowsFrom(0, 10))
  const insertedMs = clock.nowMs()
  await o.prepare?.(db)
  clock.block(1000)
  await table.update({ id: 3, text: 'changed' })
  await table.delete(4)
  const changedMs = clock.nowMs()
  clock.block(o.afterMs)
  await table.insert(rowsFrom(20, 1))
  await db.flush()
  return { db, table, vfs, clock, insertedMs, changedMs }
}

test('a read before the history that is kept is HISTORY_NOT_RETAINED, of every kind, says since when and what to do; reads after it are right', async (t) => {
  const { db, table, vfs, clock, insertedMs, changedMs } = await pastRetention({ retentionMs: 5000, afterMs: 10_000 })
  const asOf = insertedMs
  const reads: Record<string, () => Promise<unknown>> = {
    get: () => table.get(3, { asOf }),
    'get of no row': () => table.get(999, { asOf }),
    getSync: async () => table.getSync(3, { asOf }),
    getMany: () => table.getMany([3, 4], { asOf: new Date(asOf) }),
    scan: () => table.scan({ asOf }).toArray(),
    'first of a scan': () => table.scan({ asOf }).first(),
    aggregate: () => table.aggregate({ asOf, select: { n: count() } }),
    count: () => table.count({ asOf }),
  }
  for (const [kind, read] of Object.entries(reads)) t.is(await outcome(read()), 'HISTORY_NOT_RETAINED', kind)
  const error = await t.throwsAsync(table.get(3, { asOf }), { instanceOf: VarveError })
  t.regex(error?.message ?? '', /^Table kept .*history\.retentionMs/)
  t.true(error?.message.includes(new Date(changedMs).toISOString()))
  t.like(error?.context, { table: 'kept', option: 'history.retentionMs' })
  t.deepEqual(error?.context['horizon'], new Date(changedMs))
  t.is(await outcome(table.get(3, { asOf: changedMs - 1 })), 'HISTORY_NOT_RETAINED')
  // The moment that the error names is the first that can be asked for.
  t.is((await table.get(3, { asOf: changedMs }))?.text, 'changed')
  t.is(await table.get(4, { asOf: changedMs }), undefined)
  t.is(await table.count({ asOf: changedMs }), 9)
  t.is(await table.count(), 10)
  await db.close()
  const again = await openMemory({}, { vfs, clock })
  t.is(await outcome(again.table('kept').count({ asOf })), 'HISTORY_NOT_RETAINED', 'reopened')
  t.is(await again.table('kept').count({ asOf: changedMs }), 9)
  await again.close()
})

test('history is kept for as long as the configuration says, or the definition of the table', async (t) => {
  const answers: Record<string, unknown> = {}
  for (const [name, o] of Object.entries({
    'config: long enough': { retentionMs: 20_000, afterMs: 10_000 },
    'config: not long enough': { retentionMs: 9000, afterMs: 10_000 },
    'table: longer than config': { retentionMs: 0, ofTable: 20_000, afterMs: 10_000 },
    'table: shorter than config': { retentionMs: 100_000, ofTable: 100, afterMs: 10_000 },
    'default, 14 minutes': { afterMs: 14 * 60_000 },
    'default, 16 minutes': { afterMs: 16 * 60_000 },
  })) {
    const { db, table, insertedMs } = await pastRetention(o)
    answers[name] = await outcome(table.get(3, { asOf: insertedMs }).then((row) => row?.text))
    await db.close()
  }
  t.deepEqual(answers, {
    'config: long enough': 'row 3',
    'config: not long enough': 'HISTORY_NOT_RETAINED',
    'table: longer than config': 'row 3',
    'table: shorter than config': 'HISTORY_NOT_RETAINED',
    'default, 14 minutes': 'row 3',
    'default, 16 minutes': 'HISTORY_NOT_RETAINED',
  })
})

test('a snapshot keeps the history that it needs, and once it is closed, it keeps it no more', async (t) => {
  for (const closed of [false, true]) {
    const held: { snapshot?: ReturnType<Awaited<ReturnType<typeof openMemory>>['snapshot']> } = {}
    const { db, table, insertedMs } = await pastRetention({
      retentionMs: 0,
      afterMs: 10_000,
      prepare: (of) => {
        held.snapshot = of.snapshot()
        if (closed) held.snapshot.close()
      },
    })
    const { snapshot } = held
    if (closed || !snapshot) {
      t.is(await outcome(table.get(3, { asOf: insertedMs })), 'HISTORY_NOT_RETAINED')
    } else {
      t.is((await table.get(3, { snapshot }))?.text, 'row 3')
      t.is(await table.count({ snapshot }), 10)
      t.deepEqual(await table.scan({ snapshot, order: 'key' }).toArray(), rowsFrom(0, 10))
    }
    await db.close()
  }
})

test('a scan that has begun goes on though its moment is forgotten meanwhile', async (t) => {
  const clock = new SimulatedClock()
  await using db = await openMemory({ history: { retentionMs: 0 } }, { clock })
  db.maintenance.pause()
  const table = await db.createTable(small)
  await table.insert(rowsFrom(0, 100))
  const asOf = clock.nowMs()
  clock.block(10)
  await table.update(rowsFrom(0, 50).map(({ id }) => ({ id, text: 'changed' })))
  const scan = table.scan({ asOf, order: 'key' })
  clock.block(10)
  await table.insert(rowsFrom(200))
  await db.flush()
  t.is(await outcome(table.count({ asOf })), 'HISTORY_NOT_RETAINED')
  t.deepEqual(await scan.toArray(), rowsFrom(0, 100))
})

function gate() {
  let open: () => void = () => undefined
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open: () => open() }
}

/** A database with ten rows on disk that were not read yet, and five in memory that were changed after `asOf`. What is delayed waits for its gate. */
async function withGates() {
  const clock = new SimulatedClock()
  const gates = { read: gate(), flush: gate() }
  const sleep = (ms: number) => (ms === 1 ? gates.read.opened : gates.flush.opened)
  const vfs = new MemoryVfs({ clock: { ...systemClock, sleep } })
  const config = { history: { retentionMs: 0 } }
  const first = await openMemory(config, { vfs, clock })
  await (await first.createTable(small)).insert(rowsFrom(0, 10))
  await first.close({ flush: true })
  const path = new RegExp(`${sstFiles(vfs)[0]}$`)
  const db = await openMemory(config, { vfs, clock })
  db.maintenance.pause()
  const table = db.table(small)
  await table.insert(rowsFrom(50, 5))
  const asOf = clock.nowMs()
  clock.block(10)
  await table.update(rowsFrom(50, 5).map(({ id }) => ({ id, text: 'changed' })))
  clock.block(10)
  await table.insert(rowsFrom(60))
  return { vfs, clock, gates, path, db, table, asOf }
}

test('a point read that waits is told if its moment is forgotten meanwhile', async (t) => {
  const { vfs, gates, path, db, table, asOf } = await withGates()
  vfs.inject({ op: 'sync', path: /\.sst$/, delayMs: 2 })
  vfs.inject({ op: 'open', path, delayMs: 1 })
  const flushed = db.flush()
  // What is to be forgotten is decided when the flush begins.
  await turns(50)
  const one = outcome(table.get(3, { asOf }))
  const many = outcome(table.getMany([50, 3], { asOf }))
  gates.flush.open()
  await flushed
  gates.read.open()
  t.is(await one, 'HISTORY_NOT_RETAINED')
  t.is(await many, 'HISTORY_NOT_RETAINED')
  await db.close()
})

test('what a point read needs is kept while it waits, from its beginning on', async (t) => {
  const { vfs, clock, gates, path, db, table, asOf } = await withGates()
  vfs.inject({ op: 'open', path, delayMs: 1 })
  const then = table.getMany([3, 50], { asOf })
  const now = table.getMany([3, 50])
  clock.block(10)
  await table.update(rowsFrom(50, 5).map(({ id }) => ({ id, text: 'changed again' })))
  clock.block(10)
  await db.flush()
  gates.read.open()
  t.deepEqual(await then, [...rowsFrom(3), ...rowsFrom(50)])
  t.deepEqual(await now, [...rowsFrom(3), { id: 50, text: 'changed' }])
  await db.close()
})

test('only the tablets that a read touches are asked how far their history goes', async (t) => {
  const clock = new SimulatedClock()
  await using db = await openMemory({ history: { retentionMs: 0 } }, { clock })
  db.maintenance.pause()
  const definition = defineTable('parts', {
    columns: { id: int32(), text: string() },
    primaryKey: ['id'],
    partitionBy: hashPartition(['id'], 2),
  })
  const table = await db.createTable(definition)
  await table.insert(rowsFrom(0, 40))
  const asOf = clock.nowMs()
  clock.block(10)
  await table.update({ id: 7, text: 'changed' })
  clock.block(10)
  await table.insert(rowsFrom(100, 1))
  await db.flush()
  const answers = await Promise.all(rowsFrom(0, 40).map(({ id }) => outcome(table.get(id, { asOf }))))
  const refused = answers.filter((answer) => answer === 'HISTORY_NOT_RETAINED').length
  t.is(answers[7], 'HISTORY_NOT_RETAINED')
  t.true(refused > 5 && refused < 35, `${refused} of 40 refused`)
  for (const [id, answer] of answers.entries()) if (answer !== 'HISTORY_NOT_RETAINED') t.deepEqual(answer, { id, text: `row ${id}` })
  t.is(await outcome(table.count({ asOf })), 'HISTORY_NOT_RETAINED')
})
