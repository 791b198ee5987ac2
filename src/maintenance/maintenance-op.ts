import { contributionToken } from '../base/token.ts'
import type { WorkerPool } from './worker-pool.ts'

export type MaintenanceOpKind = 'flush' | 'compaction' | 'eviction' | 'collection' | 'upkeep'

/**
 * One thing that can be done in the background, again and again: flush this MemRowSet, compact that tablet. Ops are
 * asked how much good they would do (`updateStats`), one is chosen, prepared on the main thread, and performed by
 * workers. All three are called on the main thread; none may block it.
 *
 * **When an op is asked.** At the first poll after it was registered; after it said `changed()`; after each of its
 * runs; when the delay it gave as `askAgainInMs` is over, or its `dueAtMs` has come. Never otherwise: an op whose
 * stats cannot have changed costs nothing, so 100,000 idle ones may be registered. An op that becomes worth running
 * merely because time passes (a MemRowSet that grows old) therefore **must** set `askAgainInMs`.
 */
export interface MaintenanceOp {
  /** Unique, like `FlushMemRowSet(flights/0)`. */
  readonly name: string
  readonly kind: MaintenanceOpKind
  /** `low`: removes a file or updates metadata; `high`: all else. */
  readonly ioUsage: 'low' | 'high'
  /** −5..5, from the table; a policy weighs scores by 1.1^priority. */
  readonly priority: number
  /** How many instances may run at a time; 1 if absent. */
  readonly maxInstances?: number
  /** Called once, at registration; keep `r` to say `r.changed()` whenever the stats may have changed. */
  registered?(r: Registration): void
  /**
   * Fills in the stats: cheap, synchronous, several times a second while the op says it changed. If it throws, or
   * gives a figure that is not finite, that is reported and the op is left alone for `retryGraceMs`.
   */
  updateStats(stats: MaintenanceOpStats): void
  /**
   * Takes what `perform` needs (freeze a store, pick inputs); false if there is nothing to do after all: the op is
   * then asked again after `pollIntervalMs`. True guarantees one `perform`, in the same tick.
   */
  prepare(): boolean
  /**
   * Does the work; long; long computation runs on `context.pool`. Must leave no trace when it rejects. The signal
   * fires at shutdown, and when an urgent flush needs the only thread; the op may then finish or reject, soon.
   */
  perform(context: {
    signal: AbortSignal
    pool: WorkerPool
    /** Why it runs now, in the policy's words: for the op's own events. */
    reason: string
    /** The id of this run, which its `op:begin` and `op:end` carry: for the op's own events too. */
    jobId: number
  }): Promise<void>
}

/** What an op would bring and cost. The manager resets every field before `updateStats`. */
export interface MaintenanceOpStats {
  /** Whether there is anything to do now. */
  runnable: boolean
  /** Memory that would be freed, in bytes. */
  ramAnchoredBytes: number
  /** Write-ahead log that would become deletable, in bytes. */
  logsRetainedBytes: number
  /** Files that would become deletable, in bytes. */
  dataRetainedBytes: number
  /** Good done to reads and writes to come; dimensionless, comparable across ops (see docs/maintenance). */
  perfImprovement: number
  /** How busy the tablet is, 0..1 scaled by policy. */
  workloadScore: number
  /** Estimated bytes read and written. */
  ioBytes: number
  /** Estimated milliseconds a run takes. A policy sees it corrected by what earlier runs of the same kind of op took. */
  cpuMs: number
  /**
   * For upkeep: when it should have run, in wall-clock milliseconds. A policy ranks an overdue op above work that
   * merely improves things. While it lies ahead the op is asked again when it has come (at latest; a clock that steps is noticed).
   */
  dueAtMs?: number | undefined
  /** Ask again after this many milliseconds though nobody said `changed()`: for stats that depend on age. */
  askAgainInMs?: number | undefined
}

export interface Registration {
  /**
   * The op is not begun again from this call on; resolves when its running instances have ended and it is forgotten.
   * Not to be awaited inside the op's own `perform`. Idempotent.
   */
  unregister(): Promise<void>
  /** The op's stats may have changed; it is asked again at the next poll, which this call brings forward. */
  changed(): void
}

/** Makes ops: once for the database, once for each tablet when it appears. Ops are unregistered when their tablet goes. */
export interface MaintenanceOpFactory<T = unknown> {
  forDatabase?(): readonly MaintenanceOp[]
  forTablet?(tablet: T): readonly MaintenanceOp[]
}
export const MaintenanceOpFactory = contributionToken<MaintenanceOpFactory>('MaintenanceOpFactory')
