import type { Clock } from '../base/clock.ts'
import { abortedError } from '../base/errors.ts'
import { holdEventLoop } from '../base/event-loop-gate.ts'
import type { EventBus } from '../events/event-map.ts'
import type { JobIds } from '../events/job-ids.ts'
import type { MemoryBudget } from '../maintenance/memory-budget.ts'

/** How long a MiB of writes is held up just below the limit; in proportion from the soft limit on. */
const delayMsPerMiBMax = 50
/** Delays are saved up until a timer can keep them. */
const delayMsMin = 2
/** Share of the limit that flushes must be able to free for a write to wait for them. */
const worthWaitingRatio = 1 / 8
const mebibyte = 1 << 20

export interface WriteThrottleOptions {
  readonly clock: Clock
  readonly events: EventBus
  readonly memory: MemoryBudget
  readonly jobIds: JobIds
  /** Memory that flushes could free, in bytes. */
  flushableBytes(): number
}

/**
 * Holds writes back when memory runs out. Past the soft limit they are slowed, the more the nearer the limit is; at the
 * limit, and if they would go past it by more than a MiB, they wait until a flush has freed some. Where a flush could
 * free next to nothing, because scans hold the memory, nobody waits: a scan whose reader writes would wait for itself.
 * No write is refused, and none is stopped half-way.
 */
export class WriteThrottle {
  readonly #o: WriteThrottleOptions
  #owedMs = 0
  #stall: { jobId: number; reason: string; beganMs: number } | undefined
  #wakers = new Set<() => void>()
  readonly #closing = new AbortController()
  stallCount = 0
  stallMs = 0

  constructor(o: WriteThrottleOptions) {
    this.#o = o
    o.memory.onLevel((level) => {
      if (level !== 'hard-limit') this.#wake()
      if (level === 'normal' || level === 'pressure') this.#endStall()
    })
  }

  /** Whether a write may go on at once; if so, what it costs is booked. */
  admit(sizeBytes: number): boolean {
    if (!this.#hasRoom(sizeBytes)) return false
    if (this.#o.memory.level() !== 'soft-limit') return true
    const owedMs = this.#owedMs + this.#costMs(sizeBytes)
    if (owedMs >= delayMsMin) return false
    this.#owedMs = owedMs
    return true
  }

  /** Waits as long as the write must; rejects with ABORTED. */
  async wait(sizeBytes: number, signal: AbortSignal | undefined): Promise<void> {
    using _held = holdEventLoop()
    while (!this.#isClosed && !this.#hasRoom(sizeBytes)) {
      this.#beginStall('memory-limit')
      await this.#room(signal)
    }
    if (this.#isClosed || this.#o.memory.level() !== 'soft-limit') return this.#endStall()
    this.#beginStall('memory-soft-limit')
    const owedMs = this.#owedMs + this.#costMs(sizeBytes)
    this.#owedMs = 0
    const closing = this.#closing.signal
    try {
      await this.#o.clock.sleep(owedMs, { signal: signal ? AbortSignal.any([signal, closing]) : closing })
    } catch (error) {
      if (signal?.aborted || !closing.aborted) throw error
    }
  }

  /** Memory has changed: those that wait for it look again. */
  look(): void {
    this.#wake()
  }

  /** Lets every write through from now on, to be refused: the database is being closed, or writes have stopped. */
  close(): void {
    this.#closing.abort()
    this.#endStall()
    this.#wake()
  }

  get #isClosed(): boolean {
    return this.#closing.signal.aborted
  }

  #hasRoom(sizeBytes: number): boolean {
    const { memory } = this.#o
    const fits = memory.level() !== 'hard-limit' && memory.heldBytes + sizeBytes <= memory.limitBytes + mebibyte
    return fits || this.#o.flushableBytes() < memory.limitBytes * worthWaitingRatio
  }

  #costMs(sizeBytes: number): number {
    const { heldBytes, limitBytes, softLimitBytes } = this.#o.memory
    const nearness = Math.min(1, Math.max(0, (heldBytes - softLimitBytes) / (limitBytes - softLimitBytes)))
    return (nearness * delayMsPerMiBMax * sizeBytes) / mebibyte
  }

  #room(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const wake = () => {
        this.#wakers.delete(wake)
        signal?.removeEventListener('abort', wake)
        if (signal?.aborted) reject(abortedError(signal))
        else resolve()
      }
      this.#wakers.add(wake)
      signal?.addEventListener('abort', wake)
      if (signal?.aborted) wake()
    })
  }

  #wake(): void {
    if (this.#wakers.size === 0) return
    for (const wake of [...this.#wakers]) wake()
  }

  #beginStall(reason: string): void {
    if (this.#stall?.reason === reason) return
    this.#endStall()
    this.#stall = { jobId: this.#o.jobIds.next(), reason, beganMs: this.#o.clock.monotonicMs() }
    this.stallCount++
    this.#o.events.emit('write-stall:begin', { jobId: this.#stall.jobId, reason })
  }

  #endStall(): void {
    if (!this.#stall) return
    const { jobId, reason, beganMs } = this.#stall
    const durationMs = this.#o.clock.monotonicMs() - beganMs
    this.#stall = undefined
    this.#owedMs = 0
    this.stallMs += durationMs
    this.#o.events.emit('write-stall:end', { jobId, reason, durationMs })
  }
}
