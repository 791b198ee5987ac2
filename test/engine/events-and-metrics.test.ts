import test from 'ava'
import { type Database, type EngineOptions, type EventMap, type EventName, writeSSTable } from '../../src/index.ts'
import { MemoryVfs, openMemory } from '../../src/testing/index.ts'
import { countingVfs } from '../../src/vfs/counting-vfs.ts'
import { outcome, rowsFrom, small, turns } from './kit.ts'

const names: EventName[] = [
  'flush:begin',
  'flush:end',
  'sstable:created',
  'file:deleted',
  'manifest:created',
  'manifest:deleted',
  'wal:created',
  'wal:deleted',
  'op:begin',
  'op:end',
]

function recordAll(db: Database): { event: EventName; payload: EventMap[EventName] }[] {
  const seen: { event: EventName; payload: EventMap[EventName] }[] = []
  for (const event of names) db.events.on(event, (payload) => seen.push({ event, payload }))
  return seen
}

test('a flush is told in order: begin, what was made, end in the tick of the installation, and files are deleted only then', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory({ wal: { segmentBytes: 2048 } }, { vfs })
  // Else the two small rowsets may be one by the time their files are looked at.
  db.maintenance.pause()
  const table = await db.createTable(small)
  for (let i = 0; i < 100; i++) await table.insert(rowsFrom(i * 10, 10))
  await db.sync()
  const seen = recordAll(db)
  const states: [number, number][] = []
  db.events.on('flush:end', () => states.push([table.stats().memoryRows, table.stats().diskRows]))
  db.events.on('flush:begin', () => states.push([table.stats().memoryRows, table.stats().diskRows]))
  await db.flush()
  await table.insert(rowsFrom(5000), { durability: 'sync' })
  await db.flush()
  await turns(3)
  t.deepEqual(states.slice(0, 2), [
    [1000, 0],
    [0, 1000],
  ])
  const order = seen.map(({ event }) => event)
  const of = (event: EventName) => order.indexOf(event)
  t.true(of('flush:begin') < of('sstable:created') && of('sstable:created') < of('flush:end'), order.join())
  t.true(of('wal:deleted') > of('flush:end'), order.join())
  t.true(of('file:deleted') > of('flush:end'), order.join())
  const [begin, end] = [seen.find(({ event }) => event === 'flush:begin'), seen.find(({ event }) => event === 'flush:end')]
  const beginning = begin?.payload as EventMap['flush:begin']
  const ending = end?.payload as EventMap['flush:end']
  t.is(ending.jobId, beginning.jobId)
  t.is(ending.reason, beginning.reason)
  t.like(ending, { kind: 'mem-rowset', table: 'small', tablet: 0, error: undefined })
  t.is(ending.outputs.length, 1)
  t.is(ending.outputs[0]?.rows, 1000)
  t.is(ending.outputs[0]?.sizeBytes, vfs.snapshot().get(ending.outputs[0]?.path ?? '')?.length)
  await db.close()
})

test('log segments and manifests are told as deleted once they are, by number and path; one that could not be cleaned is not', async (t) => {
  const vfs = new MemoryVfs()
  const told: string[] = []
  let cleans = true
  const configure = ({ events, cleaner }: EngineOptions) => {
    const { clean } = cleaner
    Object.assign(cleaner, {
      clean: (...given: Parameters<typeof clean>) => (cleans ? clean.apply(cleaner, given) : Promise.reject(new Error('not now'))),
    })
    events.on('background-error', () => undefined)
    for (const event of ['manifest:deleted', 'wal:deleted'] as const)
      events.on(event, (file) => told.push(`${event} ${Object.keys(file)} ${vfs.snapshot().has(file.path)} ${file.path}`))
  }
  for (let round = 0; round < 2; round++) {
    const db = await openMemory({ wal: { segmentBytes: 2048 } }, { vfs, configure })
    const table = await db.createTable(small, { ifNotExists: true })
    for (let i = 0; i < 20; i++) await table.insert(rowsFrom(round * 10_000 + i * 10, 10))
    await db.sync()
    await db.flush()
    await turns(10)
    await db.close()
    if (round === 0) {
      t.true(told.length > 0)
      cleans = false
    }
  }
  t.regex(told.join(), /^wal:deleted fileNumber,path false \/db\/000002\.wal/)
  t.true(told.every((line) => / fileNumber,path false /.test(line)))
  t.false(told.some((line) => line.startsWith('manifest')))
  cleans = true
  const db = await openMemory({}, { vfs, configure })
  await turns(10)
  await db.close()
  t.is(told.filter((line) => /^manifest:deleted fileNumber,path false \/db\/MANIFEST-\d+$/.test(line)).length, 1)
})

test('every begin has its end, with the same job and reason, though flushes fail and tables go', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory({ maintenance: { retryGraceMs: 1 } }, { vfs })
  db.events.on('background-error', () => undefined)
  const seen = recordAll(db)
  const table = await db.createTable(small)
  for (let i = 0; i < 6; i++) {
    await table.insert(rowsFrom(i * 1000, 1000))
    using _ = i % 2 === 0 ? vfs.inject({ op: ['append', 'sync'], path: /sst$/, nth: 1 + i, error: 'EIO' }) : undefined
    await outcome(db.flush())
  }
  const flushing = outcome(db.flush())
  await db.dropTable(table)
  await flushing
  await db.close()
  for (const kind of ['flush', 'op']) {
    const jobs = (end: string) =>
      seen
        .filter(({ event }) => event === `${kind}:${end}`)
        .map(({ payload }) => `${(payload as { jobId: number }).jobId} ${(payload as { reason: string }).reason}`)
    t.true(jobs('begin').length > 3)
    t.deepEqual([...jobs('begin')].sort(), [...jobs('end')].sort(), kind)
  }
})

test('a flush carries the id and the reason of its run, and no two runs have one id', async (t) => {
  const db = await openMemory({})
  const seen = recordAll(db)
  for (const name of ['small', 'other']) {
    const table = await db.createTable({ ...small, name })
    for (let i = 0; i < 3; i++) {
      await table.insert(rowsFrom(i * 10, 10))
      await db.flush(name)
    }
  }
  await db.close()
  const begun = seen.filter(({ event }) => event === 'op:begin').map(({ payload }) => payload as EventMap['op:begin'])
  t.is(new Set(begun.map(({ jobId }) => jobId)).size, begun.length)
  const flushes = seen.filter(({ event }) => event === 'flush:begin').map(({ payload }) => payload as EventMap['flush:begin'])
  t.is(flushes.length, 6)
  for (const { jobId, reason, table, tablet } of flushes) {
    t.like(
      begun.find((op) => op.jobId === jobId),
      { op: `FlushMemRowSet(${table}/${tablet})`, reason },
    )
  }
})

test('listeners that throw, at every event, harm nobody', async (t) => {
  const vfs = new MemoryVfs()
  const errors: string[] = []
  const db = await openMemory(
    { wal: { segmentBytes: 2048 } },
    {
      vfs,
      configure: ({ events }) => {
        events.on('background-error', ({ error }) => errors.push(error.message))
        for (const event of [...names, 'memory:pressure', 'write-stall:begin', 'op:decision'] as EventName[]) {
          events.on(event, () => {
            throw new Error(`thrown at ${event}`)
          })
          events.on(event, () => Promise.reject(new Error(`rejected at ${event}`)) as unknown as undefined)
        }
      },
    },
  )
  const table = await db.createTable(small)
  for (let i = 0; i < 50; i++) await table.insert(rowsFrom(i * 10, 10))
  await db.flush()
  t.is(await table.count(), 500)
  await db.close()
  for (const event of ['flush:begin', 'flush:end', 'sstable:created', 'wal:created', 'op:begin', 'op:end']) {
    t.true(errors.includes(`thrown at ${event}`), event)
    t.true(errors.includes(`rejected at ${event}`), event)
  }
  const again = await openMemory({}, { vfs })
  t.is(await again.table('small').count(), 500)
  await again.close()
})

test('metrics agree with what the file system counted', async (t) => {
  const vfs = new MemoryVfs()
  const counting = countingVfs(vfs)
  const db = await openMemory({}, { vfs: counting })
  const table = await db.createTable(small)
  counting.reset()
  const before = db.metrics()
  for (let i = 0; i < 20; i++) await table.insert(rowsFrom(i * 10, 10), { durability: i % 4 === 0 ? 'sync' : 'write' })
  const written = db.metrics()
  // The marks that follow a sync are no batches: 56 bytes each.
  t.true(Math.abs(written.wal.writtenBytes - before.wal.writtenBytes - counting.traffic.wal.writtenBytes) <= 5 * 64)
  t.is(written.wal.syncCount - before.wal.syncCount, counting.traffic.wal.syncs)
  t.is(written.wal.syncCount - before.wal.syncCount, 5)
  t.is(written.writes.batches, 20)
  t.is(written.writes.rows, 200)
  await db.flush()
  const flushed = db.metrics()
  t.like(flushed.flush, { count: 1, failedCount: 0, rows: 200, bytesWritten: counting.traffic.sstable.writtenBytes })
  t.is(flushed.files.sstables, 1)
  t.is(flushed.files.sstableBytes, counting.traffic.sstable.writtenBytes)
  t.is(flushed.memory.writeBufferBytes, 0)
  t.is(
    flushed.wal.retainedBytes,
    [...vfs.snapshot()].filter(([path]) => path.endsWith('.wal')).reduce((sum, [, bytes]) => sum + bytes.length, 0),
  )
  t.is(flushed.wal.syncedOpId, flushed.wal.lastOpId)
  await table.update(rowsFrom(0, 50).map(({ id }) => ({ id, text: 'changed' })))
  await db.flush()
  const changed = db.metrics()
  const { wal, sstable, delta } = counting.traffic
  t.is(changed.files.deltas, 1)
  t.is(changed.files.deltaBytes, delta.writtenBytes)
  const logged = changed.wal.writtenBytes
  t.is(changed.amplification.write, (logged + sstable.writtenBytes + delta.writtenBytes) / logged)
  t.true(Math.abs(logged - before.wal.writtenBytes - wal.writtenBytes) <= 8 * 64)
  t.is(changed.amplification.readHeight, 1)
  const fileBytes = [...vfs.snapshot()]
    .filter(([path]) => /\.(wal|sst|delta)$/.test(path))
    .reduce((sum, [, bytes]) => sum + bytes.length, 0)
  t.is(changed.amplification.space, fileBytes / changed.files.sstableBytes)
  await db.compact()
  const compacted = db.metrics()
  t.is(compacted.compaction.count, 1)
  t.is(compacted.compaction.bytesRead, changed.files.sstableBytes + changed.files.deltaBytes)
  t.is(compacted.files.sstableBytes + compacted.files.deltaBytes, compacted.compaction.bytesWritten)
  await db.close()
})

test('write amplification counts what was ingested, and read height is that of the stats, through every kind of compaction', async (t) => {
  const vfs = new MemoryVfs()
  const counting = countingVfs(vfs)
  const db = await openMemory({ plugins: [['flush', { rowsetSize: '4KiB' }]] }, { vfs: counting })
  t.teardown(() => db.close())
  db.maintenance.pause()
  const table = await db.createTable(small)
  let ingestedBytes = 0
  const isTrue = () => {
    const { amplification, files, ingest } = db.metrics()
    const { wal, sstable, delta } = counting.traffic
    t.is(ingest.bytesWritten, ingestedBytes)
    const written = wal.writtenBytes + sstable.writtenBytes + delta.writtenBytes
    // The heads of segments, and the marks that follow a sync, are no batches.
    t.true(Math.abs(amplification.write / (written / (wal.writtenBytes + ingestedBytes)) - 1) < 0.01)
    t.is(amplification.readHeight, table.stats().tablets[0]?.height ?? -1)
    t.is(files.sstableBytes + files.deltaBytes, table.stats().diskBytes)
  }
  await table.insert(rowsFrom(0, 2000))
  await db.flush()
  isTrue()
  // Many changes in few rows: delta files lie elsewhere than base data.
  for (const [i, word] of ['one', 'two', 'three'].entries()) {
    await table.update(rowsFrom(100, 300).map(({ id }) => ({ id, text: `${word} ${'x'.repeat(id % 50)}` })))
    await table.insert(rowsFrom(5000 + i * 1000, 500))
    await db.flush()
    isTrue()
  }
  await table.upsert([...rowsFrom(-500, 600), ...rowsFrom(4000, 10)])
  await db.flush()
  isTrue()
  t.true(db.metrics().amplification.readHeight > 1.1)
  await db.compact(table, { kind: 'minor-delta' })
  isTrue()
  await vfs.makeDirectory('/in')
  const { sizeBytes } = await writeSSTable('/in/a.sst', small, rowsFrom(50_000, 3000), { vfs })
  await table.ingest('/in/a.sst')
  ingestedBytes = db.metrics().ingest.bytesWritten
  t.true(Math.abs(ingestedBytes - sizeBytes) < 64)
  t.like(db.metrics().ingest, { count: 1, rows: 3000 })
  isTrue()
  for (const kind of ['major-delta', 'merging', 'full'] as const) {
    await db.compact(table, { kind })
    isTrue()
  }
})

test('rowsets of one key each count as high as they lie over each other', async (t) => {
  const db = await openMemory()
  t.teardown(() => db.close())
  db.maintenance.pause()
  const table = await db.createTable(small)
  for (const id of [1, 2]) {
    await table.insert(rowsFrom(id, 1))
    await db.flush()
  }
  t.is(db.metrics().amplification.readHeight, 1)
})

test("durability: 'sync' waits for a sync, 'write' for none, 'interval' has one follow within the interval", async (t) => {
  const { SimulatedClock } = await import('../../src/testing/index.ts')
  const clock = new SimulatedClock()
  const vfs = new MemoryVfs()
  const counting = countingVfs(vfs)
  const db = await openMemory({ wal: { syncIntervalMs: 50 } }, { vfs: counting, clock })
  const table = await db.createTable(small)
  counting.reset()
  await table.insert(rowsFrom(0))
  t.is(counting.traffic.wal.syncs, 0)
  await table.insert(rowsFrom(1), { durability: 'sync' })
  t.is(counting.traffic.wal.syncs, 1)
  for (let i = 2; i < 10; i++) await table.insert(rowsFrom(i), { durability: 'interval' })
  await clock.advance(49)
  t.is(counting.traffic.wal.syncs, 1)
  await clock.advance(1)
  await turns(2)
  t.is(counting.traffic.wal.syncs, 2)
  t.is(db.metrics().wal.syncedOpId, db.metrics().wal.lastOpId)
  await table.insert(rowsFrom(10))
  await db.sync()
  t.is(counting.traffic.wal.syncs, 3)
  await db.close()
})

test('sync inserts that wait together share syncs', async (t) => {
  const counting = countingVfs(new MemoryVfs())
  const db = await openMemory({ durability: 'sync' }, { vfs: counting })
  const table = await db.createTable(small)
  counting.reset()
  await Promise.all(Array.from({ length: 100 }, (_, i) => table.insert(rowsFrom(i))))
  t.true(counting.traffic.wal.syncs < 20, `${counting.traffic.wal.syncs} syncs`)
  t.is(db.metrics().wal.syncedOpId, db.metrics().wal.lastOpId)
  await db.close()
})
