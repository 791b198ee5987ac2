import { BlockingPolicy } from '../base/blocking-policy.ts'
import { eventLoopGate } from '../base/event-loop-gate.ts'
import type { LookupMisses } from '../rowset/lookup-misses.ts'

/** The most that a read of a row may block for. The blocks of a row group of usual rows take no more. */
const bytesMax = 512 * 1024
/** A read that took longer came from a disk; one from the system's page cache takes a tenth of that. */
const recentMsMax = 0.5

/**
 * Brings into memory what point reads missed: blocking as long as that is quick, since what the system has in its page
 * cache is copied in less time than another thread takes to be woken for it; else on other threads. The event loop is not
 * held: a turn that has lasted long enough goes on asynchronously. One for a database.
 */
export class MissLoader {
  readonly #policy = new BlockingPolicy({ bytesMax, recentMsMax })
  readonly #monotonicMs: () => number

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs
  }

  /** Undefined: it is there already. Rejects, or throws, as `LookupMisses.load` does. */
  load(misses: LookupMisses): Promise<void> | undefined {
    if (eventLoopGate.isDue()) return misses.load()
    const startMs = this.#monotonicMs()
    if (this.#policy.choose(misses.wantedBytes, startMs) === 'asynchronous') return misses.load()
    misses.loadSync()
    const endMs = this.#monotonicMs()
    this.#policy.took(endMs - startMs, endMs)
    return undefined
  }
}
