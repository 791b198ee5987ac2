import {
  type CompactColumnsOutput,
  type CompactionContext,
  type Compactor,
  chooseColumns,
  compactableDeltas,
  type DiskRowSet,
  jobModule,
  type MaintenanceOpStats,
  majorDeltaCompaction,
  type RowSetClaim,
  type Tablet,
  TabletOp,
  throwIfAborted,
} from '../../src/plugin.ts'

export interface MajorCompactionOptions {
  /** Share of its rows that a column must have changed in. */
  readonly shareMin: number
  /** A codec, by its name. */
  readonly compression: string
}

/** Columns of a rowset that are worth writing anew. */
interface Choice {
  readonly rowset: DiskRowSet
  readonly files: ReturnType<typeof compactableDeltas>['redo']
  readonly columns: readonly number[]
  readonly rowShare: number
}

/** Applies changes to the columns of the rowset where they touch most rows. Score: the size of its redo files ÷ that of its base data (Kudu's). */
export class MajorDeltaCompactionOp extends TabletOp {
  readonly kind = 'compaction'
  readonly #o: MajorCompactionOptions
  #chosen: { readonly choice: Choice; readonly claim: RowSetClaim } | undefined

  constructor(tablet: Tablet, o: MajorCompactionOptions) {
    super('MajorDeltaCompaction', tablet)
    this.#o = o
  }

  updateStats(stats: MaintenanceOpStats): void {
    const best = this.#choose()
    if (!best) return
    stats.runnable = true
    stats.perfImprovement = ratioOf(best)
    stats.ioBytes = 2 * best.rowset.sizeBytes + redoBytes(best)
    stats.cpuMs = best.rowset.rowCount / 1000
  }

  prepare(): boolean {
    const choice = this.#choose()
    const claim = choice && this.tablet.claims.take('delta compaction', [choice.rowset])
    this.#chosen = claim && { choice, claim }
    return claim !== undefined
  }

  async perform(context: CompactionContext): Promise<void> {
    const chosen = this.#chosen
    this.#chosen = undefined
    if (chosen) await compactClaimed(this.tablet, chosen.choice, chosen.claim, this.#o, context)
  }

  #choose(): Choice | undefined {
    const { disk, schema, claims } = this.tablet
    if (!schema.maintenance.compaction) return undefined
    let best: Choice | undefined
    for (const rowset of disk.rowsets) {
      if (!claims.allows('delta compaction', rowset)) continue
      const choice = choiceOf(rowset, this.#o.shareMin)
      if (choice && (!best || ratioOf(choice) > ratioOf(best))) best = choice
    }
    return best
  }
}

/** Every column that has changed, of each rowset, is written anew: what `db.compact` asks for. */
export class MajorCompactAll implements Compactor {
  readonly kind = 'major-delta'
  readonly #o: MajorCompactionOptions

  constructor(o: MajorCompactionOptions) {
    this.#o = o
  }

  async compact(tablet: Tablet, context: CompactionContext): Promise<void> {
    for (const rowset of tablet.disk.rowsets) {
      throwIfAborted(context.signal)
      const choice = tablet.disk.rowsets.includes(rowset) ? choiceOf(rowset, Number.MIN_VALUE) : undefined
      // One that another op works on is being compacted already.
      const claim = choice && tablet.claims.take('delta compaction', [rowset])
      if (claim) await compactClaimed(tablet, choice, claim, this.#o, context)
    }
  }
}

async function compactClaimed(
  tablet: Tablet,
  { columns, files }: Choice,
  claim: RowSetClaim,
  o: MajorCompactionOptions,
  { reason, jobId, pool, signal: own }: CompactionContext,
): Promise<void> {
  const signal = AbortSignal.any([own, claim.signal])
  try {
    await majorDeltaCompaction(tablet, {
      reason,
      jobId,
      claim,
      columns,
      files,
      codec: { name: o.compression },
      run: (data) => pool.run<CompactColumnsOutput>({ module: jobModule(import.meta.url, './major-job'), data }, { signal }),
    })
  } finally {
    claim.release()
  }
}

function choiceOf(rowset: DiskRowSet, shareMin: number): Choice | undefined {
  const { redo } = compactableDeltas(rowset)
  if (redo.length === 0) return undefined
  const statistics = redo.flatMap(({ meta }) => meta.deltas ?? [])
  const chosen = chooseColumns({ schema: rowset.schema, rows: rowset.rowCount, redo: statistics }, shareMin)
  return chosen && { rowset, files: redo, ...chosen }
}

function redoBytes({ files }: Choice): number {
  return files.reduce((sum, { meta }) => sum + meta.sizeBytes, 0)
}

function ratioOf(choice: Choice): number {
  return redoBytes(choice) / choice.rowset.sizeBytes
}
