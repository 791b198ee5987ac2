import { token } from '../base/token.ts'
import type { MaintenanceOp, MaintenanceOpStats } from './maintenance-op.ts'

/**
 * An op that could begin now, with the stats it last gave: runnable, not running as often as it may, not in its
 * retry grace, and allowed the thread that is free. A policy must not keep or change it.
 */
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
  /** Bytes used of `memory.limit`; `held` is the part that only maintenance can free: it is what the thresholds bound. */
  readonly memoryUsedBytes: number
  readonly memoryHeldBytes: number
  readonly memoryLimitBytes: number
  readonly memoryPressureBytes: number
  readonly memorySoftLimitBytes: number
  /** Write-ahead log on disk, and the size past which recovery would take longer than wanted. */
  readonly walBytes: number
  readonly walTargetBytes: number
  readonly threadsFree: number
  /** The one thread that is left is kept for flushes; the candidates are then flushes only. */
  readonly onlyFlush: boolean
}

export interface Choice {
  /** The op to run, or undefined: none is worth it now. */
  readonly op?: MaintenanceOp
  /** In words, with the figures that decided. */
  readonly reason: string
  /** The score of each candidate, for `explain()` and `op:decision`; absent: the policy keeps none. */
  readonly scores?: ReadonlyMap<MaintenanceOp, number>
}

/**
 * Chooses the next op: a pure function of what it is given, called on the main thread whenever a thread is free and an
 * op is runnable. Must be quick (10,000 candidates in a few milliseconds). One that throws, or names an op that is no candidate, is
 * reported as `background-error`; nothing is begun until the next poll.
 */
export interface SchedulingPolicy {
  readonly name: string
  choose(candidates: readonly Candidate[], system: SystemState): Choice
}
export const SchedulingPolicy = token<SchedulingPolicy>('SchedulingPolicy')
