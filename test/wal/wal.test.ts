import test from 'ava'
import { SeededRandom } from '../../src/base/seeded-random.ts'
import { GuardedEventBus } from '../../src/events/event-bus.ts'
import { MemoryVfs } from '../../src/vfs/memory-vfs.ts'
import { asynchronous, directory, openWal, place, put, recover, rows, upTo } from './log-kit.ts'

const lastPath = '/db/000001.wal'
const sizeOf = async (vfs: MemoryVfs, path = lastPath) => (await vfs.stat(path))?.sizeBytes as number

test('batches come back as they were written, in order, sections and all', async (t) => {
  const vfs = new MemoryVfs()
  const wal = await openWal(vfs)
  wal.begin(1, 77)
  wal.section('insert', place, rows(0, 5))
  wal.section('insert', { target: 'disk', schemaVersion: 1, tableId: 2, tablet: 3, columnIds: [4, 9] }, rows(50, 1))
  wal.end()
  wal.begin(5, 78)
  wal.section('insert', { ...place, generation: 2 ** 40 }, rows(100, 0))
  wal.end()
  await wal.commit()
  t.is(wal.lastOpId, 5)
  const seen: unknown[] = []
  const { ops, lastOpId, lastTimestamp } = await recover(vfs, {
    onBatch: ({ opId, timestamp, sections, path, offset }) => {
      seen.push([opId, timestamp, path, offset % 8, sections.map(({ rows: block, ...rest }) => ({ ...rest, rowCount: block.rowCount }))])
    },
  })
  t.deepEqual(seen, [
    [
      1,
      77,
      lastPath,
      0,
      [
        { kind: 'insert', ...place, rowCount: 5 },
        { kind: 'insert', target: 'disk', tableId: 2, tablet: 3, schemaVersion: 1, columnIds: [4, 9], rowCount: 1 },
      ],
    ],
    [5, 78, lastPath, 0, [{ kind: 'insert', ...place, generation: 2 ** 40, rowCount: 0 }]],
  ])
  t.deepEqual([ops, lastOpId, lastTimestamp], [[], 5, 78])
})

test('one commit is one write, however many batches wait', async (t) => {
  const appends: number[] = []
  const vfs = new MemoryVfs({ onCall: (call) => call.op === 'append' && appends.push(1) })
  const wal = await openWal(vfs)
  appends.length = 0
  for (const opId of upTo(20)) {
    wal.begin(opId, opId)
    wal.section('insert', place, rows(opId))
    wal.end()
  }
  t.true(wal.pendingBytes > 0)
  t.is(wal.commit(), undefined, 'a quick write needs no promise')
  t.deepEqual([appends.length, wal.pendingBytes, wal.lastOpId], [1, 0, 20])
})

test('a large batch is written in parts and comes back whole, its columns aligned', async (t) => {
  const vfs = new MemoryVfs()
  const wal = await openWal(vfs, { fragmentBytes: 64 })
  await put(wal, 1, rows(0, 1))
  await put(wal, 2, rows(1000, 500))
  await put(wal, 3, rows(5000, 2))
  const { keys } = await recover(vfs)
  t.deepEqual(keys, [0, ...(rows(1000, 500).columns[0]?.form === 'fixed' ? upTo(500).map((i) => i + 999) : []), 5000, 5001])
})

test('a large batch torn at any byte is gone as a whole', async (t) => {
  const vfs = new MemoryVfs()
  const wal = await openWal(vfs, { fragmentBytes: 64 })
  await put(wal, 1)
  const before = await sizeOf(vfs)
  await put(wal, 2, rows(200, 40))
  const whole = await sizeOf(vfs)
  for (let size = before; size < whole; size += 7) {
    const copy = vfs.clone()
    copy.truncateTo(lastPath, size)
    const { ops, cut } = await recover(copy)
    t.deepEqual(ops, [1], `cut to ${size}`)
    if (size > before) t.is(cut?.offset, before)
    t.is(await sizeOf(copy), before)
  }
})

test('sync makes durable what was committed; callers share syncs', async (t) => {
  const syncs: number[] = []
  const vfs = new MemoryVfs({ onCall: (call) => call.op === 'sync' && syncs.push(1) })
  const wal = await openWal(vfs)
  syncs.length = 0
  for (const opId of upTo(10)) await put(wal, opId)
  t.is(wal.syncedOpId, 0)
  await Promise.all([wal.sync(), wal.sync(), wal.syncThrough(3), wal.sync()])
  t.deepEqual([syncs.length, wal.syncedOpId], [1, 10])
  await wal.syncThrough(10)
  await wal.sync()
  t.is(syncs.length, 1, 'nothing new needs no sync')
})

test('a batch committed while a sync runs is not taken for synced', async (t) => {
  const vfs = new MemoryVfs()
  const wal = await openWal(vfs)
  await put(wal, 1)
  const first = wal.sync()
  await put(wal, 2)
  const second = wal.sync()
  await first
  t.is(wal.syncedOpId, 1)
  await second
  t.is(wal.syncedOpId, 2)
  for (let seed = 0; seed < 20; seed++)
    t.deepEqual((await recover(vfs.clone().crash({ mode: 'power', random: new SeededRandom(seed) }))).ops, [1, 2])
})

test('a full disk rejects the batch, cuts it off, and takes the next', async (t) => {
  for (const policy of [undefined, asynchronous()]) {
    const vfs = new MemoryVfs()
    const wal = await openWal(vfs, policy && { policy })
    await put(wal, 1)
    const size = await sizeOf(vfs)
    const fault = vfs.inject({ op: 'append', error: 'ENOSPC', share: 0.5 })
    const error = await t.throwsAsync(put(wal, 2), { code: 'DISK_FULL' })
    t.true((error as unknown as { retryable: boolean }).retryable)
    t.deepEqual([await sizeOf(vfs), wal.lastOpId, wal.pendingBytes], [size, 1, 0])
    fault[Symbol.dispose]()
    await put(wal, 2, rows(7000))
    const { keys } = await recover(vfs)
    t.deepEqual(keys, [100, 101, 102, 7000, 7001, 7002])
  }
})

test('a batch rejected for a full disk never comes back, not even after a power cut', async (t) => {
  const vfs = new MemoryVfs()
  const wal = await openWal(vfs)
  await put(wal, 1)
  await wal.sync()
  // The whole batch reaches the file before the error does.
  const fault = vfs.inject({ op: 'append', error: 'ENOSPC', share: 1 })
  await t.throwsAsync(put(wal, 2), { code: 'DISK_FULL' })
  fault[Symbol.dispose]()
  for (let seed = 0; seed < 200; seed++) {
    const { ops } = await recover(vfs.clone().crash({ mode: 'power', random: new SeededRandom(seed) }))
    t.deepEqual(ops, [1], `seed ${seed}`)
  }
})

test('an error of the disk, a failed sync and a failed cut stop writes for good; what was written stays', async (t) => {
  const faults = {
    EIO: (vfs: MemoryVfs) => vfs.inject({ op: 'append', error: 'EIO', times: 1, nth: 1 }),
    sync: (vfs: MemoryVfs) => vfs.inject({ op: 'sync', error: 'EIO', times: 1, nth: 1 }),
    cut: (vfs: MemoryVfs) => {
      vfs.inject({ op: 'append', error: 'ENOSPC', share: 0.5, times: 1, nth: 1 })
      vfs.inject({ op: 'truncate', error: 'EIO' })
    },
  }
  for (const [name, inject] of Object.entries(faults)) {
    const vfs = new MemoryVfs()
    const wal = await openWal(vfs)
    await put(wal, 1)
    inject(vfs)
    await t.throwsAsync(name === 'sync' ? wal.sync() : put(wal, 2), { code: 'WRITES_STOPPED' }, name)
    vfs.clearFaults()
    await t.throwsAsync(put(wal, 3), { code: 'WRITES_STOPPED' }, name)
    await t.throwsAsync(wal.sync(), { code: 'WRITES_STOPPED' }, name)
    await wal.close()
    t.deepEqual((await recover(vfs)).ops, [1], name)
  }
})

test('a full segment is synced before the next has a record, and the chain is read through', async (t) => {
  const events = new GuardedEventBus()
  const created: number[] = []
  events.on('wal:created', ({ fileNumber }) => created.push(fileNumber))
  const vfs = new MemoryVfs()
  const wal = await openWal(vfs, { segmentBytes: 1000, events })
  for (const opId of upTo(60)) {
    await put(wal, opId)
    if (opId % 3 === 0) await new Promise(setImmediate)
    const [before, live] = wal.segments.slice(-2)
    if (live && live.lastOpId >= live.firstOpId) t.true(wal.syncedOpId >= (before?.lastOpId ?? 0))
  }
  t.true(created.length >= 4)
  t.true(wal.segments.every(({ sizeBytes }) => sizeBytes < 2500))
  const { ops, segments } = await recover(vfs.crash({ mode: 'power', random: new SeededRandom(1) }))
  t.deepEqual(ops, upTo(ops.length))
  t.deepEqual(
    segments.slice(0, 2).map(({ fileNumber, lastOpId }) => ({ fileNumber, lastOpId })),
    wal.segments.slice(0, 2).map(({ fileNumber, lastOpId }) => ({ fileNumber, lastOpId })),
  )
})

test('a writer that never lets the event loop through does not grow a segment past twice its size', async (t) => {
  const vfs = new MemoryVfs()
  const wal = await openWal(vfs, { segmentBytes: 2000 })
  let waits = 0
  for (const opId of upTo(200)) {
    wal.begin(opId, opId)
    wal.section('insert', place, rows(opId))
    wal.end()
    const pending = wal.commit()
    if (pending) {
      waits++
      await pending
    }
  }
  t.true(waits > 0)
  t.true(
    wal.segments.every(({ sizeBytes }) => sizeBytes <= 4400),
    wal.segments.map((s) => s.sizeBytes).join(),
  )
  t.deepEqual((await recover(vfs)).ops, upTo(200))
})

test('a segment that cannot be made is made later; writing goes on', async (t) => {
  const events = new GuardedEventBus()
  const errors: unknown[] = []
  events.on('background-error', ({ error }) => errors.push(error))
  const vfs = new MemoryVfs()
  const wal = await openWal(vfs, { segmentBytes: 1000, events })
  const fault = vfs.inject({ op: 'create', error: 'ENOSPC' })
  for (const opId of upTo(20)) await put(wal, opId)
  t.true(errors.length > 0)
  t.is(wal.segments.length, 1)
  fault[Symbol.dispose]()
  for (let opId = 21; opId <= 40; opId++) {
    await put(wal, opId)
    await new Promise(setImmediate)
  }
  t.true(wal.segments.length > 1)
  t.deepEqual((await recover(vfs)).ops, upTo(40))
})

test('roll begins a new segment, so that the old one can go; an empty one is not rolled', async (t) => {
  const vfs = new MemoryVfs()
  const wal = await openWal(vfs)
  await wal.roll()
  t.is(wal.segments.length, 1)
  await put(wal, 1)
  await wal.roll()
  t.deepEqual(
    wal.segments.map(({ firstOpId, lastOpId }) => [firstOpId, lastOpId]),
    [
      [1, 1],
      [2, 1],
    ],
  )
  await put(wal, 2)
  t.deepEqual((await recover(vfs)).ops, [1, 2])
})

test('segments before a position are let go, oldest first, never the live one', async (t) => {
  const vfs = new MemoryVfs()
  const wal = await openWal(vfs)
  for (const opId of upTo(4)) {
    await put(wal, opId)
    await wal.roll()
  }
  const segmentOf = (opId: number) => wal.positionOf(opId).segment
  t.deepEqual([1, 2, 3, 4, 5, 99].map(segmentOf), [1, 2, 3, 4, 5, 5])
  t.deepEqual(wal.positionOf(3), { opId: 3, segment: 3 })
  const sizes = wal.segments.map(({ sizeBytes }) => sizeBytes)
  t.is(
    wal.retainedBytes,
    sizes.reduce((a, b) => a + b),
  )
  t.deepEqual(
    [0, 1, 3].map((opId) => wal.bytesRetainedBy(opId)),
    [0, sizes[0], (sizes[0] as number) + (sizes[1] as number) + (sizes[2] as number)],
  )
  t.deepEqual(
    wal.takeObsolete(wal.positionOf(3)).map(({ fileNumber, path }) => [fileNumber, path]),
    [
      [1, '/db/000001.wal'],
      [2, '/db/000002.wal'],
    ],
  )
  t.deepEqual(wal.takeObsolete({ opId: 1, segment: 1 }), [])
  t.is(wal.bytesRetainedBy(99), (sizes[2] as number) + (sizes[3] as number))
  for (const name of ['000001.wal', '000002.wal']) await vfs.remove(`${directory}/${name}`)
  t.deepEqual((await recover(vfs)).ops, [3, 4])
})

test('a batch that was abandoned is not written', async (t) => {
  const vfs = new MemoryVfs()
  const wal = await openWal(vfs)
  wal.begin(1, 1)
  wal.section('insert', place, rows(1))
  wal.abandon()
  t.is(wal.commit(), undefined)
  await put(wal, 1, rows(500, 1))
  t.deepEqual((await recover(vfs)).keys, [500])
})

test('op ids must rise, and one commit must end before the next batch begins', async (t) => {
  const wal = await openWal(new MemoryVfs(), { policy: asynchronous() })
  await put(wal, 3)
  t.throws(() => wal.begin(3, 1), { message: /after batch 3/ })
  wal.begin(4, 1)
  wal.end()
  const commit = wal.commit()
  t.throws(() => wal.begin(5, 1), { message: /commit was pending/ })
  await commit
  t.notThrows(() => wal.begin(5, 1))
})

test('after close nothing is written', async (t) => {
  const wal = await openWal(new MemoryVfs())
  await put(wal, 1)
  await wal.close()
  await wal.close()
  t.is(wal.syncedOpId, 1)
  await t.throwsAsync(put(wal, 2), { code: 'DATABASE_CLOSED' })
})
