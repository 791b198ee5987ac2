import test from 'ava'
import { VarveError } from '../../src/base/errors.ts'
import { FakeOp } from '../support/fake-ops.ts'
import { setUp, work } from '../support/managed.ts'

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

test('an op that was cancelled by others has not failed, and is asked again', async (t) => {
  const { clock, events, manager, register } = setUp()
  const op = new FakeOp('Op', work)
  op.perform = async () => {
    op.performedCount++
    if (op.performedCount === 1) throw new VarveError('ABORTED', 'A flush was more urgent.')
    op.stats = { ...op.stats, runnable: false }
  }
  register(op)
  manager.start()
  await clock.advance(5_000)
  t.is(op.performedCount, 2)
  t.deepEqual(events.of('background-error'), [])
  t.is(manager.status().runs[0]?.cancelled, true)
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
