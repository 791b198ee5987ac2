import test from 'ava'
import { MemoryVfs, openMemory, SeededRandom } from '../../src/testing/index.ts'
import { TurnDelays } from '../crash/turn-clock.ts'
import { rowsFrom, small, walFiles } from './kit.ts'

test('segments of the log go once what they hold is in SSTables', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory({ wal: { segmentBytes: 2048 } }, { vfs })
  const table = await db.createTable(small)
  for (let i = 0; i < 100; i++) await table.insert(rowsFrom(i * 10, 10))
  await db.sync()
  t.true(walFiles(vfs).length > 3)
  await db.flush()
  await table.insert(rowsFrom(1000, 10), { durability: 'sync' })
  await db.flush()
  await new Promise((resolve) => setImmediate(resolve))
  t.true(walFiles(vfs).length <= 2, walFiles(vfs).join())
  await db.close()
})

test('a segment is kept as long as another table has rows of it in memory only', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory({ wal: { segmentBytes: 4096 } }, { vfs })
  const first = await db.createTable({ ...small, name: 'first' })
  const second = await db.createTable({ ...small, name: 'second' })
  await first.insert(rowsFrom(0, 3))
  const [oldest] = walFiles(vfs)
  for (let i = 0; i < 60; i++) await second.insert(rowsFrom(i * 10, 10))
  await first.insert(rowsFrom(3, 3))
  await db.flush('second')
  await second.insert(rowsFrom(5000, 3), { durability: 'sync' })
  t.true(walFiles(vfs).includes(oldest as string))
  const again = await openMemory({}, { vfs: vfs.crash({ mode: 'kill' }) })
  t.is((await again.table('first').scan().toArray()).length, 6)
  t.is((await again.table('second').scan().toArray()).length, 603)
  await again.close()
})

// The next segment is made before the live one is full; its header names an op that comes long before the first it will hold.
for (const end of ['closing', 'a kill', 'a power cut'] as const) {
  test(`a segment made ahead of its turn does not pass for a log that was cut short: ${end}`, async (t) => {
    for (let batches = 9; batches < 17; batches++) {
      const random = new SeededRandom(batches)
      const vfs = new MemoryVfs({ random, clock: new TurnDelays(random) })
      const db = await openMemory({ wal: { segmentBytes: 2048 } }, { vfs })
      const table = await db.createTable(small)
      vfs.inject({ op: 'syncDirectory', delayMs: 1 })
      for (let i = 0; i < batches; i++) await table.insert(rowsFrom(i * 10, 10))
      await db.flush()
      if (end === 'closing') await db.close()
      const left = end === 'closing' ? vfs : vfs.crash(end === 'a kill' ? { mode: 'kill' } : { mode: 'power', random })
      const again = await openMemory({}, { vfs: left })
      t.is((await again.table('small').scan().toArray()).length, batches * 10)
      await again.close()
    }
  })
}
