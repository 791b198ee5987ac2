import test from 'ava'
import { BusyWatch } from '../../src/maintenance/busy-watch.ts'
import { jobPace } from '../../src/maintenance/job-pace.ts'
import { SimulatedClock } from '../../src/testing/simulated-clock.ts'

test('workers are told that the main thread is busy while jobs run, and by no timer when none does', async (t) => {
  const clock = new SimulatedClock()
  let share = 1
  const { flag, watch } = watched(clock, () => share)
  await clock.advance(1000)
  t.is(clock.pending, 0, 'nobody looks before a job has begun')
  watch.jobBegan()
  watch.jobBegan()
  t.is(flag[0], 0)
  await clock.advance(60)
  t.is(flag[0], 1)
  share = 0.3
  await clock.advance(60)
  t.is(flag[0], 0)
  share = 0.9
  watch.jobEnded()
  await clock.advance(60)
  t.is(flag[0], 1, 'the other job still runs')
  watch.jobEnded()
  t.is(flag[0], 0)
  t.is(clock.pending, 0)
})

test('what happened before the first job does not make the main thread busy', async (t) => {
  const clock = new SimulatedClock()
  const shares = [1, 0]
  const { flag, watch } = watched(clock, () => shares.shift() ?? 0)
  watch.jobBegan()
  await clock.advance(60)
  t.is(flag[0], 0)
  watch.jobEnded()
})

test('a thread that computes is busy', async (t) => {
  const clock = new SimulatedClock()
  const watch = new BusyWatch(clock)
  watch.jobBegan()
  const untilMs = performance.now() + 30
  while (performance.now() < untilMs);
  await clock.advance(60)
  t.is(watch.flag[0], 1)
  watch.jobEnded()
})

test('a job rests as long as it worked while the main thread is busy, and never for long', async (t) => {
  const clock = new SimulatedClock()
  const busy = new Int32Array(1)
  const rest = jobPace(clock, busy)
  await clock.advance(1000)
  await rest()
  t.is(clock.pending, 0, 'nobody is busy')
  busy[0] = 1
  await clock.advance(10)
  await rest()
  t.is(clock.pending, 0, 'it has worked for 10 ms only')
  await clock.advance(30)
  t.is(await lengthOf(clock, rest()), 40)
  await clock.advance(10)
  await rest()
  await clock.advance(20)
  t.is(await lengthOf(clock, rest()), 30, 'of 30 ms since the last rest')
  await clock.advance(10_000)
  t.is(await lengthOf(clock, rest()), 100)
  busy[0] = 0
  await clock.advance(50)
  await rest()
  t.is(clock.pending, 0)
})

function watched(clock: SimulatedClock, busyShare: () => number) {
  const watch = new BusyWatch(clock, busyShare)
  return { watch, flag: watch.flag }
}

/** Simulated milliseconds until it resolves. */
async function lengthOf(clock: SimulatedClock, resting: Promise<void>): Promise<number> {
  const startMs = clock.monotonicMs()
  let endMs: number | undefined
  void resting.then(() => {
    endMs = clock.monotonicMs()
  })
  while (endMs === undefined) await clock.advance(1)
  return endMs - startMs
}
