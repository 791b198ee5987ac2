import { asError } from '../base/errors.ts'
import type { EventBus } from '../events/event-map.ts'
import type { MemoryBudget, MemoryConsumer, MemoryLevel } from './memory-budget.ts'

/** One budget for everything in a database, by asking each consumer what it uses when somebody wants to know. */
export class SharedMemoryBudget implements MemoryBudget {
  readonly limitBytes: number
  readonly pressureBytes: number
  readonly softLimitBytes: number
  readonly #events: EventBus
  readonly #listeners = new Set<(level: MemoryLevel) => void>()
  readonly #consumers: MemoryConsumer[] = []
  #level: MemoryLevel = 'normal'

  /** `pressureAt` (0.6) and `softLimitAt` (0.8) are shares of the limit. TypeError if 0 < pressureAt ≤ softLimitAt ≤ 1 does not hold. */
  constructor(o: { limitBytes: number; pressureAt?: number; softLimitAt?: number; events: EventBus }) {
    const { limitBytes, pressureAt = 0.6, softLimitAt = 0.8 } = o
    if (!(Number.isSafeInteger(limitBytes) && limitBytes > 0)) {
      throw new TypeError(`memory.limit must be a whole number of bytes above 0, not ${limitBytes}.`)
    }
    if (!(pressureAt > 0 && pressureAt <= softLimitAt && softLimitAt <= 1)) {
      throw new TypeError(
        `memory.pressureAt (${pressureAt}) and memory.softLimitAt (${softLimitAt}) must be shares of the limit: 0 < pressureAt ≤ softLimitAt ≤ 1.`,
      )
    }
    this.limitBytes = limitBytes
    this.pressureBytes = Math.floor(limitBytes * pressureAt)
    this.softLimitBytes = Math.floor(limitBytes * softLimitAt)
    this.#events = o.events
  }

  register(consumer: MemoryConsumer): Disposable {
    this.#consumers.push(consumer)
    this.changed()
    return {
      [Symbol.dispose]: () => {
        const index = this.#consumers.indexOf(consumer)
        if (index < 0) return
        this.#consumers.splice(index, 1)
        this.changed()
      },
    }
  }

  get heldBytes(): number {
    let sumBytes = 0
    for (const consumer of this.#consumers) if (consumer.kind !== 'cache') sumBytes += consumer.usedBytes
    return sumBytes
  }

  get usedBytes(): number {
    let sumBytes = 0
    for (const consumer of this.#consumers) sumBytes += consumer.usedBytes
    return sumBytes
  }

  level(): MemoryLevel {
    const heldBytes = this.heldBytes
    // Nearly every call ends here: nothing is held that is worth a closer look, and nothing was.
    if (heldBytes < this.pressureBytes && this.#level === 'normal') return 'normal'
    const level = this.#levelAt(heldBytes)
    if (level !== this.#level) this.#cross(level)
    return level
  }

  changed(): void {
    this.level()
  }

  onLevel(listener: (level: MemoryLevel) => void): Disposable {
    // Wrapped, so that the same function registered twice is told twice and disposed once at a time.
    const own = (level: MemoryLevel) => listener(level)
    this.#listeners.add(own)
    return { [Symbol.dispose]: () => this.#listeners.delete(own) }
  }

  #levelAt(heldBytes: number): MemoryLevel {
    if (heldBytes >= this.limitBytes) return 'hard-limit'
    if (heldBytes >= this.softLimitBytes) return 'soft-limit'
    return heldBytes >= this.pressureBytes ? 'pressure' : 'normal'
  }

  /** The level is set before anybody is told, so that a listener who asks for it, or frees memory, finds it. */
  #cross(level: MemoryLevel): void {
    this.#level = level
    this.#events.emit('memory:pressure', { level, usedBytes: this.usedBytes, limitBytes: this.limitBytes })
    for (const listener of [...this.#listeners]) {
      try {
        listener(level)
      } catch (thrown) {
        this.#events.emit('background-error', { error: asError(thrown), context: { step: 'memory level', level } })
      }
    }
  }
}
