import {
  type CompactionContext,
  type Compactor,
  compactableDeltas,
  type DiskRowSet,
  jobModule,
  type MaintenanceOpStats,
  type MergeDeltaFilesOutput,
  minorDeltaCompaction,
  type RowSetClaim,
  type Tablet,
  TabletOp,
  throwIfAborted,
} from '../../src/plugin.ts'

export interface MinorCompactionOptions {
  readonly filesMin: number
  /** A codec, by its name. */
  readonly compression: string
}

type Kind = 'redo' | 'undo'

/** Delta files of one kind of one rowset. */
interface Files {
  readonly rowset: DiskRowSet
  readonly kind: Kind
  readonly files: ReturnType<typeof compactableDeltas>[Kind]
}

/** Redo files cost every read, undo files only those of the past; Kudu's score is the number of redo files ÷ 1000. */
const scorePerFile = { redo: 1 / 1000, undo: 1 / 10_000 } as const

/** Makes one delta file of several, of the rowset of the tablet that has most. */
export class MinorDeltaCompactionOp extends TabletOp {
  readonly kind = 'compaction'
  readonly #o: MinorCompactionOptions
  #chosen: { readonly files: Files; readonly claim: RowSetClaim } | undefined

  constructor(tablet: Tablet, o: MinorCompactionOptions) {
    super('MinorDeltaCompaction', tablet)
    this.#o = o
  }

  updateStats(stats: MaintenanceOpStats): void {
    const best = this.#choose()
    if (!best) return
    const bytes = best.files.reduce((sum, { meta }) => sum + meta.sizeBytes, 0)
    stats.runnable = true
    stats.perfImprovement = best.files.length * scorePerFile[best.kind]
    stats.ioBytes = 2 * bytes
    stats.cpuMs = best.files.reduce((sum, { changeCount }) => sum + changeCount, 0) / 1000
  }

  prepare(): boolean {
    const files = this.#choose()
    const claim = files && this.tablet.claims.take('delta compaction', [files.rowset])
    this.#chosen = claim && { files, claim }
    return claim !== undefined
  }

  async perform(context: CompactionContext): Promise<void> {
    const chosen = this.#chosen
    this.#chosen = undefined
    if (chosen) await compactClaimed(this.tablet, chosen.files, chosen.claim, this.#o, context)
  }

  #choose(): Files | undefined {
    const { disk, schema, claims } = this.tablet
    if (!schema.maintenance.compaction) return undefined
    let best: Files | undefined
    for (const rowset of disk.rowsets) {
      if (!claims.allows('delta compaction', rowset)) continue
      for (const files of filesOf(rowset, this.#o.filesMin)) if (!best || worth(files) > worth(best)) best = files
    }
    return best
  }
}

/** All delta files of each rowset become one of each kind: what `db.compact` asks for. */
export class MinorCompactAll implements Compactor {
  readonly kind = 'minor-delta'
  readonly #o: MinorCompactionOptions

  constructor(o: MinorCompactionOptions) {
    this.#o = o
  }

  async compact(tablet: Tablet, context: CompactionContext): Promise<void> {
    for (const rowset of tablet.disk.rowsets) {
      for (const kind of ['redo', 'undo'] as const) {
        throwIfAborted(context.signal)
        // One that another op works on is being compacted already.
        const files = tablet.disk.rowsets.includes(rowset) ? filesOf(rowset, 2).find((each) => each.kind === kind) : undefined
        const claim = files && tablet.claims.take('delta compaction', [rowset])
        if (claim) await compactClaimed(tablet, files, claim, this.#o, context)
      }
    }
  }
}

async function compactClaimed(
  tablet: Tablet,
  { kind, files }: Files,
  claim: RowSetClaim,
  o: MinorCompactionOptions,
  { reason, jobId, pool, signal: own }: CompactionContext,
): Promise<void> {
  const signal = AbortSignal.any([own, claim.signal])
  try {
    await minorDeltaCompaction(tablet, {
      reason,
      jobId,
      claim,
      kind,
      files,
      codec: { name: o.compression },
      run: (data) => pool.run<MergeDeltaFilesOutput>({ module: jobModule(import.meta.url, './minor-job'), data }, { signal }),
    })
  } finally {
    claim.release()
  }
}

/** What of a rowset is worth compacting. */
function filesOf(rowset: DiskRowSet, filesMin: number): Files[] {
  const { redo, undo } = compactableDeltas(rowset)
  const all: Files[] = [
    { rowset, kind: 'redo', files: redo },
    { rowset, kind: 'undo', files: undo },
  ]
  return all.filter(({ files }) => files.length >= filesMin)
}

function worth({ kind, files }: Files): number {
  return files.length * scorePerFile[kind]
}
