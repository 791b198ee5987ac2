import type { MaintenanceOp, MaintenanceOpKind, MaintenanceOpStats } from './maintenance-op.ts'
import type { Choice, SystemState } from './scheduling-policy.ts'

/** One choice of the policy, as `status()` remembers it and `op:decision` tells it. */
export interface DecisionRecord {
  /** Wall-clock milliseconds. */
  readonly atMs: number
  /** The op chosen; undefined if none was worth it. */
  readonly op: string | undefined
  readonly reason: string
  /** The candidates that scored best, at most 16, best first. */
  readonly candidates: readonly { readonly op: string; readonly score: number }[]
}

/** One finished run of an op. */
export interface RunRecord {
  readonly op: string
  readonly kind: MaintenanceOpKind
  readonly jobId: number
  readonly reason: string
  /** Wall-clock milliseconds. */
  readonly begunAtMs: number
  readonly durationMs: number
  /** What the run was expected to take, in milliseconds, corrected by earlier runs; 0 if nobody said. */
  readonly expectedMs: number
  readonly error?: Error
  /** It was told to stop (shutdown, or a flush that could not wait) and did. */
  readonly cancelled: boolean
}

/** What `status()` tells. */
export interface MaintenanceStatus {
  /** `created` until `start()`; `stopped` once `shutdown()` was called. */
  readonly state: 'created' | 'running' | 'paused' | 'stopped'
  readonly policy: string
  readonly threads: number
  /** Registered ops, and how many of them said they are worth running. */
  readonly opCount: number
  readonly runnableCount: number
  readonly running: readonly {
    readonly op: string
    readonly kind: MaintenanceOpKind
    readonly jobId: number
    readonly reason: string
    readonly runningMs: number
  }[]
  /** Ops whose last attempt failed, and in how many milliseconds they may be tried again. */
  readonly failing: readonly { readonly op: string; readonly error: Error; readonly retryInMs: number }[]
  readonly system: SystemState
  /** The last decisions and runs, oldest first. */
  readonly decisions: readonly DecisionRecord[]
  readonly runs: readonly RunRecord[]
}

/** What `explain()` tells of one op. */
export interface CandidateExplanation {
  readonly op: string
  readonly kind: MaintenanceOpKind
  readonly priority: number
  readonly stats: Readonly<MaintenanceOpStats>
  /** The policy's score; undefined if the op is no candidate now. */
  readonly score: number | undefined
  readonly chosen: boolean
  /** Why it would, or would not, be begun now. */
  readonly why: string
  /** How long it has been runnable without running. */
  readonly waitingMs: number
}

/** What `explain()` tells: the choice that would be made now, if a thread were free. */
export interface MaintenanceExplanation {
  readonly policy: string
  readonly op: string | undefined
  readonly reason: string
  readonly system: SystemState
  /** Every op that is runnable or failing, the best score first. */
  readonly candidates: readonly CandidateExplanation[]
  /** Registered ops that have nothing to do. */
  readonly idleCount: number
}

/** The best `countMax` scores, best first. One pass and no sort of the whole: there may be ten thousand. */
export function bestScores(scores: ReadonlyMap<MaintenanceOp, number>, countMax: number): { op: string; score: number }[] {
  const best: { op: string; score: number }[] = []
  for (const [op, score] of scores) {
    const worst = best.at(-1)
    if (best.length === countMax && worst !== undefined && !(score > worst.score)) continue
    let index = best.length
    while (index > 0 && score > (best[index - 1]?.score ?? score)) index--
    best.splice(index, 0, { op: op.name, score })
    if (best.length > countMax) best.pop()
  }
  return best
}

const noScores: ReadonlyMap<MaintenanceOp, number> = new Map()

/** A choice as the history and the event tell it. */
export function decisionRecord(choice: Choice, atMs: number): DecisionRecord {
  return { atMs, op: choice.op?.name, reason: choice.reason, candidates: bestScores(choice.scores ?? noScores, 16) }
}
