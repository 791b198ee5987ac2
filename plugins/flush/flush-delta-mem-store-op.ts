import {
  type DeltaFileSummary,
  type DiskRowSet,
  type FrozenChanges,
  flushDeltaMemStore,
  flushDeltasJob,
  type MaintenanceOpStats,
  type Tablet,
  TabletOp,
  type WorkerPool,
} from '../../src/plugin.ts'
import { flushScore, scoreAgainInMs } from './flush-score.ts'

export interface FlushDeltaMemStoreOptions {
  readonly thresholdBytes: number
  readonly maxAgeMs: number
  /** A codec, by its name. */
  readonly compression: string
}

type Store = FrozenChanges['store']

/** What a rowset on disk has in memory. */
interface Pending {
  readonly rowset: DiskRowSet
  readonly bytes: number
  readonly changeCount: number
  readonly oldestOpId: number | undefined
  readonly ageMs: number
  readonly score: number
  /** Whether others work on the rowset now: a merge, which had what was there flushed, and carries later changes over. */
  readonly isClaimed: boolean
}

/** Changes of a rowset that is being merged wait for the merge, until they are this many times past the threshold, or as much more as its claim has patience: then it is cancelled. */
const urgentRatio = 4

/**
 * Writes changes of rows on disk to a delta file: of one rowset of the tablet at a time, the one that scores highest (as
 * `flushScore` says). While none scores, memory or log may be short all the same: then it is the rowset whose changes
 * keep the most log, or else the one that has most in memory.
 */
export class FlushDeltaMemStoreOp extends TabletOp {
  readonly kind = 'flush'
  readonly #o: FlushDeltaMemStoreOptions
  /** When each store was first seen: it had just been made, since a new one is told at once. */
  readonly #seenMs = new WeakMap<Store, number>()
  #frozen: FrozenChanges | undefined

  constructor(tablet: Tablet, o: FlushDeltaMemStoreOptions) {
    super('FlushDeltaMemStore', tablet)
    this.#o = o
  }

  updateStats(stats: MaintenanceOpStats): void {
    const pending = this.#pending()
    const chosen = this.#choose(pending)
    if (!chosen) return
    const { maxAgeMs } = this.#o
    stats.runnable = true
    stats.ramAnchoredBytes = chosen.bytes
    stats.logsRetainedBytes = this.tablet.host.logBytesRetainedBy(chosen)
    stats.ioBytes = chosen.bytes
    stats.cpuMs = chosen.changeCount / 1000
    stats.perfImprovement = chosen.score
    stats.askAgainInMs = pending.reduce((least, { ageMs }) => Math.min(least, scoreAgainInMs(ageMs, maxAgeMs)), maxAgeMs)
  }

  prepare(): boolean {
    const chosen = this.#choose(this.#pending())
    if (chosen?.isClaimed) this.tablet.claims.interrupt('flush', chosen.rowset)
    this.#frozen = chosen && this.tablet.freezeChanges(chosen.rowset)
    return this.#frozen !== undefined
  }

  async perform(context: { signal: AbortSignal; pool: WorkerPool; reason: string; jobId: number }): Promise<void> {
    const frozen = this.#frozen
    this.#frozen = undefined
    if (!frozen) return
    await flushDeltaMemStore(this.tablet, frozen, {
      reason: context.reason,
      jobId: context.jobId,
      codec: { name: this.#o.compression },
      run: (data) => context.pool.run<DeltaFileSummary>({ module: flushDeltasJob, data }, { signal: context.signal }),
    })
  }

  #pending(): Pending[] {
    const tablet = this.tablet
    const pending: Pending[] = []
    for (const rowset of tablet.disk.rowsets) {
      const isClaimed = !tablet.claims.allows('flush', rowset)
      // What is frozen goes first: only then can later changes be frozen. Of a claimed rowset, it is on its way.
      const frozen = isClaimed ? undefined : tablet.frozenChangesOf(rowset)
      const store = frozen?.store ?? tablet.changesOf(rowset)
      if (store) pending.push({ ...this.#describe(rowset, store, frozen !== undefined), isClaimed })
    }
    return pending
  }

  #describe(rowset: DiskRowSet, store: Store, isFrozen: boolean): Omit<Pending, 'isClaimed'> {
    const nowMs = this.tablet.host.monotonicMs
    const seenMs = this.#seenMs.get(store) ?? nowMs
    this.#seenMs.set(store, seenMs)
    const { usedBytes: bytes, changeCount, oldestOpId } = store
    const ageMs = nowMs - seenMs
    return { rowset, bytes, changeCount, oldestOpId, ageMs, score: flushScore({ bytes, ageMs, isFrozen }, this.#o) }
  }

  #choose(all: readonly Pending[]): Pending | undefined {
    const { claims } = this.tablet
    const urgentBytes = urgentRatio * this.#o.thresholdBytes
    const pending = all.filter(({ isClaimed, bytes, rowset }) => !isClaimed || bytes >= urgentBytes * claims.patienceOf(rowset))
    const [first] = pending
    if (!first) return undefined
    const best = pending.reduce((a, b) => (b.score > a.score ? b : a))
    if (best.score > 0) return best
    const oldest = pending.reduce((a, b) => ((b.oldestOpId ?? 0) < (a.oldestOpId ?? 0) ? b : a))
    if (this.tablet.host.logBytesRetainedBy(oldest) > 0) return oldest
    return pending.reduce((a, b) => (b.bytes > a.bytes ? b : a))
  }
}
