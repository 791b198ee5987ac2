import test from 'ava'
import { SimulatedClock } from '../../src/testing/simulated-clock.ts'

test('time stands still until it is advanced', async (t) => {
  const clock = new SimulatedClock({ startMs: 1000 })
  t.is(clock.nowMs(), 1000)
  t.is(clock.monotonicMs(), 0)
  await clock.advance(5)
  t.is(clock.nowMs(), 1005)
  t.is(clock.monotonicMs(), 5)
})

test('timers run in the order in which they are due, then in which they were set, each at its own time', async (t) => {
  const clock = new SimulatedClock()
  const ran: string[] = []
  for (const [name, ms] of [
    ['c', 30],
    ['a', 10],
    ['b1', 20],
    ['b2', 20],
    ['late', 31],
    ['now', 0],
    ['past', -5],
  ] as const) {
    clock.after(ms, () => ran.push(`${name} ${clock.monotonicMs()}`))
  }
  t.is(clock.pending, 7)
  t.is(clock.nextDueMs, 0)
  await clock.advance(30)
  t.deepEqual(ran, ['now 0', 'past 0', 'a 10', 'b1 20', 'b2 20', 'c 30'])
  t.is(clock.pending, 1)
  t.is(clock.nextDueMs, 31)
})

test('continuations run between timers, and what they set is run when due', async (t) => {
  const clock = new SimulatedClock()
  const ran: string[] = []
  const loop = async () => {
    for (let i = 0; i < 3; i++) {
      await clock.sleep(10)
      ran.push(`loop ${clock.monotonicMs()}`)
    }
  }
  const done = loop()
  clock.after(15, () => ran.push('timer 15'))
  await clock.advance(100)
  await done
  t.deepEqual(ran, ['loop 10', 'timer 15', 'loop 20', 'loop 30'])
  t.is(clock.monotonicMs(), 100)
})

test('a cancelled timer does not run', async (t) => {
  const clock = new SimulatedClock()
  let runs = 0
  clock.after(1, () => runs++).cancel()
  {
    using timer = clock.after(1, () => runs++)
    t.truthy(timer)
  }
  const victim = clock.after(2, () => runs++)
  clock.after(1, () => victim.cancel())
  await clock.advance(10)
  t.is(runs, 0)
})

test('a sleep ends with ABORTED when its signal fires, before or during it, and leaves no timer', async (t) => {
  const clock = new SimulatedClock()
  const stop = new AbortController()
  const asleep = clock.sleep(10, { signal: stop.signal })
  stop.abort()
  await t.throwsAsync(asleep, { code: 'ABORTED' })
  await t.throwsAsync(clock.sleep(10, { signal: stop.signal }), { code: 'ABORTED' })
  t.is(clock.pending, 0)
})

test('a blocked thread finds its timers late', async (t) => {
  const clock = new SimulatedClock()
  const ran: number[] = []
  clock.after(10, () => ran.push(clock.monotonicMs()))
  clock.block(25)
  t.deepEqual(ran, [])
  await clock.advance(0)
  t.deepEqual(ran, [25])
})

test('the wall clock steps without timers or the monotonic clock noticing', async (t) => {
  const clock = new SimulatedClock({ startMs: 10_000 })
  let ran = false
  clock.after(10, () => {
    ran = true
  })
  clock.stepWallClock(-5000)
  t.is(clock.nowMs(), 5000)
  t.is(clock.monotonicMs(), 0)
  await clock.advance(9)
  t.false(ran)
  await clock.advance(1)
  t.true(ran)
})

test('what a timer throws comes out of advance, at the time of that timer', async (t) => {
  const clock = new SimulatedClock()
  clock.after(3, () => {
    throw new Error('in a timer')
  })
  await t.throwsAsync(() => clock.advance(10), { message: 'in a timer' })
  t.is(clock.monotonicMs(), 3)
  await clock.advance(1)
  t.is(clock.monotonicMs(), 4)
})

test('advancing twice at once, or backward, is a TypeError', async (t) => {
  const clock = new SimulatedClock()
  const first = clock.advance(1)
  await t.throwsAsync(() => clock.advance(1), { instanceOf: TypeError })
  await first
  await t.throwsAsync(() => clock.advance(-1), { instanceOf: TypeError })
  await t.throwsAsync(() => clock.advance(Number.NaN), { instanceOf: TypeError })
  t.throws(() => clock.after(Number.NaN, () => {}), { instanceOf: TypeError })
  t.throws(() => clock.block(-1), { instanceOf: TypeError })
})
