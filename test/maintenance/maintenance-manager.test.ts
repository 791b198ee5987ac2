import test from 'ava'
import type { SchedulingPolicy } from '../../src/maintenance/scheduling-policy.ts'
import { FakeOp, noPool } from '../support/fake-ops.ts'
import { MiB, setUp, work } from '../support/managed.ts'

test('an op that is worth it runs at once when it says so, and not before start', async (t) => {
  const { clock, manager, register } = setUp()
  const op = new FakeOp('Compact(a)', work)
  register(op)
  await clock.advance(1000)
  t.is(op.performedCount, 0)
  t.is(manager.status().state, 'created')
  manager.start()
  await clock.advance(0)
  t.is(op.performedCount, 1)
  op.finish()
  await clock.advance(0)
  op.change(work)
  await clock.advance(0)
  t.is(op.performedCount, 2, 'no wait for the next interval')
})

test('a policy may say no more than an op and a reason; nothing is told of scores then', async (t) => {
  const choose: SchedulingPolicy['choose'] = ([first]) => (first ? { op: first.op, reason: 'first come' } : { reason: 'none' })
  const { clock, events, manager, register } = setUp({ policy: { name: 'terse', choose }, pool: { run: noPool.run } })
  const op = new FakeOp('Compact(a)', work)
  register(op)
  manager.start()
  await clock.advance(0)
  t.is(op.performedCount, 1)
  t.deepEqual(events.of('op:decision'), [{ op: 'Compact(a)', reason: 'first come', candidates: [] }])
  manager.pause()
  op.finish()
  await clock.advance(0)
  op.change(work)
  await clock.advance(0)
  const [told] = manager.explain().candidates
  t.like(told, { op: 'Compact(a)', score: undefined, chosen: true })
  t.deepEqual(events.of('background-error'), [])
})

test('an op that has not changed is never asked again', async (t) => {
  const { clock, manager, register } = setUp()
  const op = new FakeOp('Idle')
  register(op)
  manager.start()
  await clock.advance(60_000)
  t.is(op.askedCount, 1)
})

test('many calls of changed() are one poll and one question', async (t) => {
  const { clock, manager, register } = setUp()
  const ops = Array.from({ length: 100 }, (_, index) => new FakeOp(`Idle(${index})`))
  register(...ops)
  manager.start()
  await clock.advance(0)
  for (let round = 0; round < 50; round++) for (const op of ops) op.registration?.changed()
  t.is(clock.pending, 1)
  await clock.advance(0)
  t.true(ops.every((op) => op.askedCount === 2))
})

test('an op asked to wait by askAgainInMs is asked again then, though nothing changed', async (t) => {
  const { clock, manager, register } = setUp()
  const op = new FakeOp('Flush(old)', { askAgainInMs: 120_000 }, { kind: 'flush' })
  register(op)
  manager.start()
  await clock.advance(119_000)
  t.is(op.askedCount, 1)
  op.stats = work
  await clock.advance(1_250)
  t.is(op.performedCount, 1)
})

test('upkeep runs when it is due, also after the wall clock stepped', async (t) => {
  const { clock, manager, register } = setUp()
  const dueAtMs = clock.nowMs() + 3_600_000
  const op = new FakeOp('Nightly', { runnable: true, dueAtMs }, { kind: 'upkeep' })
  register(op)
  manager.start()
  await clock.advance(600_000)
  t.is(op.performedCount, 0)
  clock.stepWallClock(3_000_000)
  await clock.advance(60_250)
  t.is(op.performedCount, 1)
})

test('one thread is kept for flushes', async (t) => {
  const { clock, manager, register } = setUp({ threads: 3 })
  const compactions = [0, 1, 2, 3].map((index) => new FakeOp(`Compact(${index})`, work))
  register(...compactions)
  manager.start()
  await clock.advance(1000)
  t.is(compactions.filter((op) => op.performedCount === 1).length, 2)
  t.true(manager.explain().candidates.some((each) => /kept for flushes/.test(each.why)))
  const flush = new FakeOp('Flush(a)', work, { kind: 'flush' })
  register(flush)
  await clock.advance(0)
  t.is(flush.performedCount, 1)
})

test('with one thread a compaction is stopped for a flush when memory is short, and comes again', async (t) => {
  const { clock, events, memory, buffers, manager, register } = setUp({ threads: 1 })
  const compaction = new FakeOp('Compact(a)', work)
  const flush = new FakeOp('Flush(a)', {}, { kind: 'flush' })
  register(compaction, flush)
  manager.start()
  await clock.advance(0)
  flush.change({ runnable: true, ramAnchoredBytes: 60 * MiB })
  await clock.advance(1000)
  t.false(compaction.runs[0]?.signal.aborted, 'memory is not short yet')
  buffers.usedBytes = 61 * MiB
  memory.changed()
  await clock.advance(0)
  t.is(compaction.runs.length, 0)
  await clock.advance(0)
  t.is(flush.runs.length, 1)
  t.is(events.of('op:end')[0]?.error?.message.includes('make room for Flush(a)'), true)
  t.deepEqual(events.of('background-error'), [], 'being stopped is no failure')
  buffers.usedBytes = 0
  memory.changed()
  flush.finish()
  await clock.advance(250)
  t.is(compaction.performedCount, 2)
})

test('what runNow began is stopped for a flush too, is begun again after it, and its caller waits', async (t) => {
  const { clock, memory, buffers, manager, register } = setUp({ threads: 1 })
  const compaction = new FakeOp('Compact(a)')
  const flush = new FakeOp('Flush(a)', { runnable: true, ramAnchoredBytes: 60 * MiB }, { kind: 'flush' })
  register(compaction)
  manager.start()
  await clock.advance(0)
  let done = false
  const asked = manager.runNow(compaction).then(() => {
    done = true
  })
  register(flush)
  buffers.usedBytes = 61 * MiB
  memory.changed()
  await clock.advance(10)
  t.is(flush.runs.length, 1)
  t.is(compaction.runs.length, 0)
  flush.finish()
  buffers.usedBytes = 0
  memory.changed()
  await clock.advance(10)
  t.is(compaction.runs.length, 1)
  t.false(done)
  compaction.finish()
  await asked
})

test('an op runs one instance at a time unless it allows more', async (t) => {
  const { clock, manager, register } = setUp({ threads: 4 })
  const single = new FakeOp('Single', work, { kind: 'flush' })
  const double = new FakeOp('Double', work, { kind: 'flush', maxInstances: 2 })
  register(single, double)
  manager.start()
  await clock.advance(1000)
  single.registration?.changed()
  double.registration?.changed()
  await clock.advance(1000)
  t.deepEqual([single.runs.length, double.runs.length], [1, 2])
})

test('pause begins nothing further, resume goes on', async (t) => {
  const { clock, manager, register } = setUp()
  const op = new FakeOp('Op', work)
  manager.start()
  manager.pause()
  register(op)
  await clock.advance(1000)
  t.is(op.performedCount, 0)
  t.is(manager.status().state, 'paused')
  t.regex(manager.explain().candidates[0]?.why ?? '', /paused/)
  manager.resume()
  await clock.advance(0)
  t.is(op.performedCount, 1)
})
