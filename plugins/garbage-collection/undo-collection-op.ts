import {
  type DiskRowSet,
  expiredUndo,
  forgetHistory,
  type MaintenanceOpStats,
  type RowSetClaim,
  type Tablet,
  TabletOp,
} from '../../src/plugin.ts'

/** Drops undo files that lie wholly before the history that is kept. Nothing is rewritten: what is partly needed is left to compactions. */
export class UndoCollectionOp extends TabletOp {
  readonly kind = 'collection'
  override readonly ioUsage = 'low'
  readonly #intervalMs: number
  #claim: RowSetClaim | undefined

  constructor(tablet: Tablet, o: { readonly intervalMs: number }) {
    super('UndoCollection', tablet)
    this.#intervalMs = o.intervalMs
  }

  updateStats(stats: MaintenanceOpStats): void {
    const { disk } = this.tablet
    if (!disk.rowsets.some(({ deltas }) => deltas.undo.length > 0)) return
    // Time alone makes history expire.
    stats.askAgainInMs = this.#intervalMs
    const bytes = this.#expired().reduce((sum, rowset) => sum + bytesOf(this.tablet, rowset), 0)
    stats.runnable = bytes > 0
    stats.dataRetainedBytes = bytes
    stats.cpuMs = 1
  }

  prepare(): boolean {
    const [rowset] = this.#expired()
    this.#claim = rowset && this.tablet.claims.take('delta compaction', [rowset])
    return this.#claim !== undefined
  }

  async perform(): Promise<void> {
    const claim = this.#claim
    this.#claim = undefined
    if (!claim) return
    try {
      await forgetHistory(this.tablet, claim)
    } finally {
      claim.release()
    }
  }

  #expired(): DiskRowSet[] {
    const { disk, claims } = this.tablet
    return disk.rowsets.filter((rowset) => claims.allows('delta compaction', rowset) && bytesOf(this.tablet, rowset) > 0)
  }
}

function bytesOf(tablet: Tablet, rowset: DiskRowSet): number {
  return expiredUndo(tablet, rowset).reduce((sum, { meta }) => sum + meta.sizeBytes, 0)
}
