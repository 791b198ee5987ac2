import type { Clock } from '../base/clock.ts'
import { VarveError } from '../base/errors.ts'
import { fileError } from '../base/file-error.ts'
import type { EventBus } from '../events/event-map.ts'
import type { JobIds } from '../events/job-ids.ts'
import type { RunRecord } from './maintenance-status.ts'
import type { OpEntry } from './op-registry.ts'
import { Ring } from './ring.ts'
import type { WorkerPool } from './worker-pool.ts'

/** Someone who waits for a run: `runNow`. */
export interface Caller {
  resolve(): void
  reject(error: Error): void
}

/** One instance of an op, between `prepare` and the end of `perform`. */
export interface Run {
  readonly jobId: number
  readonly entry: OpEntry
  readonly reason: string
  readonly controller: AbortController
  readonly begunMs: number
  readonly begunAtMs: number
  /** What the op estimated, and that corrected, in milliseconds. */
  readonly estimatedMs: number
  readonly expectedMs: number
  readonly callers: readonly Caller[]
  /** Stopped to make room for a flush; its callers wait for another run. */
  preempted: boolean
  /** Resolves, never rejects, when the run has ended and has been accounted for. */
  ended: Promise<void>
}

interface RunTableOptions {
  readonly clock: Clock
  readonly pool: WorkerPool
  readonly events: EventBus
  readonly jobIds: JobIds
  readonly historyCount: number
  /** Told in the tick in which a run ends, after `op:end`. */
  onEnd(run: Run, record: RunRecord): void
}

/** The instances that run now, and the history of those that ended. Emits `op:begin` and `op:end`. */
export class RunTable {
  readonly #o: RunTableOptions
  readonly #runs = new Set<Run>()
  readonly #history: Ring<RunRecord>

  constructor(o: RunTableOptions) {
    this.#o = o
    this.#history = new Ring(o.historyCount)
  }

  get count(): number {
    return this.#runs.size
  }

  get history(): RunRecord[] {
    return this.#history.toArray()
  }

  [Symbol.iterator](): IterableIterator<Run> {
    return this.#runs.values()
  }

  /** How many runs are no flushes. */
  otherCount(): number {
    let count = 0
    for (const run of this.#runs) if (run.entry.op.kind !== 'flush') count++
    return count
  }

  ofEntry(entry: OpEntry): Run[] {
    return [...this.#runs].filter((run) => run.entry === entry)
  }

  /** Begins to perform an op that has just been prepared. */
  begin(entry: OpEntry, o: { reason: string; callers: readonly Caller[] }): void {
    const run: Run = {
      jobId: this.#o.jobIds.next(),
      entry,
      reason: o.reason,
      controller: new AbortController(),
      begunMs: this.#o.clock.monotonicMs(),
      begunAtMs: this.#o.clock.nowMs(),
      estimatedMs: entry.estimatedMs,
      expectedMs: entry.stats.cpuMs,
      callers: o.callers,
      preempted: false,
      ended: Promise.resolve(),
    }
    this.#runs.add(run)
    entry.runningCount++
    this.#o.events.emit('op:begin', { jobId: run.jobId, reason: run.reason, op: entry.op.name, kind: entry.op.kind })
    run.ended = this.#perform(run)
  }

  async #perform(run: Run): Promise<void> {
    const { jobId, reason, controller } = run
    let error: Error | undefined
    try {
      await run.entry.op.perform({ signal: controller.signal, pool: this.#o.pool, reason, jobId })
    } catch (thrown) {
      error = fileError(thrown)
    }
    this.#end(run, error)
  }

  #end(run: Run, error: Error | undefined): void {
    const { entry, jobId, reason, begunAtMs, expectedMs } = run
    const { name: op, kind } = entry.op
    this.#runs.delete(run)
    entry.runningCount--
    const durationMs = this.#o.clock.monotonicMs() - run.begunMs
    // An op may also be cancelled by others, through what it works on.
    const cancelled = error !== undefined && (run.controller.signal.aborted || (error instanceof VarveError && error.code === 'ABORTED'))
    const outcome = { op, kind, jobId, reason, durationMs, ...(error && { error }) }
    const record: RunRecord = { ...outcome, begunAtMs, expectedMs, cancelled }
    this.#history.push(record)
    this.#o.events.emit('op:end', outcome)
    this.#o.onEnd(run, record)
  }
}
