import test from 'ava'
import type { Database, EventMap, EventName } from '../../src/index.ts'
import { MemoryVfs, openMemory, SimulatedClock } from '../../src/testing/index.ts'
import { outcome, rowsFrom, type SmallTable, small, turns } from './kit.ts'

const fat = (first: number, count: number) => rowsFrom(first, count).map(({ id }) => ({ id, text: 'x'.repeat(10_000) }))

/** A database whose maintenance flushes only when told, so that memory fills. */
async function filling(clock = new SimulatedClock()): Promise<{ db: Database; table: SmallTable; vfs: MemoryVfs; clock: SimulatedClock }> {
  const vfs = new MemoryVfs()
  const db = await openMemory({ memory: { limit: '8MiB' } }, { vfs, clock })
  db.maintenance.pause()
  return { db, table: await db.createTable(small), vfs, clock }
}

/** Inserts until memory is at a level, or a write waits; the next free id. */
async function fillTo(db: Database, table: SmallTable, clock: SimulatedClock, level: string): Promise<number> {
  let first = 0
  for (; db.metrics().memory.level !== level; first += 10) {
    const write = table.insert(fat(first, 10))
    await clock.advance(50)
    if (db.metrics().memory.level !== 'hard-limit') await write
  }
  return first
}

async function advanceUntil(clock: SimulatedClock, condition: () => boolean): Promise<void> {
  for (let steps = 0; !condition(); steps++) {
    if (steps > 5000) throw new Error('time passes and nothing happens')
    await clock.advance(5)
  }
}

function record<E extends EventName>(db: Database, ...events: E[]): [E, EventMap[E]][] {
  const seen: [E, EventMap[E]][] = []
  for (const event of events) db.events.on(event, (payload) => seen.push([event, payload]))
  return seen
}

test.serial('past the soft limit a write is slowed, and goes on once time has passed', async (t) => {
  const { db, table, clock } = await filling()
  const seen = record(db, 'write-stall:begin', 'write-stall:end')
  const first = await fillTo(db, table, clock, 'soft-limit')
  let done = 0
  const write = table.insert(fat(first, 20)).then(() => done++)
  await turns(20)
  t.is(done, 0, 'it waits')
  t.is(db.metrics().memory.level, 'soft-limit')
  await clock.advance(100)
  // No more time passes: it is held up by nothing else.
  await write
  t.is(done, 1, 'for a while')
  t.deepEqual(
    seen.map(([event, { reason }]) => `${event} ${reason}`),
    ['write-stall:begin memory-soft-limit'],
  )
  db.maintenance.resume()
  await advanceUntil(clock, () => db.metrics().writes.stallMs > 0)
  await db.close()
  pairsUp(t, seen)
})

test.serial('at the limit a write waits, whatever time passes, until a flush has made room; then writes go on in order', async (t) => {
  const { db, table, clock } = await filling()
  const seen = record(db, 'write-stall:begin', 'write-stall:end')
  const begun = record(db, 'write-stall:begin', 'op:begin')
  const order: number[] = []
  const writes = Array.from({ length: 1200 }, (_, i) => table.insert(fat(i, 1)).then(() => order.push(i)))
  await advanceUntil(clock, () => db.metrics().memory.level === 'hard-limit')
  const before = order.length
  await clock.advance(100_000)
  t.true(order.length - before <= 1, `${before}, then ${order.length}`)
  t.is(db.metrics().memory.level, 'hard-limit')
  t.is((await table.get(0))?.text.length, 10_000, 'reads do not wait')
  db.maintenance.resume()
  await advanceUntil(clock, () => order.length === 1200)
  await Promise.all(writes)
  t.deepEqual(
    order,
    Array.from({ length: 1200 }, (_, i) => i),
  )
  t.is(await table.count(), 1200)
  await db.close()
  pairsUp(t, seen)
  t.true(begun.some(([event]) => event === 'write-stall:begin') && begun.some(([event]) => event === 'op:begin'))
  t.is(new Set(begun.map(([, { jobId }]) => jobId)).size, begun.length, 'stalls and ops are numbered by one sequence')
})

test.serial('a write that waits for memory can be cancelled: ABORTED, nothing of it applied, and those behind it go on', async (t) => {
  const { db, table, clock } = await filling()
  await fillTo(db, table, clock, 'hard-limit')
  const controller = new AbortController()
  const second = new AbortController()
  const waits = outcome(table.insert(fat(10_000, 1), { signal: controller.signal }))
  const behind = outcome(table.insert(fat(20_000, 1), { signal: second.signal }))
  const last = outcome(table.insert(fat(30_000, 1)))
  await clock.advance(1000)
  second.abort()
  controller.abort()
  await clock.advance(1)
  t.is(await waits, 'ABORTED')
  t.is(await behind, 'ABORTED')
  db.maintenance.resume()
  await clock.advance(1000)
  t.is(await last, 1)
  t.is(await table.get(10_000), undefined)
  t.is(await table.get(20_000), undefined)
  await db.close()
})

test.serial('a write cancelled while others wait before it is rejected at once', async (t) => {
  const { db, table, clock } = await filling()
  await fillTo(db, table, clock, 'hard-limit')
  const head = outcome(table.insert(fat(10_000, 1)))
  const controller = new AbortController()
  const behind = outcome(table.insert(fat(20_000, 1), { signal: controller.signal }))
  await turns(2)
  controller.abort()
  t.is(await Promise.race([behind, turns(20).then(() => 'still waits')]), 'ABORTED')
  db.maintenance.resume()
  await clock.advance(1000)
  t.is(await head, 1)
  await db.close()
})

test.serial('closing lets the writes that wait for memory go, refused', async (t) => {
  const { db, table, clock, vfs } = await filling()
  const writes: Promise<unknown>[] = []
  for (let i = 0; i < 120; i++) writes.push(outcome(table.insert(fat(i * 10, 10))))
  await advanceUntil(clock, () => db.metrics().memory.level === 'hard-limit')
  const closing = db.close()
  await clock.advance(20_000)
  await closing
  const outcomes = await Promise.all(writes)
  t.true(outcomes.includes('DATABASE_CLOSED'))
  const again = await openMemory({}, { vfs })
  t.is(await again.table('small').count(), outcomes.filter((o) => o === 10).length * 10)
  await again.close()
})

test.serial('writes that wait for memory are rejected when the manifest fails and no flush can succeed any more', async (t) => {
  const { db, table, clock, vfs } = await filling()
  const errors = record(db, 'background-error')
  const writes: Promise<unknown>[] = []
  for (let i = 0; i < 120; i++) writes.push(outcome(table.insert(fat(i * 10, 10))))
  await advanceUntil(clock, () => db.metrics().memory.level === 'hard-limit')
  vfs.inject({ op: 'sync', path: /MANIFEST/, error: 'EIO' })
  db.maintenance.resume()
  let settled = false
  void Promise.all(writes).then(() => {
    settled = true
  })
  await advanceUntil(clock, () => settled)
  const outcomes = await Promise.all(writes)
  t.true(outcomes.includes('WRITES_STOPPED'), String(outcomes.at(-1)))
  t.true(errors.length > 0)
  t.is((await table.get(0))?.id, 0, 'reads go on')
  const closing = outcome(db.close())
  await clock.advance(60_000)
  await closing
})

test.serial('with a memory limit of a MiB everything still goes, slowly', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory({ memory: { limit: '1MiB' } }, { vfs })
  const table = await db.createTable(small)
  for (let i = 0; i < 40; i++) await table.insert(fat(i * 10, 10))
  t.is(await table.count(), 400)
  await db.close()
  const again = await openMemory({ memory: { limit: '1MiB' } }, { vfs })
  t.is(await again.table('small').count(), 400)
  t.is((await again.table(small).get(399))?.text.length, 10_000)
  await again.close()
})

function pairsUp(t: { deepEqual(a: unknown, b: unknown): unknown }, seen: readonly [string, { jobId: number; reason: string }][]): void {
  const begun = seen.filter(([event]) => event.endsWith(':begin')).map(([, { jobId, reason }]) => `${jobId} ${reason}`)
  const ended = seen.filter(([event]) => event.endsWith(':end')).map(([, { jobId, reason }]) => `${jobId} ${reason}`)
  t.deepEqual(begun, ended)
}
