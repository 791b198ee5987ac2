/** How a write to the log is handed to the operating system. */
export type WriteManner = 'blocking' | 'asynchronous'

/**
 * Chooses how to hand bytes to the operating system. A blocking write of a few KiB into the page cache costs
 * microseconds, an asynchronous one a hundred; but on a disk that stalls, or for many bytes, a blocking one would
 * hold the event loop. So: blocking while writes are small and have lately been quick, else asynchronous, for a time
 * in proportion to what the slow one took; then one blocking write tries whether the disk is quick again. So trials
 * on a disk that stays slow hold the event loop for a small share of the time only.
 */
export class WritePolicy {
  readonly #bytesMax: number
  readonly #recentMsMax: number
  readonly #restFactor: number
  #recentMs = 0
  #blockingFromMs = Number.NEGATIVE_INFINITY

  /** Blocking: up to `bytesMax` bytes (256 KiB), while the moving average of its writes is at most `recentMsMax` (1); after a slow one not for `restFactor` (20) times as long as it took. */
  constructor(o: { bytesMax?: number; recentMsMax?: number; restFactor?: number } = {}) {
    this.#bytesMax = o.bytesMax ?? 256 * 1024
    this.#recentMsMax = o.recentMsMax ?? 1
    this.#restFactor = o.restFactor ?? 20
  }

  /** For the next write, at a time on the monotonic clock. */
  choose(sizeBytes: number, atMs: number): WriteManner {
    return sizeBytes <= this.#bytesMax && atMs >= this.#blockingFromMs ? 'blocking' : 'asynchronous'
  }

  /** Learns from a blocking write that ended at `atMs`. The first one after a rest counts alone. */
  took(durationMs: number, atMs: number): void {
    const trial = this.#recentMs > this.#recentMsMax
    this.#recentMs = trial ? durationMs : 0.8 * this.#recentMs + 0.2 * durationMs
    if (this.#recentMs > this.#recentMsMax) this.#blockingFromMs = atMs + this.#restFactor * durationMs
  }
}
