import type { Clock, Timer } from '../base/clock.ts'
import type { ChunkPool } from '../rowset/chunk-pool.ts'

/** Chunks that nobody took for so long, in milliseconds, are let go. */
const unusedMs = 10_000

/**
 * Gives the memory of write buffers back once writes fall silent. Not before: shared memory that is dropped stays resident until the
 * garbage collector, which does not count it, happens to look; a load that dropped some with each flush would take many times its limit.
 */
export class IdleChunks {
  readonly #clock: Clock
  readonly #chunks: ChunkPool
  readonly #trimmed: () => void
  #timer: Timer | undefined
  #closed = false

  /** `trimmed` is called when chunks have been let go. */
  constructor(o: { clock: Clock; chunks: ChunkPool; trimmed: () => void }) {
    this.#clock = o.clock
    this.#chunks = o.chunks
    this.#trimmed = o.trimmed
  }

  /** To be called when chunks may have become idle. */
  look(): void {
    if (this.#timer !== undefined || this.#closed || this.#chunks.idleCount === 0) return
    this.#timer = this.#clock.after(unusedMs, () => {
      this.#timer = undefined
      const before = this.#chunks.idleCount
      this.#chunks.trimUnused()
      if (this.#chunks.idleCount < before) this.#trimmed()
      this.look()
    })
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
  }
}
