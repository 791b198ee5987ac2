import {
  type CompactionContext,
  compactableDeltas,
  countedDeadRows,
  type DeltaFileSummary,
  type DiskRowSet,
  flushDeltasJob,
  type MaintenanceOpStats,
  type MergeRowSetsOutput,
  mergeRowSetsJob,
  mergingCompaction,
  type RowSetClaim,
  type Tablet,
  TabletOp,
} from '../../src/plugin.ts'

export interface DeadRowSetOptions {
  readonly intervalMs: number
  readonly rowsetBytesMax: number
  /** A codec, by its name. */
  readonly compression: string
}

/**
 * Rewrites rowsets whose every row seems to be deleted, and past retention: dead rows are left out, and if there are no
 * others, nothing is left of the rowset. What its delta files count is no proof (a row may have died twice), so the rewrite
 * looks at each row; later reinserts are carried over to the live MemRowSet.
 */
export class DeadRowSetOp extends TabletOp {
  readonly kind = 'collection'
  readonly #o: DeadRowSetOptions
  /** Rowsets that turned out to have rows alive: not again. */
  readonly #alive = new Set<number>()
  #claim: RowSetClaim | undefined

  constructor(tablet: Tablet, o: DeadRowSetOptions) {
    super('DeadRowSetCollection', tablet)
    this.#o = o
  }

  updateStats(stats: MaintenanceOpStats): void {
    const { disk } = this.tablet
    const maybe = disk.rowsets.filter((rowset) => countedDeadRows(rowset, Number.POSITIVE_INFINITY) >= rowset.rowCount)
    if (maybe.length === 0) return
    // Time alone makes history expire.
    stats.askAgainInMs = this.#o.intervalMs
    const [dead] = this.#dead()
    if (!dead) return
    stats.runnable = true
    stats.dataRetainedBytes = dead.sizeBytes
    stats.ioBytes = dead.sizeBytes
    stats.cpuMs = dead.rowCount / 1000
  }

  prepare(): boolean {
    const [rowset] = this.#dead()
    this.#claim = rowset && this.tablet.claims.take('merging compaction', [rowset])
    return this.#claim !== undefined
  }

  async perform({ reason, jobId, pool, signal: own }: CompactionContext): Promise<void> {
    const claim = this.#claim
    this.#claim = undefined
    if (!claim) return
    const signal = AbortSignal.any([own, claim.signal])
    try {
      const made = await mergingCompaction(this.tablet, {
        reason,
        jobId,
        claim,
        rowsetBytesMax: this.#o.rowsetBytesMax,
        codec: { name: this.#o.compression },
        run: (data) => pool.run<MergeRowSetsOutput>({ module: mergeRowSetsJob, data }, { signal }),
        flush: (data) => pool.run<DeltaFileSummary>({ module: flushDeltasJob, data }, { signal }),
      })
      for (const rowset of made) this.#alive.add(rowset)
    } finally {
      claim.release()
    }
  }

  #dead(): DiskRowSet[] {
    const { disk, claims, host, schema } = this.tablet
    const horizon = host.historyNeededFrom(schema)
    return disk.rowsets.filter(
      (rowset) =>
        countedDeadRows(rowset, horizon) >= rowset.rowCount &&
        !this.#alive.has(rowset.meta.rowset) &&
        this.tablet.changesOf(rowset) === undefined &&
        compactableDeltas(rowset).redo.every((file) => file.maxTime <= horizon) &&
        claims.allows('merging compaction', rowset),
    )
  }
}
