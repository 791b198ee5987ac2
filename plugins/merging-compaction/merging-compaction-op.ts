import {
  type CompactionContext,
  compactableDeltas,
  countedDeadRows,
  type DiskRowSet,
  type MaintenanceOpStats,
  type MergingChoice,
  type MergingCompactionPolicy,
  type RowSetClaim,
  type Tablet,
  TabletOp,
} from '../../src/plugin.ts'
import { type MergeOptions, mergeClaimed } from './merge-rowsets-of.ts'

export interface MergingCompactionOpOptions extends MergeOptions {
  readonly budgetBytes: number
}

/** What the policy chose, and of what. */
interface Plan {
  readonly rowsets: readonly DiskRowSet[]
  readonly choice: MergingChoice
}

/** Merges rowsets of a tablet whose key ranges overlap, those that its policy chooses. Score: what the policy says it is worth. */
export class MergingCompactionOp extends TabletOp {
  readonly kind = 'compaction'
  readonly #policy: MergingCompactionPolicy
  readonly #o: MergingCompactionOpOptions
  #claim: RowSetClaim | undefined
  /** The last plan, and what it was made of: the policy may take milliseconds, and stats are asked for whenever memory grows. */
  #last: { readonly disk: Tablet['disk']; readonly plan: Plan | undefined; readonly allAvailable: boolean } | undefined

  constructor(tablet: Tablet, policy: MergingCompactionPolicy, o: MergingCompactionOpOptions) {
    super('MergingCompaction', tablet)
    this.#policy = policy
    this.#o = o
  }

  updateStats(stats: MaintenanceOpStats): void {
    const plan = this.#plan()
    if (!plan) return
    stats.runnable = true
    stats.perfImprovement = plan.choice.score
    stats.ioBytes = 2 * plan.choice.bytes
    stats.cpuMs = plan.rowsets.reduce((sum, { rowCount }) => sum + rowCount, 0) / 1000
  }

  prepare(): boolean {
    const plan = this.#plan()
    this.#claim = plan && this.tablet.claims.take('merging compaction', plan.rowsets)
    return this.#claim !== undefined
  }

  async perform(context: CompactionContext): Promise<void> {
    const claim = this.#claim
    this.#claim = undefined
    if (claim) await mergeClaimed(this.tablet, claim, this.#o, context)
  }

  #plan(): Plan | undefined {
    const { disk, schema, claims, host } = this.tablet
    if (!schema.maintenance.compaction || disk.size < 2) return undefined
    const isFree = (rowset: DiskRowSet) => claims.allows('merging compaction', rowset)
    const last = this.#last
    if (last?.disk === disk && (last.plan ? last.plan.rowsets.every(isFree) : last.allAvailable)) return last.plan
    const { budgetBytes, rowsetBytesMax } = this.#o
    const horizon = host.historyNeededFrom(schema)
    const rowsets = disk.rowsets.map((rowset) => ({ ...describe(rowset, horizon), available: isFree(rowset) }))
    const choice = this.#policy.choose({ rowsets, budgetBytes, targetBytes: rowsetBytesMax })
    const plan = choice.rowsets.length === 0 ? undefined : { rowsets: choice.rowsets.map((i) => disk.rowsets[i] as DiskRowSet), choice }
    this.#last = { disk, plan, allAvailable: rowsets.every(({ available }) => available) }
    return plan
  }
}

function describe(rowset: DiskRowSet, horizon: number) {
  const { minKey, maxKey, rowCount } = rowset
  const { undo, redo } = compactableDeltas(rowset)
  const deltaBytes = [...undo, ...redo].reduce((sum, { meta }) => sum + meta.sizeBytes, 0)
  return { minKey, maxKey, rowCount, sizeBytes: rowset.sizeBytes + deltaBytes, deadRowCount: countedDeadRows(rowset, horizon) }
}
