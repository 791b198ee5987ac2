import test from 'ava'
import { defineTable, int32, string } from '../../../src/index.ts'
import { openMemory, SimulatedClock } from '../../../src/testing/index.ts'

const notes = defineTable('notes', { columns: { id: int32(), text: string() }, primaryKey: ['id'] })
const rows = (text: string) => Array.from({ length: 100 }, (_, id) => ({ id, text }))
const minuteMs = 60_000

async function advanceUntil(clock: SimulatedClock, isDone: () => boolean): Promise<void> {
  for (let left = 200; left > 0 && !isDone(); left--) {
    await clock.advance(10_000)
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
  }
}

test('undo history goes once nobody may ask for it, and reads of before are refused', async (t) => {
  const clock = new SimulatedClock()
  const db = await openMemory({ history: { retentionMs: 5 * minuteMs } }, { clock })
  const table = await db.createTable(notes)
  await table.insert(rows('first'))
  const beganMs = clock.nowMs()
  await clock.advance(1000)
  await table.update(rows('second'))
  await db.flush()
  const undoOf = () => table.stats().tablets[0]?.rowsets[0]?.deltas.undo.files
  t.is(undoOf(), 1)
  t.is((await table.get(7, { asOf: beganMs }))?.text, 'first')
  const snapshot = db.snapshot()
  await clock.advance(4 * minuteMs)
  t.is(undoOf(), 1)
  await advanceUntil(clock, () => undoOf() === 0)
  t.is(undoOf(), 0)
  t.is((await table.get(7, { snapshot }))?.text, 'second')
  await t.throwsAsync(table.get(7, { asOf: beganMs }), { code: 'HISTORY_NOT_RETAINED' })
  t.is((await table.get(7))?.text, 'second')
  snapshot.close()
  await db.close()
})

test('a snapshot keeps the history that it needs', async (t) => {
  const clock = new SimulatedClock()
  const db = await openMemory({ history: { retentionMs: minuteMs } }, { clock })
  const table = await db.createTable(notes)
  await table.insert(rows('first'))
  const snapshot = db.snapshot()
  await clock.advance(1000)
  await table.update(rows('second'))
  await db.flush()
  for (let i = 0; i < 60; i++) await clock.advance(10_000)
  t.is((await table.get(7, { snapshot }))?.text, 'first')
  snapshot.close()
  const undoOf = () => table.stats().tablets[0]?.rowsets[0]?.deltas.undo.files
  await advanceUntil(clock, () => undoOf() === 0)
  t.is(undoOf(), 0)
  await db.close()
})

test('a rowset whose every row is deleted goes once its history has, and keys can be inserted again', async (t) => {
  const clock = new SimulatedClock()
  const db = await openMemory({ history: { retentionMs: minuteMs } }, { clock })
  const table = await db.createTable(notes)
  await table.insert(rows('first'))
  await db.flush()
  t.is(await table.delete(rows('').map(({ id }) => id)), 100)
  await db.flush()
  t.is(table.stats().tablets[0]?.rowsets.length, 1)
  await advanceUntil(clock, () => table.stats().tablets[0]?.rowsets.length === 0)
  t.is(table.stats().tablets[0]?.rowsets.length, 0)
  t.is(await table.count(), 0)
  await table.insert(rows('again'))
  t.is(await table.count(), 100)
  await db.close()
})
