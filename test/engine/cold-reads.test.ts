import test from 'ava'
import { lruBlockCache } from '../../plugins/lru-block-cache/index.ts'
import type { Database } from '../../src/index.ts'
import { MemoryVfs, openMemory } from '../../src/testing/index.ts'
import { InterceptingVfs } from '../../src/vfs/intercepting-vfs.ts'
import { rowsFrom, type SmallTable, small } from './kit.ts'

/** Rows on a disk whose every read is seen, and takes so long; next to no block is kept, nor any row, as reads name their columns. */
async function coldTable(): Promise<{
  db: Database
  table: SmallTable
  disk: { blocking: number; asynchronous: number; blocksForMs: number }
}> {
  const disk = { blocking: 0, asynchronous: 0, blocksForMs: 0 }
  const vfs = new InterceptingVfs({
    name: 'watched',
    inner: new MemoryVfs(),
    interceptor: {
      before(call) {
        if (call.op !== 'read') return undefined
        disk[call.blocking ? 'blocking' : 'asynchronous']++
        return { delaySync: () => spin(disk.blocksForMs) }
      },
    },
  })
  const db = await openMemory({ plugins: [lruBlockCache({ capacity: '1KiB' })] }, { vfs })
  const table = await db.createTable(small)
  await table.insert(rowsFrom(0, 2000))
  await db.flush(table)
  await table.get(0, { columns: ['text'] })
  Object.assign(disk, { blocking: 0, asynchronous: 0 })
  return { db, table, disk }
}

function spin(durationMs: number): void {
  for (const untilMs = performance.now() + durationMs; performance.now() < untilMs; );
}

const columns = ['text'] as const

test('reads of rows on disk block as long as that is quick, and let timers through all the same', async (t) => {
  const { db, table, disk } = await coldTable()
  await using _ = db
  let timers = 0
  const timer = setInterval(() => timers++, 1)
  for (let i = 0; i < 3000; i++) t.is((await table.get((i * 7) % 2000, { columns }))?.text, `row ${(i * 7) % 2000}`)
  clearInterval(timer)
  // The filter, which this cache has no room for either, is never waited for on this thread.
  t.true(disk.blocking > 300, JSON.stringify(disk))
  t.true(timers > 0)
})

test('on a disk that is slow, reads do not block, but for a trial now and then', async (t) => {
  const { db, table, disk } = await coldTable()
  await using _ = db
  disk.blocksForMs = 8
  for (let i = 0; i < 300; i++) t.is((await table.get(i, { columns }))?.text, `row ${i}`)
  t.true(disk.asynchronous > 5 * disk.blocking, JSON.stringify(disk))
  disk.blocksForMs = 0
})

test('of many reads at once, those that one turn has no time for go on asynchronously', async (t) => {
  const { db, table, disk } = await coldTable()
  await using _ = db
  disk.blocksForMs = 0.2
  const rows = await Promise.all(Array.from({ length: 200 }, (_, i) => table.get(i, { columns })))
  disk.blocksForMs = 0
  t.deepEqual(
    rows.map((row) => row?.text),
    rowsFrom(0, 200).map(({ text }) => text),
  )
  t.true(disk.blocking > 0)
  t.true(disk.asynchronous > 0, JSON.stringify(disk))
})

test('reads that wait for their turn while the table is compacted, altered and dropped are answered or refused', async (t) => {
  const { db, table, disk } = await coldTable()
  await using _ = db
  disk.blocksForMs = 0.3
  const reads = Array.from({ length: 60 }, (_, i) => table.get(i, { columns }))
  await table.update([{ id: 1, text: 'row 1' }])
  const compacted = db.compact(table)
  const more = Array.from({ length: 60 }, (_, i) => table.get(i, { columns }))
  await compacted
  for (const [i, row] of (await Promise.all([...reads, ...more])).entries()) t.is(row?.text, `row ${i % 60}`)
  const last = Array.from({ length: 60 }, (_, i) => table.get(i, { columns }))
  const dropped = db.dropTable(table)
  disk.blocksForMs = 0
  for (const [i, outcome] of (await Promise.allSettled(last)).entries()) {
    if (outcome.status === 'fulfilled') t.is(outcome.value?.text, `row ${i}`)
    else t.is((outcome.reason as { code?: string }).code, 'TABLE_NOT_FOUND')
  }
  await dropped
})
