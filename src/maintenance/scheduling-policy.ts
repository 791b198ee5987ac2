import { token } from '../base/token.ts'
import type { MaintenanceOp, MaintenanceOpStats } from './maintenance-op.ts'

/** An op that could run now, with the stats it last gave. */
export interface Candidate {
  readonly op: MaintenanceOp
  readonly stats: Readonly<MaintenanceOpStats>
  /** Since when it has been runnable without running, on the monotonic clock. */
  readonly runnableSinceMs: number
  readonly runningCount: number
}

/** The state a choice may weigh, all sampled at one moment. */
export interface SystemState {
  readonly nowMs: number
  readonly monotonicMs: number
  /** Bytes used of `memory.limit`, and the three thresholds in bytes. */
  readonly memoryUsedBytes: number
  readonly memoryLimitBytes: number
  readonly memoryPressureBytes: number
  readonly memorySoftLimitBytes: number
  /** Write-ahead log on disk, and the size past which recovery would take longer than wanted. */
  readonly walBytes: number
  readonly walTargetBytes: number
  readonly threadsFree: number
  /** The one thread that is left is kept for flushes. */
  readonly onlyFlush: boolean
}

export interface Choice {
  /** The op to run, or undefined: none is worth it now. */
  readonly op?: MaintenanceOp
  /** In words, with the figures that decided. */
  readonly reason: string
  /** The score of each candidate, for `explain()`. */
  readonly scores: ReadonlyMap<MaintenanceOp, number>
}

/** Chooses the next op: a pure function of what it is given. */
export interface SchedulingPolicy {
  readonly name: string
  choose(candidates: readonly Candidate[], system: SystemState): Choice
}
export const SchedulingPolicy = token<SchedulingPolicy>('SchedulingPolicy')
