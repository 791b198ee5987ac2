import type { Clock } from '../base/clock.ts'

/** A job that has worked for less goes on, in milliseconds: sleeping costs something too. */
const workMsMin = 20
/** No rest is longer, in milliseconds, so that a job hears soon that it should stop. */
const restMsMax = 100

/**
 * The pace of a job that nobody is short of time for: a function to be awaited between its parts, which rests as long as the
 * job has worked while the main thread is busy, and not at all else. `busy`: one shared word, 1 while it is (`BusyWatch`).
 */
export function jobPace(clock: Clock, busy: Int32Array): () => Promise<void> {
  let sinceMs = clock.monotonicMs()
  return async () => {
    const workedMs = clock.monotonicMs() - sinceMs
    const isBusy = Atomics.load(busy, 0) === 1
    if (isBusy && workedMs < workMsMin) return
    if (isBusy) await clock.sleep(Math.min(restMsMax, workedMs))
    sinceMs = clock.monotonicMs()
  }
}
