/** How a read or a write is handed to the operating system. */
export type CallManner = 'blocking' | 'asynchronous'

/**
 * Chooses how to hand reads or writes to the operating system. A blocking one of a few KiB that the page cache has, or
 * takes, costs microseconds, an asynchronous one a hundred; but on a disk that stalls, or for many bytes, a blocking one
 * would hold the event loop. So: blocking while calls are small and have lately been quick, else asynchronous, for a time
 * in proportion to what the slow one took; then one blocking call tries whether the disk is quick again. So trials
 * on a disk that stays slow hold the event loop for a small share of the time only.
 */
export class BlockingPolicy {
  readonly #bytesMax: number
  readonly #recentMsMax: number
  readonly #restFactor: number
  readonly #newestShare: number
  #recentMs = 0
  #blockingFromMs = Number.NEGATIVE_INFINITY

  /**
   * Blocking: up to `bytesMax` bytes (256 KiB), while the moving average of such calls, in which the newest has a share of
   * `newestShare` (0.2), is at most `recentMsMax` (1); after a slow one not for `restFactor` (20) times as long as it took.
   */
  constructor(o: { bytesMax?: number; recentMsMax?: number; restFactor?: number; newestShare?: number } = {}) {
    this.#bytesMax = o.bytesMax ?? 256 * 1024
    this.#recentMsMax = o.recentMsMax ?? 1
    this.#restFactor = o.restFactor ?? 20
    this.#newestShare = o.newestShare ?? 0.2
  }

  /** For the next call, at a time on the monotonic clock. */
  choose(sizeBytes: number, atMs: number): CallManner {
    return sizeBytes <= this.#bytesMax && atMs >= this.#blockingFromMs ? 'blocking' : 'asynchronous'
  }

  /** Learns from a blocking call that ended at `atMs`. The first one after a rest counts alone. */
  took(durationMs: number, atMs: number): void {
    const trial = this.#recentMs > this.#recentMsMax
    this.#recentMs = trial ? durationMs : this.#recentMs + this.#newestShare * (durationMs - this.#recentMs)
    if (this.#recentMs > this.#recentMsMax) this.#blockingFromMs = atMs + this.#restFactor * durationMs
  }
}
