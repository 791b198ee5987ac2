import test from 'ava'
import type { SchedulingPolicy } from '../../src/maintenance/scheduling-policy.ts'
import { FakeOp } from '../support/fake-ops.ts'
import { setUp, work } from '../support/managed.ts'

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
