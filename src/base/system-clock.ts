import type { Clock, Timer } from './clock.ts'
import { abortedError } from './errors.ts'

/** Node's timers overflow past this delay and fire at once; longer delays are slept in parts. */
const delayMsMax = 2 ** 31 - 1

/** Real time. Its timers do not keep the process alive, sleeps neither. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after: startTimer,
  sleep(ms, o) {
    return new Promise((resolve, reject) => {
      const signal = o?.signal
      if (signal?.aborted) {
        reject(abortedError(signal))
        return
      }
      const onAbort = () => {
        timer.cancel()
        reject(abortedError(signal as AbortSignal))
      }
      const timer = startTimer(ms, () => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      })
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  },
}

/** Waits in parts of at most `delayMsMax`, then calls `run` once, unless cancelled. */
function startTimer(ms: number, run: () => void): Timer {
  if (Number.isNaN(ms)) throw new TypeError('A delay must be a number of milliseconds, not NaN.')
  let handle: NodeJS.Timeout | undefined
  const wait = (remainingMs: number) => {
    const partMs = Math.min(Math.max(0, remainingMs), delayMsMax)
    handle = setTimeout(() => (remainingMs > partMs ? wait(remainingMs - partMs) : run()), partMs)
    handle.unref()
  }
  const cancel = () => clearTimeout(handle)
  wait(ms)
  return { cancel, [Symbol.dispose]: cancel }
}
