import test from 'ava'
import { defineTable, hashPartition, int32, string } from '../../src/index.ts'
import { openMemory, SimulatedClock } from '../../src/testing/index.ts'
import { rowsFrom, small, turns } from './kit.ts'

const parted = defineTable('parted', {
  columns: { id: int32(), text: string() },
  primaryKey: ['id'],
  partitionBy: hashPartition(['id'], 4),
})

test('the log is held to its target though every tablet holds some of its oldest segment', async (t) => {
  const clock = new SimulatedClock()
  await using db = await openMemory({ wal: { segmentBytes: '64KiB', targetReplayBytes: '256KiB' } }, { clock })
  const table = await db.createTable(parted)
  let most = 0
  for (let first = 0; first < 60_000; first += 500) {
    await table.insert(rowsFrom(first, 500))
    // Long before anything is old enough to be flushed for its age.
    await clock.advance(100)
    await turns(20)
    most = Math.max(most, db.metrics().wal.retainedBytes)
  }
  t.true(db.metrics().flush.count > 0)
  t.true(most < 3 * 256 * 1024, `${most / 1024} KiB`)
})

test('the log is held to its target though a table that nobody writes to any more holds its oldest segment', async (t) => {
  const clock = new SimulatedClock()
  await using db = await openMemory({ wal: { segmentBytes: '64KiB', targetReplayBytes: '256KiB' } }, { clock })
  const idle = await db.createTable(small)
  await idle.insert(rowsFrom(0))
  const busy = await db.createTable({ ...small, name: 'busy' })
  let most = 0
  for (let first = 0; first < 60_000; first += 500) {
    await busy.insert(rowsFrom(first, 500))
    await clock.advance(100)
    await turns(20)
    most = Math.max(most, db.metrics().wal.retainedBytes)
  }
  t.is(idle.stats().memoryRows, 0)
  t.true(most < 3 * 256 * 1024, `${most / 1024} KiB`)
  t.true(db.metrics().flush.count < 60, `${db.metrics().flush.count} flushes`)
})
