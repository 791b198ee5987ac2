/** The orders that recovery relies on (docs, "Storage"): each test fails if two steps are exchanged. */
import test from 'ava'
import { defineTable, hashPartition, int32, string } from '../../src/index.ts'
import { MemoryVfs, openMemory, SeededRandom, SimulatedClock } from '../../src/testing/index.ts'
import { outcome, rowsFrom, small, turns } from './kit.ts'

test('a flush writes in order: file synced, directory synced, log synced through the cut, edit synced; then files are let go', async (t) => {
  const calls: string[] = []
  const vfs = new MemoryVfs({
    onCall: ({ op, path }) => {
      if (['append', 'sync', 'syncDirectory', 'remove'].includes(op)) calls.push(`${op} ${/\.\w+$|MANIFEST|\/db$/.exec(path)?.[0]}`)
    },
  })
  const db = await openMemory({ wal: { segmentBytes: 2048 } }, { vfs })
  const table = await db.createTable(small)
  for (let i = 0; i < 40; i++) await table.insert(rowsFrom(i * 10, 10))
  // Two rows into a segment that has just been begun: nothing but the flush has a reason to sync them.
  let isFresh = false
  db.events.on('wal:created', () => {
    isFresh = true
  })
  for (let i = 40; !isFresh; i++) {
    await table.insert(rowsFrom(i * 10, 10))
    await turns(5)
  }
  await table.insert(rowsFrom(5000), { durability: 'sync' })
  await turns(5)
  await table.insert(rowsFrom(5001))
  calls.length = 0
  await db.flush()
  await turns(3)
  const at = (call: string) => {
    t.true(calls.includes(call), `${call} in ${calls.join(', ')}`)
    return calls.indexOf(call)
  }
  const order = [
    at('append .sst'),
    at('sync .sst'),
    at('syncDirectory /db'),
    // The log may be synced earlier as well, when a segment is made ahead.
    calls.lastIndexOf('sync .wal', at('append MANIFEST')),
    at('append MANIFEST'),
    at('sync MANIFEST'),
    at('remove .wal'),
  ]
  t.deepEqual(
    order,
    [...order].sort((a, b) => a - b),
    calls.join(', '),
  )
  await db.close()
})

test('what a flush wrote is installed only when its edit is synced', async (t) => {
  const clock = new SimulatedClock()
  const vfs = new MemoryVfs({ clock })
  const db = await openMemory({}, { vfs, clock })
  const table = await db.createTable(small)
  await table.insert(rowsFrom(0, 100))
  vfs.inject({ op: 'sync', path: /MANIFEST/, delayMs: 1000 })
  const flushing = db.flush()
  for (let left = 1000; left > 0 && clock.pending < 2; left--) await turns()
  await turns(20)
  t.like(table.stats(), { memoryRows: 100, diskRows: 0 })
  await clock.advance(1000)
  await flushing
  t.like(table.stats(), { memoryRows: 0, diskRows: 100 })
  vfs.clearFaults()
  await db.close()
})

test('a power cut after a flush of one tablet keeps batches whole: the log was synced through the cut', async (t) => {
  const parts = defineTable('parts', {
    columns: { id: int32(), text: string() },
    primaryKey: ['id'],
    partitionBy: hashPartition(['id'], 2),
  })
  for (let seed = 0; seed < 40; seed++) {
    const random = new SeededRandom(seed)
    const vfs = new MemoryVfs({ random })
    const db = await openMemory({}, { vfs })
    const table = await db.createTable(parts)
    for (let i = 0; i < 5; i++) await table.insert(rowsFrom(i * 100, 20))
    // The second edit never gets to the disk: one tablet is flushed, the other is not.
    vfs.inject({ op: 'append', path: /MANIFEST/, nth: 3, times: 1000, crash: true })
    await outcome(db.flush())
    const again = await openMemory({}, { vfs: vfs.crash({ mode: 'power', random }) })
    const counts = new Map<number, number>()
    for (const { id } of await again.table(parts).scan().toArray())
      counts.set(Math.floor(id / 100), (counts.get(Math.floor(id / 100)) ?? 0) + 1)
    t.true(
      [...counts.values()].every((count) => count === 20),
      `seed ${seed}: ${[...counts.values()]}`,
    )
    await again.close()
  }
})

test('a batch logged for one generation and applied to the next is found after a crash, though the first is flushed', async (t) => {
  const clock = new SimulatedClock()
  const vfs = new MemoryVfs({ clock })
  const db = await openMemory({ plugins: [['flush', { threshold: '64KiB' }]] }, { vfs, clock })
  db.maintenance.pause()
  const table = await db.createTable(small)
  const fat = (first: number) => rowsFrom(first, 3).map(({ id }) => ({ id, text: 'x'.repeat(300_000) }))
  await table.insert(fat(0))
  // The log takes its time: what is being written was logged for the store that is frozen meanwhile.
  vfs.inject({ op: 'append', path: /wal$/, times: 1, nth: 1, delayMs: 1000 })
  const writing = table.insert(fat(100))
  db.maintenance.resume()
  for (let left = 100; left > 0; left--) {
    await clock.advance(5)
    await turns(5)
  }
  t.like(table.stats(), { memoryRows: 3, diskRows: 0 }, 'rows do not move while a write is under way')
  db.maintenance.pause()
  await clock.advance(1000)
  t.is(await writing, 3)
  for (let left = 100; left > 0 && table.stats().diskRows === 0; left--) await turns(5)
  t.like(table.stats(), { memoryRows: 3, diskRows: 3 })
  const again = await openMemory({}, { vfs: vfs.crash({ mode: 'kill' }) })
  t.is(await again.table('small').count(), 6)
  await again.close()
})

test.serial('shared buffers are used again: flush after flush no more of them are made', async (t) => {
  const Original = globalThis.SharedArrayBuffer
  let made = 0
  globalThis.SharedArrayBuffer = class extends Original {
    constructor(sizeBytes: number) {
      super(sizeBytes)
      made++
    }
  } as SharedArrayBufferConstructor
  try {
    const db = await openMemory()
    const table = await db.createTable(small)
    const after: number[] = []
    for (let round = 0; round < 8; round++) {
      await table.insert(rowsFrom(round * 60_000, 60_000))
      // A scan holds on to the store until it ends.
      const scan = table.scan({ columns: ['id'] })
      await db.flush()
      t.is((await scan.toArray()).length, (round + 1) * 60_000)
      after.push(made)
    }
    t.true((after[0] as number) > 0)
    t.is(after[7], after[1], after.join())
    t.is(db.metrics().memory.writeBufferBytes, 0)
    await db.close()
  } finally {
    globalThis.SharedArrayBuffer = Original
  }
})
