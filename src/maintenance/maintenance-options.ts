import type { Clock } from '../base/clock.ts'
import type { EventBus } from '../events/event-map.ts'
import type { JobIds } from '../events/job-ids.ts'
import type { MaintenanceOp, MaintenanceOpKind } from './maintenance-op.ts'
import type { MemoryBudget } from './memory-budget.ts'
import type { SchedulingPolicy } from './scheduling-policy.ts'
import type { WorkerPool } from './worker-pool.ts'

export interface MaintenanceManagerOptions {
  readonly clock: Clock
  readonly policy: SchedulingPolicy
  readonly pool: WorkerPool
  readonly events: EventBus
  readonly memory: MemoryBudget
  /** Ops that run at a time; of two or more, one thread is kept for flushes. */
  readonly threads: number
  /** The longest time between two polls, in milliseconds. */
  readonly pollIntervalMs: number
  /** How long a failed op is left alone, in milliseconds. */
  readonly retryGraceMs: number
  /** How many decisions, and how many runs, `status()` remembers. */
  readonly historyCount: number
  /** Size of the write-ahead log, and the size past which it should be brought down; no log if absent. */
  readonly walState?: () => { readonly walBytes: number; readonly targetBytes: number }
  /** Numbers runs, and what else in the database has a beginning and an end; a sequence of the manager's own if absent. */
  readonly jobIds?: JobIds
  /** How long `shutdown` waits for runs that were told to stop, in milliseconds; 5,000 if absent. */
  readonly shutdownTimeoutMs?: number
}

/** TypeError unless every number is one the manager can work with. */
export function requireOptions(o: MaintenanceManagerOptions): void {
  requireNumber('threads', o.threads, { min: 1, whole: true })
  requireNumber('pollIntervalMs', o.pollIntervalMs, { min: 1, whole: false })
  requireNumber('retryGraceMs', o.retryGraceMs, { min: 0, whole: false })
  requireNumber('historyCount', o.historyCount, { min: 0, whole: true })
  if (o.shutdownTimeoutMs !== undefined) requireNumber('shutdownTimeoutMs', o.shutdownTimeoutMs, { min: 0, whole: false })
}

function requireNumber(name: string, value: number, o: { min: number; whole: boolean }): void {
  if (Number.isFinite(value) && value >= o.min && (!o.whole || Number.isInteger(value))) return
  throw new TypeError(`maintenance.${name} must be a ${o.whole ? 'whole ' : ''}number of at least ${o.min}, not ${value}.`)
}

const kinds: readonly MaintenanceOpKind[] = ['flush', 'compaction', 'eviction', 'collection', 'upkeep']

/** TypeError unless the op's fields are ones the manager can work with. */
export function requireOp(op: MaintenanceOp): void {
  if (typeof op.name !== 'string' || op.name === '') throw new TypeError('A maintenance op needs a name, like FlushMemRowSet(flights/0).')
  if (!kinds.includes(op.kind)) throw new TypeError(`The kind of ${op.name} is ${op.kind}; it must be one of ${kinds.join(', ')}.`)
  if (op.ioUsage !== 'low' && op.ioUsage !== 'high')
    throw new TypeError(`The ioUsage of ${op.name} is ${op.ioUsage}; it must be low or high.`)
  if (!(op.priority >= -5 && op.priority <= 5))
    throw new TypeError(`The priority of ${op.name} is ${op.priority}; it must be between −5 and 5.`)
  const { maxInstances } = op
  if (maxInstances !== undefined && !(Number.isInteger(maxInstances) && maxInstances >= 1)) {
    throw new TypeError(`maxInstances of ${op.name} is ${maxInstances}; it must be a whole number of at least 1.`)
  }
}
