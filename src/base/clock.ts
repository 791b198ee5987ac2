import { token } from './token.ts'

/** A pending call; `cancel` (or disposal) makes sure it does not happen. */
export interface Timer extends Disposable {
  cancel(): void
}

/**
 * The only source of time in the engine, injected so that a test can own it. `systemClock` is the real one;
 * `SimulatedClock` of `varve/testing` moves only when told.
 */
export interface Clock {
  /** Wall-clock time in milliseconds since 1970. May step backward. */
  nowMs(): number
  /** Milliseconds on a clock that never steps backward; only differences mean anything. */
  monotonicMs(): number
  /** Runs `run` once after `ms` milliseconds. The timer does not keep the process alive. */
  after(ms: number, run: () => void): Timer
  /** Resolves after `ms` milliseconds; rejects with ABORTED when the signal fires. */
  sleep(ms: number, o?: { signal?: AbortSignal }): Promise<void>
}
export const Clock = token<Clock>('Clock')
