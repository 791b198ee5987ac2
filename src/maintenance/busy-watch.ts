import { performance } from 'node:perf_hooks'
import type { Clock, Timer } from '../base/clock.ts'

/** Between two looks, in milliseconds. */
const lookMs = 50
/** The thread is busy if its event loop waited for less than the rest of the time. */
const busyShareMin = 0.8

/**
 * Tells workers, by a shared word, whether the main thread is busy: then work in the background rests now and then, for threads
 * share cores, caches and memory bandwidth, and a lower priority gives way on the first alone. Looks only while jobs run.
 */
export class BusyWatch {
  /** One word: 1 while the main thread is busy. */
  readonly flag = new Int32Array(new SharedArrayBuffer(4))
  readonly #clock: Clock
  readonly #busyShare: () => number
  #jobCount = 0
  #timer: Timer | undefined

  /** `busyShare`: of the time since it was last called; the event loop's own by default. */
  constructor(clock: Clock, busyShare: () => number = eventLoopShare()) {
    this.#clock = clock
    this.#busyShare = busyShare
  }

  /** A job begins. Each call needs one of `jobEnded`. */
  jobBegan(): void {
    if (this.#jobCount++ > 0) return
    this.#busyShare()
    this.#look()
  }

  jobEnded(): void {
    if (--this.#jobCount > 0) return
    this.#timer?.cancel()
    Atomics.store(this.flag, 0, 0)
  }

  #look(): void {
    this.#timer = this.#clock.after(lookMs, () => {
      Atomics.store(this.flag, 0, this.#busyShare() >= busyShareMin ? 1 : 0)
      this.#look()
    })
  }
}

function eventLoopShare(): () => number {
  let last = performance.eventLoopUtilization()
  return () => {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, last)
    last = now
    return utilization
  }
}
