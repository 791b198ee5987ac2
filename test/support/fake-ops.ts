import type { EventBus, EventMap, EventName, Listener } from '../../src/events/event-map.ts'
import { type Deferred, deferred } from '../../src/maintenance/deferred.ts'
import type { MaintenanceOp, MaintenanceOpKind, MaintenanceOpStats, Registration } from '../../src/maintenance/maintenance-op.ts'
import type { WorkerPool } from '../../src/maintenance/worker-pool.ts'

/** An op whose every answer a test sets. A run lasts until the test ends it. */
export class FakeOp implements MaintenanceOp {
  readonly name: string
  readonly kind: MaintenanceOpKind
  readonly ioUsage: 'low' | 'high'
  readonly priority: number
  readonly maxInstances?: number
  /** Copied into the stats when asked. */
  stats: Partial<MaintenanceOpStats>
  registration: Registration | undefined
  prepared = true
  askedCount = 0
  preparedCount = 0
  performedCount = 0
  /** Counted by tests that wrap `prepare`. */
  refusedCount = 0
  /** Runs that have not ended, oldest first. */
  readonly runs: { outcome: Deferred<void>; signal: AbortSignal }[] = []
  /** Whether a run ends by itself, ABORTED, when its signal fires. */
  heedsSignal = true
  onUpdateStats: (() => void) | undefined
  onPrepare: (() => void) | undefined

  constructor(
    name: string,
    stats: Partial<MaintenanceOpStats> = {},
    o: { kind?: MaintenanceOpKind; ioUsage?: 'low' | 'high'; priority?: number; maxInstances?: number } = {},
  ) {
    this.name = name
    this.kind = o.kind ?? 'compaction'
    this.ioUsage = o.ioUsage ?? 'high'
    this.priority = o.priority ?? 0
    if (o.maxInstances !== undefined) this.maxInstances = o.maxInstances
    this.stats = stats
  }

  registered(registration: Registration): void {
    this.registration = registration
  }

  updateStats(stats: MaintenanceOpStats): void {
    this.askedCount++
    this.onUpdateStats?.()
    Object.assign(stats, this.stats)
  }

  prepare(): boolean {
    this.preparedCount++
    this.onPrepare?.()
    return this.prepared
  }

  perform({ signal }: { signal: AbortSignal }): Promise<void> {
    this.performedCount++
    const outcome = deferred<void>()
    const run = { outcome, signal }
    this.runs.push(run)
    signal.addEventListener('abort', () => this.heedsSignal && outcome.reject(signal.reason as Error))
    return outcome.promise.finally(() => this.runs.splice(this.runs.indexOf(run), 1))
  }

  /** Sets other stats and says so. */
  change(stats: Partial<MaintenanceOpStats>): void {
    this.stats = stats
    this.registration?.changed()
  }

  /** Ends the oldest run well; the op has nothing to do then, unless stats are given. */
  finish(stats: Partial<MaintenanceOpStats> = {}): void {
    this.stats = stats
    this.runs[0]?.outcome.resolve()
  }

  fail(message: string): void {
    this.runs[0]?.outcome.reject(new Error(message))
  }
}

/** A bus that remembers what was emitted. */
export class RecordingEvents implements EventBus {
  readonly emitted: { event: EventName; payload: unknown }[] = []

  on(): Disposable {
    throw new Error('Not for listening.')
  }

  once(): never {
    throw new Error('Not for listening.')
  }

  emit<E extends EventName>(event: E, payload: EventMap[E]): void {
    this.emitted.push({ event, payload })
  }

  of<E extends EventName>(event: E): Parameters<Listener<EventMap[E]>>[0][] {
    return this.emitted.filter((each) => each.event === event).map((each) => each.payload as EventMap[E])
  }
}

/** A pool for ops that need none. */
export const noPool: WorkerPool = {
  name: 'none',
  run: () => Promise.reject(new Error('No pool here.')),
  close: () => Promise.resolve(),
}
