/** How a write to the log is handed to the operating system. */
export type WriteManner = 'blocking' | 'asynchronous'

/**
 * Chooses how to hand bytes to the operating system. A blocking write of a few KiB into the page cache costs
 * microseconds, an asynchronous one a hundred; but on a disk that stalls, or for many bytes, a blocking one would
 * hold the event loop. So: blocking while writes are small and have lately been quick, else asynchronous; after a
 * while one blocking write tries whether the disk is quick again.
 */
export class WritePolicy {
  readonly #bytesMax: number
  readonly #recentMsMax: number
  readonly #retryAfterMs: number
  #recentMs = 0
  #slowSinceMs: number | undefined

  constructor(o: { bytesMax?: number; recentMsMax?: number; retryAfterMs?: number } = {}) {
    this.#bytesMax = o.bytesMax ?? 256 * 1024
    this.#recentMsMax = o.recentMsMax ?? 0.5
    this.#retryAfterMs = o.retryAfterMs ?? 250
  }

  /** For the next write, at a time on the monotonic clock. */
  choose(sizeBytes: number, atMs: number): WriteManner {
    if (sizeBytes > this.#bytesMax) return 'asynchronous'
    return this.#slowSinceMs === undefined || atMs - this.#slowSinceMs >= this.#retryAfterMs ? 'blocking' : 'asynchronous'
  }

  /** Learns from a blocking write that ended at `atMs`. A quick trial after a slow time counts like a new beginning. */
  took(durationMs: number, atMs: number): void {
    this.#recentMs = this.#slowSinceMs === undefined ? 0.8 * this.#recentMs + 0.2 * durationMs : durationMs
    this.#slowSinceMs = this.#recentMs > this.#recentMsMax ? atMs : undefined
  }
}
