import { contributionToken } from '../base/token.ts'
import type { WorkerPool } from '../maintenance/worker-pool.ts'
import type { Tablet } from './tablet.ts'

export type CompactionKind = 'merging' | 'minor-delta' | 'major-delta'

/** Of the run of a compaction: see `MaintenanceOp.perform`. */
export interface CompactionContext {
  readonly reason: string
  readonly jobId: number
  readonly signal: AbortSignal
  readonly pool: WorkerPool
}

/** All that one kind of compaction can do to a tablet, done at once: what `db.compact` asks of the plugin that knows how. */
export interface Compactor {
  readonly kind: CompactionKind
  /** Resolves when there is nothing left to do of this kind. Rejects with ABORTED by the signal, and with what a job failed with. */
  compact(tablet: Tablet, context: CompactionContext): Promise<void>
}
export const Compactor = contributionToken<Compactor>('Compactor')
