import {
  type FlushOutput,
  type FrozenStore,
  flushMemRowSet,
  jobModule,
  type MaintenanceOp,
  type MaintenanceOpStats,
  type Registration,
  type Tablet,
  type WorkerPool,
} from '../../src/plugin.ts'

const mebibyte = 1 << 20

export interface FlushMemRowSetOptions {
  readonly thresholdBytes: number
  readonly maxAgeMs: number
  readonly rowsetBytesMax: number
  readonly compression: 'none' | 'deflate'
}

/**
 * Writes the MemRowSet of a tablet to SSTables. Score: past the size threshold, the MiB above it, plus one; below it,
 * once the rows are older than `maxAgeMs`, up to 1, by age or by size, whichever is nearer to its bound (Kudu's
 * FlushOpPerfImprovementPolicy). What memory and log it frees speaks for itself under pressure.
 */
export class FlushMemRowSetOp implements MaintenanceOp {
  readonly name: string
  readonly kind = 'flush'
  readonly ioUsage = 'high'
  readonly priority: number
  readonly #tablet: Tablet
  readonly #o: FlushMemRowSetOptions
  #frozen: FrozenStore | undefined

  constructor(tablet: Tablet, o: FlushMemRowSetOptions) {
    this.name = `FlushMemRowSet(${tablet.label})`
    this.priority = tablet.schema.maintenance.priority
    this.#tablet = tablet
    this.#o = o
  }

  registered(registration: Registration): void {
    this.#tablet.onChange(() => registration.changed())
  }

  updateStats(stats: MaintenanceOpStats): void {
    const { live, frozen, memoryBytes, host, liveSinceMs } = this.#tablet
    const rowCount = live.rowCount + (frozen?.store.rowCount ?? 0)
    if (rowCount === 0) return
    stats.runnable = true
    stats.ramAnchoredBytes = memoryBytes
    stats.logsRetainedBytes = host.logBytesRetainedBy(this.#tablet)
    stats.ioBytes = memoryBytes
    stats.cpuMs = rowCount / 1000
    const ageMs = host.monotonicMs - liveSinceMs
    stats.perfImprovement = this.#score(memoryBytes, ageMs, frozen !== undefined)
    // Age alone raises the score, so that it is looked at again without anybody saying so.
    stats.askAgainInMs = ageMs < this.#o.maxAgeMs ? this.#o.maxAgeMs - ageMs : this.#o.maxAgeMs / 4
  }

  prepare(): boolean {
    this.#frozen = this.#tablet.freeze()
    return this.#frozen !== undefined
  }

  async perform(context: { signal: AbortSignal; pool: WorkerPool; reason: string; jobId: number }): Promise<void> {
    const frozen = this.#frozen
    this.#frozen = undefined
    if (!frozen) return
    const { rowsetBytesMax, compression } = this.#o
    await flushMemRowSet(this.#tablet, frozen, {
      reason: context.reason,
      jobId: context.jobId,
      rowsetBytesMax,
      codec: { name: compression },
      run: (data) => context.pool.run<FlushOutput>({ module: jobModule(import.meta.url, './flush-job'), data }, { signal: context.signal }),
    })
  }

  #score(memoryBytes: number, ageMs: number, frozenBefore: boolean): number {
    const { thresholdBytes, maxAgeMs } = this.#o
    // A store that an attempt left frozen takes no rows, so that nothing is gained by waiting.
    if (frozenBefore) return 1
    if (memoryBytes >= thresholdBytes) return 1 + (memoryBytes - thresholdBytes) / mebibyte
    if (ageMs < maxAgeMs) return 0
    return Math.min(1, Math.max(memoryBytes / thresholdBytes, (ageMs - maxAgeMs) / maxAgeMs + 0.01))
  }
}
