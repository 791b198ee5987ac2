import type { Clock, Timer } from '../base/clock.ts'
import { abortedError } from '../base/errors.ts'

interface PendingTimer {
  readonly dueMs: number
  readonly run: () => void
}

/**
 * A clock that moves only when told, so that a test owns time. `nowMs` starts at 2026-01-01 unless said otherwise,
 * `monotonicMs` at 0.
 */
export class SimulatedClock implements Clock {
  #monotonicMs = 0
  #wallOffsetMs: number
  /** In the order in which they were set; which is also the order of timers due at the same time. */
  readonly #timers = new Set<PendingTimer>()
  #advancing = false

  constructor(o: { readonly startMs?: number } = {}) {
    this.#wallOffsetMs = o.startMs ?? Date.UTC(2026, 0, 1)
  }

  /** Timers that have not run, sleeps included. */
  get pending(): number {
    return this.#timers.size
  }

  /** When the next timer is due, on the monotonic clock; undefined if none is set. */
  get nextDueMs(): number | undefined {
    return this.#next(Number.POSITIVE_INFINITY)?.dueMs
  }

  nowMs(): number {
    return this.#wallOffsetMs + this.#monotonicMs
  }

  monotonicMs(): number {
    return this.#monotonicMs
  }

  after(ms: number, run: () => void): Timer {
    if (Number.isNaN(ms)) throw new TypeError('A delay must be a number of milliseconds, not NaN.')
    const timer: PendingTimer = { dueMs: this.#monotonicMs + Math.max(0, ms), run }
    this.#timers.add(timer)
    const cancel = () => void this.#timers.delete(timer)
    return { cancel, [Symbol.dispose]: cancel }
  }

  sleep(ms: number, o: { signal?: AbortSignal } = {}): Promise<void> {
    const { signal } = o
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(abortedError(signal))
      const onAbort = () => {
        timer.cancel()
        reject(abortedError(signal as AbortSignal))
      }
      const timer = this.after(ms, () => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      })
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  }

  /**
   * Moves time on and runs the timers that become due, in order, those too that are set on the way. Before the first,
   * after each, and at the end, everything that needs no more time gets a turn of the event loop: promises resolve,
   * continuations run. Rejects with what a timer throws, the clock standing at that timer. TypeError while another
   * `advance` is under way.
   */
  async advance(ms: number): Promise<void> {
    if (!(ms >= 0)) throw new TypeError(`A clock advances by 0 ms or more, not ${ms}; stepWallClock steps backward.`)
    if (this.#advancing) throw new TypeError('The simulated clock is being advanced already; await that first.')
    this.#advancing = true
    try {
      await turn()
      const untilMs = this.#monotonicMs + ms
      for (let timer = this.#next(untilMs); timer; timer = this.#next(untilMs)) {
        this.#timers.delete(timer)
        this.#monotonicMs = Math.max(this.#monotonicMs, timer.dueMs)
        timer.run()
        await turn()
      }
      this.#monotonicMs = Math.max(this.#monotonicMs, untilMs)
      await turn()
    } finally {
      this.#advancing = false
    }
  }

  /** Moves time on as a call that blocks the thread does: nothing runs; what became due runs at the next `advance`. */
  block(ms: number): void {
    if (!(ms >= 0)) throw new TypeError(`A thread is blocked for 0 ms or more, not ${ms}.`)
    this.#monotonicMs += ms
  }

  /** Sets the wall clock forward or, with a negative number, backward. Timers and `monotonicMs` do not notice. */
  stepWallClock(byMs: number): void {
    this.#wallOffsetMs += byMs
  }

  #next(untilMs: number): PendingTimer | undefined {
    let next: PendingTimer | undefined
    for (const timer of this.#timers) if (timer.dueMs <= untilMs && (!next || timer.dueMs < next.dueMs)) next = timer
    return next
  }
}

/** One turn of the event loop, before which all microtasks run. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
