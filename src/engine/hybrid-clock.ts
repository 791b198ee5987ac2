import type { Clock } from '../base/clock.ts'
import { invariant } from '../base/errors.ts'

/** Timestamps in one millisecond. */
const ticksPerMs = 2048

/**
 * Hybrid time in one safe integer: milliseconds × 2048 + counter; good until the year 2109. Strictly increasing, across
 * restarts (`advanceTo` what is on disk) and backward steps of the wall clock.
 */
export class HybridClock {
  readonly #clock: Clock
  #last = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The newest timestamp that was given out or seen. */
  get last(): number {
    return this.#last
  }

  next(): number {
    const now = Math.floor(this.#clock.nowMs()) * ticksPerMs
    this.#last = now > this.#last ? now : this.#last + 1
    invariant(Number.isSafeInteger(this.#last), 'hybrid time is past what a number can hold: is the clock right?')
    return this.#last
  }

  /** No timestamp at or below this one will be given out. */
  advanceTo(timestamp: number): void {
    if (timestamp > this.#last) this.#last = timestamp
  }
}

/** The least timestamp of a wall-clock millisecond. */
export function timestampAtStartOf(ms: number): number {
  return Math.floor(ms) * ticksPerMs
}

/** The largest timestamp of a wall-clock millisecond: a read at it sees all that was committed in that millisecond. */
export function timestampAtEndOf(ms: number): number {
  return Math.floor(ms) * ticksPerMs + ticksPerMs - 1
}

/** The wall-clock millisecond that a timestamp lies in. */
export function msOfTimestamp(timestamp: number): number {
  return Math.floor(timestamp / ticksPerMs)
}
