import {
  type CompactionContext,
  compactableDeltas,
  type DeltaFileSummary,
  jobModule,
  type MaintenanceOp,
  type MaintenanceOpStats,
  type MergeRowSetsOutput,
  mergingCompaction,
  type Registration,
  type RowSetClaim,
  type Tablet,
} from '../../src/plugin.ts'

export interface DeadRowSetOptions {
  readonly intervalMs: number
  readonly rowsetBytesMax: number
}

type RowSet = Tablet['disk']['rowsets'][number]

/**
 * Rewrites rowsets whose every row seems to be deleted, and past retention: dead rows are left out, and if there are no
 * others, nothing is left of the rowset. What its delta files count is no proof (a row may have died twice), so the rewrite
 * looks at each row; later reinserts are carried over to the live MemRowSet.
 */
export class DeadRowSetOp implements MaintenanceOp {
  readonly name: string
  readonly kind = 'collection'
  readonly ioUsage = 'high'
  readonly priority: number
  readonly #tablet: Tablet
  readonly #o: DeadRowSetOptions
  /** Rowsets that turned out to have rows alive: not again. */
  readonly #alive = new Set<number>()
  #claim: RowSetClaim | undefined

  constructor(tablet: Tablet, o: DeadRowSetOptions) {
    this.name = `DeadRowSetCollection(${tablet.label})`
    this.priority = tablet.schema.maintenance.priority
    this.#tablet = tablet
    this.#o = o
  }

  registered(registration: Registration): void {
    this.#tablet.onChange(() => registration.changed())
  }

  updateStats(stats: MaintenanceOpStats): void {
    const { disk } = this.#tablet
    const maybe = disk.rowsets.filter((rowset) => deadRows(rowset) >= rowset.rowCount)
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
    this.#claim = rowset && this.#tablet.claims.take('merging compaction', [rowset])
    return this.#claim !== undefined
  }

  async perform({ reason, jobId, pool, signal: own }: CompactionContext): Promise<void> {
    const claim = this.#claim
    this.#claim = undefined
    if (!claim) return
    const signal = AbortSignal.any([own, claim.signal])
    const before = new Set(this.#tablet.disk.rowsets.map(({ meta }) => meta.rowset))
    try {
      await mergingCompaction(this.#tablet, {
        reason,
        jobId,
        claim,
        rowsetBytesMax: this.#o.rowsetBytesMax,
        run: (data) => pool.run<MergeRowSetsOutput>({ module: jobModule(import.meta.url, './merge-job'), data }, { signal }),
        flush: (data) => pool.run<DeltaFileSummary>({ module: jobModule(import.meta.url, './flush-deltas-job'), data }, { signal }),
      })
      for (const { meta } of this.#tablet.disk.rowsets) if (!before.has(meta.rowset)) this.#alive.add(meta.rowset)
    } finally {
      claim.release()
    }
  }

  #dead(): RowSet[] {
    const { disk, claims, host, schema } = this.#tablet
    const horizon = host.historyNeededFrom(schema)
    return disk.rowsets.filter(
      (rowset) =>
        deadRows(rowset) >= rowset.rowCount &&
        !this.#alive.has(rowset.meta.rowset) &&
        this.#tablet.changesOf(rowset) === undefined &&
        compactableDeltas(rowset).redo.every((file) => file.maxTime <= horizon) &&
        claims.allows('merging compaction', rowset),
    )
  }
}

/** Rows that are dead by the count of its delta files: perhaps fewer. */
function deadRows(rowset: RowSet): number {
  let dead = 0
  for (const { meta } of compactableDeltas(rowset).redo) dead += (meta.deltas?.deletes ?? 0) - (meta.deltas?.lives ?? 0)
  return dead
}
