/**
 * Lets the event loop through. Awaiting a call that resolves without I/O goes on within one macrotask: three seconds
 * of that let no timer and no worker message through. So a call that finds more than `turnMs` since this macrotask was
 * first seen resolves through `setImmediate`.
 *
 * When a macrotask began cannot be asked; the gate leaves one `setImmediate` behind it, and as long as that one has not
 * run, the macrotask in which it was left goes on. A turn after I/O and the one that its `setImmediate` begins run with no
 * timer between them, so that timers wait for two turns at most.
 */
const turnMs = 1

export class EventLoopGate {
  #turnBeganMs = 0
  #watching = false

  /** Whether the caller has had its turn. Cheap enough to ask on every call. */
  isDue(): boolean {
    const nowMs = performance.now()
    if (!this.#watching) {
      this.#watching = true
      this.#turnBeganMs = nowMs
      setImmediate(() => {
        this.#watching = false
      })
      return false
    }
    return nowMs - this.#turnBeganMs > turnMs
  }

  /** A promise of the value: resolved already, or through `setImmediate` if the turn is over. */
  resolve<V>(value: V): Promise<V> {
    return this.isDue() ? new Promise((resolve) => setImmediate(resolve, value)) : Promise.resolve(value)
  }

  /** What a call comes to, resolved or rejected in the next turn if this one is over: for calls that may end without I/O. */
  async ending<V>(call: () => Promise<V>): Promise<V> {
    try {
      return await call()
    } finally {
      const pause = this.pause()
      if (pause) await pause
    }
  }

  /** Undefined while the turn lasts, else a promise for the next one; for loops: `const pause = gate.pause(); if (pause) await pause`. */
  pause(): Promise<void> | undefined {
    return this.isDue() ? nextTurn() : undefined
  }
}

/** Resolves in the next turn of the event loop, after timers and messages that are due. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** The longest time a timer can be set for, in milliseconds. */
const timerMsMax = 2 ** 31 - 1

/**
 * Keeps the process alive until it is disposed: for a caller who waits on what only unref'ed timers and workers will
 * bring about.
 */
export function holdEventLoop(): Disposable {
  const timer = setInterval(() => {}, timerMsMax)
  return { [Symbol.dispose]: () => clearInterval(timer) }
}

/** One gate for the process: there is one event loop. */
export const eventLoopGate = new EventLoopGate()
