import { BlockingPolicy } from '../base/blocking-policy.ts'
import { eventLoopGate, nextTurn } from '../base/event-loop-gate.ts'
import type { LookupMisses } from '../rowset/lookup-misses.ts'

/** The most that a read of a row may block for. The blocks of a row group of usual rows take no more. */
const bytesMax = 512 * 1024
/** A read that took longer came from a disk; one from the system's page cache takes a tenth of that. */
const recentMsMax = 0.5
/** A thread that waits for a core now and then, beside a merge, is no slow disk: it takes several slow reads to make one. */
const newestShare = 0.05
/** Reads that wait for a turn to block in: more of them would be many turns. */
const waitingMax = 8

/**
 * Brings into memory what point reads missed: blocking as long as that is quick, since what the system has in its page
 * cache is copied in less time than another thread takes to be woken for it; else on other threads. The event loop is not
 * held: where a turn has lasted long enough, a few reads wait for the next ones, and the others go on asynchronously. One for
 * a database.
 */
export class MissLoader {
  readonly #policy = new BlockingPolicy({ bytesMax, recentMsMax, newestShare })
  readonly #monotonicMs: () => number
  #waitingCount = 0

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs
  }

  /** Undefined: it is there already. Rejects, or throws, as `LookupMisses.load` does. */
  load(misses: LookupMisses): Promise<void> | undefined {
    if (!this.#mayBlock(misses)) return misses.load()
    if (!eventLoopGate.isDue()) return this.#loadSync(misses)
    return this.#waitingCount < waitingMax ? this.#loadInTurn(misses) : misses.load()
  }

  async #loadInTurn(misses: LookupMisses): Promise<void> {
    this.#waitingCount++
    await nextTurn()
    this.#waitingCount--
    if (this.#mayBlock(misses)) this.#loadSync(misses)
    else await misses.load()
  }

  #mayBlock(misses: LookupMisses): boolean {
    return this.#policy.choose(misses.wantedBytes, this.#monotonicMs()) === 'blocking'
  }

  #loadSync(misses: LookupMisses): undefined {
    const startMs = this.#monotonicMs()
    misses.loadSync()
    const endMs = this.#monotonicMs()
    this.#policy.took(endMs - startMs, endMs)
  }
}
