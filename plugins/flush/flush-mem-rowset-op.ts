import {
  type FlushOutput,
  type FrozenStore,
  flushMemRowSet,
  jobModule,
  type MaintenanceOpStats,
  type Tablet,
  TabletOp,
  type WorkerPool,
} from '../../src/plugin.ts'
import { flushScore, scoreAgainInMs } from './flush-score.ts'

export interface FlushMemRowSetOptions {
  readonly thresholdBytes: number
  readonly maxAgeMs: number
  readonly rowsetBytesMax: number
  /** A codec, by its name. */
  readonly compression: string
}

/** Writes the MemRowSet of a tablet, with the changes that its rows have taken, to SSTables and delta files; worth what `flushScore` says. */
export class FlushMemRowSetOp extends TabletOp {
  readonly kind = 'flush'
  readonly #o: FlushMemRowSetOptions
  #frozen: FrozenStore | undefined

  constructor(tablet: Tablet, o: FlushMemRowSetOptions) {
    super('FlushMemRowSet', tablet)
    this.#o = o
  }

  updateStats(stats: MaintenanceOpStats): void {
    const tablet = this.tablet
    const { live, frozen, host } = tablet
    const rowCount = live.rowCount + (frozen?.store.rowCount ?? 0)
    if (rowCount === 0) return
    const stores = [live, tablet.changesOf(live), frozen?.store, frozen?.changes].filter((store) => store !== undefined)
    const bytes = stores.reduce((sum, { usedBytes }) => sum + usedBytes, 0)
    const oldestOpId = stores.reduce<number | undefined>(
      (least, store) => Math.min(least ?? Number.POSITIVE_INFINITY, store.oldestOpId ?? Number.POSITIVE_INFINITY),
      undefined,
    )
    const ageMs = host.monotonicMs - tablet.liveSinceMs
    stats.runnable = true
    stats.ramAnchoredBytes = bytes
    stats.logsRetainedBytes = host.logBytesRetainedBy({ oldestOpId })
    stats.ioBytes = bytes
    stats.cpuMs = rowCount / 1000
    stats.perfImprovement = flushScore({ bytes, ageMs, isFrozen: frozen !== undefined }, this.#o)
    // Age alone raises the score, so that it is looked at again without anybody saying so.
    stats.askAgainInMs = scoreAgainInMs(ageMs, this.#o.maxAgeMs)
  }

  prepare(): boolean {
    this.#frozen = this.tablet.freeze()
    return this.#frozen !== undefined
  }

  async perform(context: { signal: AbortSignal; pool: WorkerPool; reason: string; jobId: number }): Promise<void> {
    const frozen = this.#frozen
    this.#frozen = undefined
    if (!frozen) return
    const { rowsetBytesMax, compression } = this.#o
    await flushMemRowSet(this.tablet, frozen, {
      reason: context.reason,
      jobId: context.jobId,
      rowsetBytesMax,
      codec: { name: compression },
      run: (data) => context.pool.run<FlushOutput>({ module: jobModule(import.meta.url, './flush-job'), data }, { signal: context.signal }),
    })
  }
}
