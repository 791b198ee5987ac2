import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'

const nanosecondsPerMs = 1e6

export interface Watched {
  readonly p99: number
  readonly max: number
  readonly durationMs: number
}

/**
 * Runs `work` and says how long turns of the event loop took meanwhile, in milliseconds. At a resolution of 1 ms, read after
 * a yield: at the default one an idle loop shows 10 ms already, and a starved one shows nothing. The delays are whole times
 * between two turns, the timer's own millisecond included.
 */
export async function watchEventLoop(work: () => Promise<void>): Promise<Watched> {
  const monitor = monitorEventLoopDelay({ resolution: 1 })
  await setImmediate()
  monitor.enable()
  await setImmediate()
  const begunMs = performance.now()
  await work()
  const durationMs = performance.now() - begunMs
  await setImmediate()
  monitor.disable()
  return { p99: monitor.percentile(99) / nanosecondsPerMs, max: monitor.max / nanosecondsPerMs, durationMs }
}
