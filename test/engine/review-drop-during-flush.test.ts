import test from 'ava'
import { MemoryVfs, openMemory } from '../../src/testing/index.ts'
import { rowsFrom, small, turns } from './kit.ts'

test('a table dropped while maintenance flushes it is no failure', async (t) => {
  for (const delay of [0, 2, 8, 30]) {
    const vfs = new MemoryVfs()
    await using db = await openMemory({ plugins: [['flush', { threshold: '64KiB' }]] }, { vfs })
    const errors: string[] = []
    db.events.on('background-error', ({ error }) => errors.push(error.message))
    const ends: unknown[] = []
    db.events.on('flush:end', ({ error, outputs }) => ends.push(error ?? outputs.length))
    const table = await db.createTable(small)
    await table.insert(rowsFrom(0, 30_000))
    while (db.maintenance.status().running.length === 0 && ends.length === 0) await turns(1)
    await turns(delay)
    await db.dropTable(table)
    t.deepEqual(errors, [])
    t.is(ends.length, 1, 'every flush:begin has its flush:end')
    t.false(ends[0] instanceof Error)
    t.is(db.metrics().flush.failedCount, 0)
    t.is(db.metrics().memory.heldBytes, 0)
  }
})
