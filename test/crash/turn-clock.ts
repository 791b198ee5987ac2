import type { Timer } from '../../src/base/clock.ts'
import type { Random } from '../../src/base/random.ts'
import { SimulatedClock } from '../../src/testing/simulated-clock.ts'

/**
 * A clock that moves with the turns of the event loop, by chance: a few milliseconds a turn as long as somebody waits
 * for it, and a little at every look. So maintenance and delays happen by themselves, no test waits for real time, and
 * one seed gives one run.
 */
export class TurnClock extends SimulatedClock {
  readonly #random: Random
  #turning = false
  #stopped = false

  constructor(random: Random) {
    super()
    this.#random = random
  }

  override monotonicMs(): number {
    // Now and then a call seems slow, so that the log writes asynchronously for a while.
    if (!this.#stopped && this.#random.below(16) === 0) this.block(this.#random.below(3) / 2)
    return super.monotonicMs()
  }

  override nowMs(): number {
    return Math.floor(super.nowMs())
  }

  override after(ms: number, run: () => void): Timer {
    const timer = super.after(ms, run)
    this.#turn()
    return timer
  }

  /** Time stands still from now on: what waits, waits for ever. */
  stop(): void {
    this.#stopped = true
  }

  #turn(): void {
    if (this.#turning || this.#stopped || this.pending === 0) return
    this.#turning = true
    setImmediate(() => {
      void this.advance(this.#random.below(4)).finally(() => {
        this.#turning = false
        this.#turn()
      })
    })
  }
}

/** A file system's clock: a delayed call waits for some turns of the event loop, without holding anybody else up. */
export class TurnDelays extends SimulatedClock {
  readonly #random: Random

  constructor(random: Random) {
    super()
    this.#random = random
  }

  override async sleep(): Promise<void> {
    for (let left = this.#random.below(4); left > 0; left--) await new Promise((resolve) => setImmediate(resolve))
  }

  override block(): void {
    // A blocking call that is slow blocks nothing in simulated time.
  }
}

let lookedMs = 0
/**
 * From now on `performance.now()` counts how often it is asked instead of the time, from 0, so that where the event loop
 * is let through no longer depends on the machine.
 */
export async function ownPerformanceClock(): Promise<void> {
  // Whatever a run before this one has left behind gets its turns first.
  for (let turns = 0; turns < 5; turns++) await new Promise((resolve) => setImmediate(resolve))
  lookedMs = 0
  performance.now = () => {
    lookedMs += 0.05
    return lookedMs
  }
}
