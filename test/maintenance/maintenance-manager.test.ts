import test from 'ava'
import { ThresholdPolicy } from '../../plugins/threshold-policy/threshold-policy.ts'
import { VarveError } from '../../src/base/errors.ts'
import { MaintenanceManager } from '../../src/maintenance/maintenance-manager.ts'
import type { MaintenanceManagerOptions } from '../../src/maintenance/maintenance-options.ts'
import type { SchedulingPolicy } from '../../src/maintenance/scheduling-policy.ts'
import { SharedMemoryBudget } from '../../src/maintenance/shared-memory-budget.ts'
import { SimulatedClock } from '../../src/testing/simulated-clock.ts'
import { FakeOp, noPool, RecordingEvents } from '../support/fake-ops.ts'

const MiB = 2 ** 20
const work = { runnable: true, perfImprovement: 1 }

function setUp(o: Partial<MaintenanceManagerOptions> = {}) {
  const clock = new SimulatedClock()
  const events = new RecordingEvents()
  const memory = new SharedMemoryBudget({ limitBytes: 100 * MiB, events })
  const buffers = { name: 'buffers', kind: 'write-buffer' as const, usedBytes: 0 }
  memory.register(buffers)
  const manager = new MaintenanceManager({
    clock,
    events,
    memory,
    policy: new ThresholdPolicy(),
    pool: noPool,
    threads: 2,
    pollIntervalMs: 250,
    retryGraceMs: 10_000,
    historyCount: 8,
    ...o,
  })
  const register = (...ops: FakeOp[]) => ops.map((op) => manager.register(op))
  return { clock, events, memory, buffers, manager, register }
}

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

test('a failed op is reported and not tried before its grace is over; others go on at once', async (t) => {
  const { clock, events, manager, register } = setUp()
  const bad = new FakeOp('Compact(bad)', { runnable: true, perfImprovement: 5 })
  const good = new FakeOp('Compact(good)', work)
  register(bad, good)
  manager.start()
  await clock.advance(0)
  t.is(bad.performedCount, 1)
  t.is(good.performedCount, 0)
  bad.fail('disk on fire')
  await clock.advance(0)
  t.is(good.performedCount, 1)
  t.like(events.of('op:end')[0], { op: 'Compact(bad)', error: { message: 'disk on fire' } })
  t.like(events.of('background-error'), [{ error: { message: 'disk on fire' }, context: { op: 'Compact(bad)' } }])
  t.like(manager.status().failing, [{ op: 'Compact(bad)', retryInMs: 10_000 }])
  t.regex(manager.explain().candidates.find((each) => each.op === 'Compact(bad)')?.why ?? '', /disk on fire.*10000 ms/)
  good.finish()
  bad.registration?.changed()
  await clock.advance(9_999)
  t.is(bad.performedCount, 1)
  await clock.advance(251)
  t.is(bad.performedCount, 2)
  bad.finish()
  await clock.advance(0)
  t.deepEqual(manager.status().failing, [])
})

test('updateStats or prepare that throw, and figures that are no numbers, are reported and harm nobody', async (t) => {
  const { clock, events, manager, register } = setUp({ threads: 4 })
  const throwing = () => {
    throw new Error('defect')
  }
  const asks = new FakeOp('Asks')
  asks.onUpdateStats = throwing
  const prepares = new FakeOp('Prepares', work)
  prepares.onPrepare = throwing
  const nan = new FakeOp('NaN', { runnable: true, perfImprovement: Number.NaN })
  const good = new FakeOp('Good', work)
  register(asks, prepares, nan, good)
  manager.start()
  await clock.advance(5_000)
  t.is(good.performedCount, 1)
  t.deepEqual([asks.askedCount, prepares.preparedCount, nan.askedCount], [1, 1, 1])
  const errors = events.of('background-error')
  t.deepEqual(errors.map(({ context }) => `${String(context['op'])} ${String(context['step'])}`).sort(), [
    'Asks updateStats',
    'NaN updateStats',
    'Prepares prepare',
  ])
  t.true(errors.some(({ error }) => /perfImprovement NaN/.test(error.message)))
  await clock.advance(6_000)
  t.deepEqual([asks.askedCount, prepares.preparedCount, nan.askedCount], [2, 2, 2])
})

test('an op that has nothing to do after all is not prepared over and over', async (t) => {
  const { clock, manager, register } = setUp()
  const op = new FakeOp('Empty', work)
  op.prepared = false
  const other = new FakeOp('Other', { runnable: true, perfImprovement: 0.5 })
  register(op, other)
  manager.start()
  await clock.advance(0)
  t.is(op.preparedCount, 1)
  t.is(other.performedCount, 1, 'the next best has its turn in the same poll')
  await clock.advance(1000)
  t.true(op.preparedCount <= 5)
  t.is(op.performedCount, 0)
})

test('a policy that throws, or chooses what is no candidate, is reported once a grace, and nothing is begun', async (t) => {
  const stranger = new FakeOp('Stranger', work)
  const choices: SchedulingPolicy['choose'][] = [
    () => {
      throw new Error('no idea')
    },
    () => ({ op: stranger, reason: 'why not', scores: new Map() }),
  ]
  for (const choose of choices) {
    const { clock, events, manager, register } = setUp({ policy: { name: 'broken', choose } })
    const op = new FakeOp('Op', work)
    register(op)
    manager.start()
    await clock.advance(9_000)
    t.is(op.performedCount + stranger.performedCount, 0)
    t.is(events.of('background-error').length, 1)
    t.regex(manager.explain().reason, /no idea|why not/)
    await clock.advance(2_000)
    t.is(events.of('background-error').length, 2)
  }
})

test('runNow runs at once, beyond the threads, paused or idle, and rejects with what the op failed with', async (t) => {
  const { clock, events, manager, register } = setUp({ threads: 1 })
  const busy = new FakeOp('Busy', work)
  const op = new FakeOp('Flush(a)', {}, { kind: 'flush' })
  register(busy, op)
  manager.start()
  await clock.advance(0)
  manager.pause()
  const first = manager.runNow(op)
  t.is(op.runs.length, 1, 'in the same tick')
  op.finish()
  await first
  const second = manager.runNow(op)
  op.fail('no room')
  await t.throwsAsync(second, { message: 'no room' })
  t.deepEqual(events.of('background-error'), [], 'its caller was told')
  op.onPrepare = () => {
    throw new Error('not now')
  }
  await t.throwsAsync(manager.runNow(op), { message: 'not now' })
  op.onPrepare = undefined
  op.prepared = false
  await t.notThrowsAsync(manager.runNow(op), 'nothing to do is fine')
  await t.throwsAsync(manager.runNow(new FakeOp('Unknown')), { instanceOf: TypeError, message: /not registered/ })
})

test('runNow of an op that runs waits and runs it again, once for all who asked meanwhile', async (t) => {
  const { clock, manager, register } = setUp()
  const op = new FakeOp('Flush(a)', work, { kind: 'flush' })
  register(op)
  manager.start()
  await clock.advance(0)
  let doneCount = 0
  const asked = [0, 1, 2].map(() => manager.runNow(op).then(() => doneCount++))
  await clock.advance(0)
  t.deepEqual([op.runs.length, op.performedCount, doneCount], [1, 1, 0])
  op.finish()
  await clock.advance(0)
  t.deepEqual([op.runs.length, op.performedCount, doneCount], [1, 2, 0])
  op.finish()
  await Promise.all(asked)
  t.is(op.performedCount, 2)
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

test('unregister waits for the running instance, begins no other, and frees the name', async (t) => {
  const { clock, manager, register } = setUp()
  const op = new FakeOp('Op', work)
  const [registration] = register(op)
  manager.start()
  await clock.advance(0)
  const waiting = manager.runNow(op)
  let gone = false
  const unregistered = registration?.unregister().then(() => {
    gone = true
  })
  await t.throwsAsync(waiting, { code: 'ABORTED', message: /unregistered/ })
  registration?.changed()
  await clock.advance(1000)
  t.false(gone)
  t.throws(() => manager.register(new FakeOp('Op')), { instanceOf: TypeError, message: /registered already/ })
  op.finish(work)
  await unregistered
  await registration?.unregister()
  await clock.advance(1000)
  t.is(op.performedCount, 1)
  t.is(manager.status().opCount, 0)
  t.notThrows(() => manager.register(new FakeOp('Op')))
})

test('an op that is being unregistered begins no further instance, though it allows more and a thread is free', async (t) => {
  const { clock, manager, register } = setUp({ threads: 4 })
  const op = new FakeOp('Op', work, { kind: 'flush', maxInstances: 3 })
  const [registration] = register(op)
  manager.start()
  await clock.advance(0)
  const runningCount = op.runs.length
  const unregistered = registration?.unregister()
  registration?.changed()
  await clock.advance(1000)
  t.is(op.runs.length, runningCount)
  await t.throwsAsync(manager.runNow(op), { message: /not registered/ })
  while (op.runs.length > 0) {
    op.finish(work)
    await clock.advance(0)
  }
  await unregistered
  t.is(op.performedCount, runningCount)
})

test('shutdown tells runs to stop, waits for them, and begins nothing more', async (t) => {
  const { clock, manager, register } = setUp()
  const op = new FakeOp('Op', work)
  register(op)
  manager.start()
  await clock.advance(0)
  op.heedsSignal = false
  const stopped = manager.shutdown()
  const again = manager.shutdown()
  await clock.advance(100)
  t.true(op.runs[0]?.signal.aborted)
  t.is(manager.status().state, 'stopped')
  op.finish(work)
  await Promise.all([stopped, again])
  await clock.advance(10_000)
  t.is(op.performedCount, 1)
  t.is(clock.pending, 0, 'no timer is left')
  t.throws(() => manager.register(new FakeOp('Late')), { instanceOf: VarveError, code: 'DATABASE_CLOSED' })
  t.throws(() => manager.start(), { code: 'DATABASE_CLOSED' })
  await t.throwsAsync(manager.runNow(op), { code: 'DATABASE_CLOSED' })
})

test('shutdown is bounded in time: an op that does not heed is reported, and its caller let go', async (t) => {
  const { clock, events, manager, register } = setUp({ shutdownTimeoutMs: 300 })
  const op = new FakeOp('Deaf')
  const [registration] = register(op)
  op.heedsSignal = false
  const asked = manager.runNow(op)
  asked.catch(() => {})
  const stopped = manager.shutdown()
  await clock.advance(300)
  await stopped
  await t.throwsAsync(asked, { code: 'ABORTED', message: /Deaf .* after 300 ms/ })
  t.is(events.of('background-error').length, 1)
  await registration?.unregister()
})

test('each run has one op:begin and one op:end, and decisions say why with figures', async (t) => {
  const { clock, events, manager, register } = setUp()
  const op = new FakeOp('Op', { runnable: true, perfImprovement: 0.25, workloadScore: 0.5 }, { priority: 1 })
  register(op)
  manager.start()
  await clock.advance(0)
  await clock.advance(40)
  op.finish()
  await clock.advance(5_000)
  const [begin] = events.of('op:begin')
  t.like(begin, { op: 'Op', kind: 'compaction', jobId: 1 })
  t.deepEqual(events.of('op:end'), [{ op: 'Op', kind: 'compaction', jobId: 1, reason: begin?.reason ?? '', durationMs: 40 }])
  const decisions = events.of('op:decision')
  t.is(decisions.length, 1)
  t.regex(decisions[0]?.reason ?? '', /0\.825.*0\.25.*0\.5.*priority 1/)
  t.deepEqual(
    decisions[0]?.candidates.map(({ op }) => op),
    ['Op'],
  )
  t.like(manager.status().runs, [{ op: 'Op', durationMs: 40, cancelled: false }])
})

test('an op that throws out of perform instead of rejecting has failed like any other', async (t) => {
  const { clock, events, manager, register } = setUp()
  const op = new FakeOp('Op', work)
  op.perform = () => {
    op.performedCount++
    throw new Error('not even a promise')
  }
  register(op)
  manager.start()
  await clock.advance(5_000)
  t.is(op.performedCount, 1)
  t.like(events.of('background-error'), [{ error: { message: 'not even a promise' } }])
})

test('history keeps the last runs and decisions only', async (t) => {
  const { clock, manager, register } = setUp({ historyCount: 3 })
  const op = new FakeOp('Op', work)
  register(op)
  manager.start()
  for (let round = 0; round < 10; round++) {
    await clock.advance(10)
    op.finish(work)
  }
  await clock.advance(0)
  t.deepEqual(
    manager.status().runs.map((run) => run.jobId),
    [8, 9, 10],
  )
  t.is(manager.status().decisions.length, 3)
})

test('a policy sees estimates corrected by what runs of the same kind of op took', async (t) => {
  const { clock, manager, register } = setUp()
  const op = new FakeOp('Flush(a)', { ...work, cpuMs: 100 }, { kind: 'flush' })
  const sibling = new FakeOp('Flush(b)', {}, { kind: 'flush' })
  register(op, sibling)
  manager.start()
  await clock.advance(0)
  await clock.advance(400)
  op.finish()
  await clock.advance(0)
  sibling.change({ ...work, cpuMs: 50 })
  await clock.advance(0)
  sibling.finish()
  await clock.advance(0)
  t.deepEqual(
    manager.status().runs.map((run) => run.expectedMs),
    [100, 200],
  )
})

test('ops whose fields are wrong, and options that are, are refused with what to do', (t) => {
  const { manager } = setUp()
  t.throws(() => manager.register(new FakeOp('')), { instanceOf: TypeError, message: /needs a name/ })
  t.throws(() => manager.register(new FakeOp('P', {}, { priority: 9 })), { instanceOf: TypeError, message: /between −5 and 5/ })
  t.throws(() => manager.register(new FakeOp('M', {}, { maxInstances: 0 })), { instanceOf: TypeError, message: /maxInstances/ })
  t.throws(() => manager.register(new FakeOp('K', {}, { kind: 'party' as never })), { instanceOf: TypeError, message: /flush, compaction/ })
  t.throws(() => setUp({ threads: 0 }), { instanceOf: TypeError, message: /maintenance\.threads/ })
  t.throws(() => setUp({ pollIntervalMs: Number.NaN }), { instanceOf: TypeError, message: /pollIntervalMs/ })
  const shy = new FakeOp('Shy')
  shy.registered = () => {
    throw new Error('no thanks')
  }
  t.throws(() => manager.register(shy), { message: 'no thanks' })
  t.is(manager.status().opCount, 0)
})

test('polling 100,000 idle ops asks none of them, and a decision over 10,000 asks and weighs each once', async (t) => {
  const { clock, manager, register } = setUp({ threads: 1 })
  const idle = Array.from({ length: 100_000 }, (_, index) => new FakeOp(`Idle(${index})`))
  register(...idle)
  manager.start()
  await clock.advance(1)
  t.is(
    idle.reduce((sum, op) => sum + op.askedCount, 0),
    100_000,
  )
  // Counts, not times: what a shared machine measures proves nothing.
  const asksBefore = idle.reduce((sum, op) => sum + op.askedCount, 0)
  await clock.advance(25_000)
  t.is(
    idle.reduce((sum, op) => sum + op.askedCount, 0),
    asksBefore,
  )
  for (const op of idle.slice(0, 10_000)) op.change(work)
  await clock.advance(0)
  t.is(
    idle.reduce((sum, op) => sum + op.askedCount, 0),
    asksBefore + 10_000,
  )
  t.is(
    idle.reduce((sum, op) => sum + op.performedCount, 0),
    1,
  )
})
