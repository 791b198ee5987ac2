/** `table.changes()`: what became of rows between two moments. */
import test from 'ava'
import {
  bool,
  type Database,
  defineTable,
  double,
  hashPartition,
  int32,
  int64,
  rangePartition,
  string,
  type Table,
  type TableDefinition,
  VarveError,
} from '../../src/index.ts'
import { MemoryVfs, openMemory, SeededRandom, SimulatedClock } from '../../src/testing/index.ts'
import { major, merge, minor, tabletWatch } from '../tablet/support/compactions.ts'
import { outcome, rowsFrom, small, turns } from './kit.ts'

const columns = { id: int32(), text: string().nullable(), big: int64().nullable(), flag: bool().default(false), d: double().default(1) }
const definitions = [
  defineTable('plain', { columns, primaryKey: ['id'] }),
  defineTable('hashed', { columns, primaryKey: ['id'], partitionBy: hashPartition(['id'], 3) }),
  defineTable('ranged', { columns, primaryKey: ['id'], partitionBy: rangePartition(['id'], [[10], [20]]) }),
  defineTable('two', { columns: { ...columns, region: string() }, primaryKey: ['region', 'id'] }),
] as const

type Row = Record<string, unknown>
/** Rows by key, as text. */
type State = ReadonlyMap<string, Row>

/** What was true from a commit on. */
interface Moment {
  readonly timestamp: number
  readonly state: State
  /** The keys that the commit wrote to, and found or made a row of. */
  readonly written: ReadonlySet<string>
}

const keyText = (key: unknown): string => JSON.stringify(typeof key === 'object' ? Object.values(key as object) : [key])
const plain = (value: unknown): string => JSON.stringify(value, (_, of: unknown) => (typeof of === 'bigint' ? `${of}n` : of))

/** The changes between two of the moments, as a plain program would tell them. */
function expectedChanges(moments: readonly Moment[], from: number, to: number): string[] {
  const before = (moments[from] as Moment).state
  const after = (moments[to] as Moment).state
  const newest = new Map<string, number>()
  for (const { written, timestamp } of moments.slice(from + 1, to + 1)) for (const key of written) newest.set(key, timestamp)
  const changes = [...newest].flatMap(([key, timestamp]) => {
    const values = after.get(key)
    if (!values) return before.has(key) ? [{ key, op: 'delete', timestamp }] : []
    return [{ key, op: before.has(key) ? 'update' : 'insert', timestamp, values }]
  })
  return changes.map(plain).sort()
}

async function changesOf(table: Table, from: { timestamp: number }, to: { timestamp: number }): Promise<string[]> {
  const found: string[] = []
  for await (const { key, op, timestamp, values } of table.changes({ from, to })) {
    const sorted = values && Object.fromEntries(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)))
    found.push(plain({ key: keyText(key), op, timestamp, ...(sorted && { values: sorted }) }))
  }
  return found.sort()
}

/** A table, and what it was at each moment. */
class Story {
  readonly moments: Moment[] = []
  readonly definition: TableDefinition
  readonly #random: SeededRandom

  constructor(definition: TableDefinition, random: SeededRandom) {
    this.definition = definition
    this.#random = random
  }

  /** Writes some rows, in one of the ways there are. */
  async write(db: Database): Promise<void> {
    const table = db.table(this.definition.name)
    const random = this.#random
    const rows = Array.from({ length: 1 + random.below(4) }, () => this.#row())
    const state = new Map(this.moments.at(-1)?.state)
    const written = new Set<string>()
    const put = (row: Row) => {
      const whole = { text: null, big: null, flag: false, d: 1, ...state.get(keyText(this.#key(row))), ...row }
      state.set(keyText(this.#key(row)), Object.fromEntries(Object.entries(whole).sort(([a], [b]) => (a < b ? -1 : 1))))
      written.add(keyText(this.#key(row)))
    }
    switch (random.below(4)) {
      case 0:
        for (const row of rows) if (!state.has(keyText(this.#key(row)))) put(row)
        await table.insert(rows, { ifExists: 'skip' })
        break
      case 1:
        rows.forEach(put)
        await table.upsert(rows)
        break
      case 2:
        for (const row of rows) if (state.has(keyText(this.#key(row)))) put(row)
        await table.update(rows)
        break
      default:
        for (const row of rows) if (state.delete(keyText(this.#key(row)))) written.add(keyText(this.#key(row)))
        await table.delete(rows.map((row) => this.#key(row)))
    }
    this.note(db, state, written)
  }

  note(db: Database, state: State, written: ReadonlySet<string>): void {
    using snapshot = db.snapshot()
    this.moments.push({ timestamp: snapshot.timestamp, state, written })
  }

  #key(row: Row): unknown {
    return this.definition.primaryKey.length === 1 ? row['id'] : { region: row['region'], id: row['id'] }
  }

  #row(): Row {
    const random = this.#random
    const row: Row = { id: random.below(30), text: `t${random.below(1e6)}` }
    if (this.definition.primaryKey.length > 1) row['region'] = ['east', 'west'][random.below(2)]
    if (random.below(3) === 0) row['big'] = random.below(2) === 0 ? null : BigInt(random.below(1e9)) * 1_000_000_000n
    if (random.below(3) === 0) row['d'] = random.below(100) / 4
    if (random.below(4) === 0) row['flag'] = random.below(2) === 0
    return row
  }
}

for (const [i, definition] of definitions.entries()) {
  test(`changes between all pairs of moments are what a plain model says, through flushes and reopening: ${definition.name}`, async (t) => {
    const seed = Number(process.env['VARVE_SEED'] ?? 11 + i)
    t.log(`seed ${seed}`)
    const random = new SeededRandom(seed)
    let vfs = new MemoryVfs()
    let db = await openMemory({}, { vfs })
    db.maintenance.pause()
    await db.createTable(definition)
    const story = new Story(definition as unknown as TableDefinition, random)
    story.note(db, new Map(), new Set())
    const check = async (when: string) => {
      const table = db.table(definition.name)
      for (let from = 0; from < story.moments.length; from += 1) {
        for (let to = from; to < story.moments.length; to += 1) {
          const found = await changesOf(table, story.moments[from] as Moment, story.moments[to] as Moment)
          const expected = expectedChanges(story.moments, from, to)
          if (found.join('\n') !== expected.join('\n')) return t.deepEqual(found, expected, `${when}: from moment ${from} to ${to}`)
        }
      }
      t.pass()
    }
    for (let step = 0; step < 16; step++) {
      await story.write(db)
      if (random.below(7) === 0) await db.flush()
    }
    await check('before reopening')
    if (i % 2 === 0) vfs = vfs.crash({ mode: 'kill' })
    await db.close({ flush: i === 1 }).catch(() => undefined)
    db = await openMemory({}, { vfs })
    db.maintenance.pause()
    for (let step = 0; step < 5; step++) await story.write(db)
    await check('reopened')
    await db.flush()
    await check('flushed')
    await db.close()
  })
}

/** One compaction or another of one of a tablet's rowsets. */
async function compactSomething({ tablets }: ReturnType<typeof tabletWatch>, random: SeededRandom): Promise<void> {
  const tablet = tablets[random.below(tablets.length)]
  const { rowsets = [] } = tablet?.disk ?? {}
  const rowset = rowsets[random.below(Math.max(1, rowsets.length))]
  if (!tablet || !rowset) return
  const kind = random.below(4)
  if (kind === 0) await minor(tablet, rowset, 'redo')
  else if (kind === 1) await minor(tablet, rowset, 'undo')
  else if (kind === 2) await major(tablet, rowset, [2 + random.below(4)], 1 + random.below(2))
  else await merge(tablet, rowsets, { rowsetBytesMax: 2000 })
}

for (const [i, definition] of definitions.entries()) {
  test(`compactions change nothing of what changes say, as far back as a snapshot is held: ${definition.name}`, async (t) => {
    const seed = Number(process.env['VARVE_SEED'] ?? 31 + i)
    t.log(`seed ${seed}`)
    const random = new SeededRandom(seed)
    const clock = new SimulatedClock()
    const watch = tabletWatch()
    await using db = await openMemory({ history: { retentionMs: 0 }, plugins: [watch.plugin] }, { clock })
    db.maintenance.pause()
    const kinds = new Set<string>()
    db.events.on('compaction:end', ({ kind, error }) => (error ? t.fail(error.stack) : kinds.add(kind)))
    const table: Table = (await db.createTable(definition)) as never
    const story = new Story(definition as unknown as TableDefinition, random)
    story.note(db, new Map(), new Set())
    const heldFrom = 12
    let held: Disposable | undefined
    for (let step = 1; step < 26; step++) {
      await clock.advance(1)
      await story.write(db)
      if (step === heldFrom) held = db.snapshot()
      if (random.below(3) === 0) await db.flush()
      if (random.below(2) === 0) await compactSomething(watch, random)
    }
    await db.flush()
    for (let left = 8; left > 0; left--) await compactSomething(watch, random)
    const horizon = Math.max(...watch.tablets.map(({ state }) => state.historyHorizon))
    let refused = 0
    for (let from = 0; from < story.moments.length; from++) {
      for (let to = from; to < story.moments.length; to += 2) {
        const found = await outcome(changesOf(table, story.moments[from] as Moment, story.moments[to] as Moment))
        if ((story.moments[from] as Moment).timestamp < horizon) {
          refused++
          t.is(found, 'HISTORY_NOT_RETAINED')
          if (from >= heldFrom) t.fail(`from moment ${from} is refused`)
        } else if (plain(found) !== plain(expectedChanges(story.moments, from, to))) {
          t.deepEqual(found, expectedChanges(story.moments, from, to), `from moment ${from} to ${to}`)
        }
      }
    }
    held?.[Symbol.dispose]()
    t.log(`${refused} refused; ${[...kinds].join(', ')}`)
    t.true(kinds.size > 0)
  })
}

const listOf = async (table: Table<typeof small>, o: Parameters<Table<typeof small>['changes']>[0]) => {
  const list = []
  for await (const { op, key } of table.changes(o)) list.push(`${op} ${key}`)
  return list.sort()
}

test('a batch over several tables shows in each of them, with one timestamp', async (t) => {
  await using db = await openMemory()
  db.maintenance.pause()
  const one = await db.createTable(small)
  const other = await db.createTable(defineTable('other', { columns: { id: string(), n: int32() }, primaryKey: ['id'] }))
  await one.insert(rowsFrom(0, 3))
  await db.flush()
  using from = db.snapshot()
  await db
    .batch()
    .insert(other, { id: 'new', n: 5 })
    .update(one, { id: 1, text: 'changed' })
    .delete(one, 2)
    .insert(one, rowsFrom(9))
    .commit()
  using to = db.snapshot()
  await db.batch().delete(other, 'new').delete(one, 0).commit()
  const found = []
  for await (const change of one.changes({ from, to })) found.push(change)
  for await (const change of other.changes({ from, to })) found.push(change)
  const { timestamp } = to
  t.deepEqual(
    found.sort((a, b) => (String(a.key) < String(b.key) ? -1 : 1)),
    [
      { op: 'update', key: 1, timestamp, values: { id: 1, text: 'changed' } },
      { op: 'delete', key: 2, timestamp },
      { op: 'insert', key: 9, timestamp, values: { id: 9, text: 'row 9' } },
      { op: 'insert', key: 'new', timestamp, values: { id: 'new', n: 5 } },
    ],
  )
})

test('moments are times, snapshots or changes; without an end, changes go up to when they were asked for', async (t) => {
  const clock = new SimulatedClock()
  await using db = await openMemory({}, { clock })
  const table = await db.createTable(small)
  const startMs = clock.nowMs()
  clock.block(1)
  await table.insert(rowsFrom(1))
  await table.insert(rowsFrom(2))
  const twoMs = clock.nowMs()
  clock.block(1)
  using snapshot = db.snapshot()
  await table.insert(rowsFrom(3))
  t.deepEqual(await listOf(table, { from: startMs }), ['insert 1', 'insert 2', 'insert 3'])
  t.deepEqual(await listOf(table, { from: new Date(startMs), to: new Date(twoMs) }), ['insert 1', 'insert 2'])
  t.deepEqual(await listOf(table, { from: twoMs }), ['insert 3'], 'all of a millisecond counts')
  t.deepEqual(await listOf(table, { from: 0, to: snapshot }), ['insert 1', 'insert 2'])
  t.deepEqual(await listOf(table, { from: clock.nowMs() + 1e6 }), [])
  const timestamps = []
  for await (const change of table.changes({ from: 0 })) timestamps.push(change)
  const second = timestamps.find(({ key }) => key === 2)
  t.deepEqual(await listOf(table, { from: second as { timestamp: number } }), ['insert 3'])
  const asked = table.changes({ from: 0 })
  await table.insert(rowsFrom(4))
  await table.delete(1)
  const seen = []
  for await (const { op, key } of asked) seen.push(`${op} ${key}`)
  t.deepEqual(seen.sort(), ['insert 1', 'insert 2', 'insert 3'])
})

test('changes from before the history that is kept are HISTORY_NOT_RETAINED; a snapshot that is held open keeps it', async (t) => {
  for (const held of [false, true]) {
    const clock = new SimulatedClock()
    await using db = await openMemory({ history: { retentionMs: 0 } }, { clock })
    db.maintenance.pause()
    const table = await db.createTable(small)
    await table.insert(rowsFrom(0, 3))
    const from = db.snapshot()
    if (!held) from.close()
    clock.block(10)
    await table.update({ id: 1, text: 'changed' })
    await table.delete(2)
    const deletedMs = clock.nowMs()
    clock.block(10)
    await table.upsert([{ id: 0, text: 'later' }, ...rowsFrom(7)])
    clock.block(10)
    await db.flush()
    if (held) {
      t.deepEqual(await listOf(table, { from }), ['delete 2', 'insert 7', 'update 0', 'update 1'])
      continue
    }
    t.is(await outcome(listOf(table, { from })), 'HISTORY_NOT_RETAINED')
    const error = await t.throwsAsync(listOf(table, { from: deletedMs - 1 }), { instanceOf: VarveError })
    t.true((error?.context['horizon'] as Date).getTime() > deletedMs)
    t.deepEqual(await listOf(table, { from: error?.context['horizon'] as Date }), [])
  }
})

test('another store is kept in step by changes alone, as docs/history.md has it', async (t) => {
  const random = new SeededRandom(5)
  const vfs = new MemoryVfs()
  let db = await openMemory({}, { vfs })
  let table = await db.createTable(small)
  const other = { rows: new Map<unknown, unknown>(), position: undefined as number | undefined }
  const sync = async () => {
    using to = db.snapshot()
    const from = other.position
    if (from === undefined) {
      for await (const values of table.scan({ snapshot: to })) other.rows.set(table.keyOf(values), values)
    } else {
      for await (const { op, key, values } of table.changes({ from: { timestamp: from }, to })) {
        if (op === 'delete') other.rows.delete(key)
        else other.rows.set(key, values)
      }
    }
    other.position = to.timestamp
  }
  await table.insert(rowsFrom(0, 50))
  for (let round = 0; round < 12; round++) {
    await table.upsert(rowsFrom(random.below(60), 5).map(({ id }) => ({ id, text: `round ${round}` })))
    await table.delete(rowsFrom(random.below(60), 4).map(({ id }) => id))
    if (random.below(3) === 0) await db.flush()
    if (random.below(4) === 0) {
      await db.close()
      db = await openMemory({}, { vfs })
      table = db.table(small)
    }
    if (random.below(2) === 0) continue
    await sync()
    const rows = await table.scan({ order: 'key' }).toArray()
    t.deepEqual(
      [...other.rows].sort(([a], [b]) => (a as number) - (b as number)).map(([, row]) => row),
      rows,
      `round ${round}`,
    )
  }
  await db.close()
})

test('misuse shows when changes are iterated, never at the call', async (t) => {
  await using db = await openMemory()
  const table = await db.createTable(small)
  await table.insert(rowsFrom(0, 3))
  const early = db.snapshot()
  await table.insert(rowsFrom(3, 3))
  const wrong: unknown[] = [
    undefined,
    {},
    { from: 'yesterday' },
    { from: -1 },
    { from: { timestamp: 0.5 } },
    { from: {} },
    { from: 0, to: null },
    { from: 0, till: 5 },
    { from: db.snapshot(), to: early },
  ]
  for (const o of wrong) await t.throwsAsync(listOf(table, o as { from: number }), { instanceOf: TypeError }, plain(o))
  const of = table.changes({ from: 0 })
  await db.dropTable(table)
  t.is(await outcome(of[Symbol.asyncIterator]().next()), 'TABLE_NOT_FOUND')
})

test('changes that are left early, aborted or read to their end let go of what they held', async (t) => {
  await using db = await openMemory()
  db.maintenance.pause()
  const table = await db.createTable(small)
  await table.insert(rowsFrom(0, 20_000))
  for await (const { key } of table.changes({ from: 0 })) if (key === 50) break
  const controller = new AbortController()
  let seen = 0
  const aborted = async () => {
    for await (const _ of table.changes({ from: 0, signal: controller.signal })) if (++seen === 100) controller.abort()
  }
  t.is(await outcome(aborted()), 'ABORTED')
  t.true(seen < 1000)
  let all = 0
  for await (const _ of table.changes({ from: 0 })) all++
  t.is(all, 20_000)
  const reading = table.changes({ from: 0 })[Symbol.asyncIterator]()
  await reading.next()
  await db.flush()
  await turns(3)
  t.true(db.metrics().memory.writeBufferBytes > 0)
  await reading.return?.()
  await turns(3)
  t.is(db.metrics().memory.writeBufferBytes, 0)
  t.deepEqual(await reading.next(), { done: true, value: undefined })
})

test('changes see exactly their span though rows are written and flushed while they are read, and let the event loop through', async (t) => {
  await using db = await openMemory()
  db.maintenance.pause()
  const table = await db.createTable(small)
  await table.insert(rowsFrom(0, 30_000))
  await db.flush()
  const from = db.snapshot()
  await table.update(rowsFrom(0, 30_000).flatMap(({ id }) => (id % 3 === 0 ? [{ id, text: 'changed' }] : [])))
  await table.insert(rowsFrom(30_000, 5000))
  let timers = 0
  const timer = setInterval(() => timers++, 1)
  const found = { insert: 0, update: 0, delete: 0 }
  let count = 0
  for await (const { op, values } of table.changes({ from })) {
    found[op]++
    if (op === 'update' && values?.text !== 'changed') t.fail(`update to ${values?.text}`)
    if (++count === 100) await table.delete(rowsFrom(0, 3000).map(({ id }) => id))
    if (count === 2000) await db.flush()
    if (count === 9000) await table.upsert(rowsFrom(0, 100))
  }
  clearInterval(timer)
  t.deepEqual(found, { insert: 5000, update: 10_000, delete: 0 })
  t.true(timers > 0)
})

test('a table that is altered between the call and the first change is read as it is then', async (t) => {
  await using db = await openMemory()
  db.maintenance.pause()
  const table = await db.createTable(small)
  using from = db.snapshot()
  await table.insert(rowsFrom(1))
  const changes = table.changes({ from })
  await db.alterTable(table, { addColumns: { n: int32().default(7) } })
  const found: unknown[] = []
  for await (const { op, values } of changes) found.push({ op, values })
  t.deepEqual(found, [{ op: 'insert', values: { id: 1, text: 'row 1', n: 7 } }])
})
