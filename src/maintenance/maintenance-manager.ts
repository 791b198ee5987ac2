import type { Timer } from '../base/clock.ts'
import { asError, VarveError } from '../base/errors.ts'
import { type Token, token } from '../base/token.ts'
import { jobIds } from '../events/job-ids.ts'
import { deferred } from './deferred.ts'
import { explainCandidates } from './explain.ts'
import type { MaintenanceOp, Registration } from './maintenance-op.ts'
import { type MaintenanceManagerOptions, requireOp, requireOptions } from './maintenance-options.ts'
import {
  type DecisionRecord,
  decisionRecord,
  type MaintenanceExplanation,
  type MaintenanceStatus,
  type RunRecord,
} from './maintenance-status.ts'
import { canBegin, type OpEntry, OpRegistry } from './op-registry.ts'
import { Ring } from './ring.ts'
import { type Caller, type Run, RunTable } from './run-table.ts'
import type { Choice, SystemState } from './scheduling-policy.ts'

/** Ops asked in one poll; with more, the poll decides on these and the next one follows at once, after the event loop has turned. */
const askedCountMax = 10_000
/** Polls that are asked for take at most one part in so many of the main thread's time. */
const pollCostRatio = 10

/**
 * Decides which maintenance op runs when, and runs it. It knows ops, threads, time and memory, and no tablet.
 *
 * A poll (1) asks the ops whose stats may have changed, (2) while a thread is free lets the policy choose among the
 * runnable, prepares the choice and begins to perform it, (3) stops a run if a flush cannot wait for it. It happens
 * every `pollIntervalMs`, and at once when an op ends, an op says `changed()`, or memory crosses a threshold; many
 * such calls are one poll. All of it is on the main thread; the long work is the ops' own, in the worker pool.
 */
export class MaintenanceManager {
  /** Names the service: a class and a constant cannot share a name, so the token is a member of the class. */
  static readonly token: Token<MaintenanceManager> = token<MaintenanceManager>('MaintenanceManager')

  readonly #o: MaintenanceManagerOptions
  readonly #registry: OpRegistry
  readonly #runs: RunTable
  readonly #decisions: Ring<DecisionRecord>
  /** Those who wait for a run that has not begun: the op runs already, or was stopped for a flush. */
  readonly #waiting = new Map<OpEntry, Caller[]>()
  /** Ops with callers whose run was stopped for a flush; begun again when no flush is urgent. */
  readonly #postponed = new Set<OpEntry>()
  readonly #memoryListener: Disposable
  readonly #shutdownDone = deferred<void>()
  #started = false
  #paused = false
  #stopping: Promise<void> | undefined
  #timer: Timer | undefined
  #pollRequested = false
  #earliestPollMs = Number.NEGATIVE_INFINITY
  #policyReportedMs = Number.NEGATIVE_INFINITY
  #lastChoseNone = false

  constructor(o: MaintenanceManagerOptions) {
    requireOptions(o)
    this.#o = o
    this.#registry = new OpRegistry({
      retryGraceMs: o.retryGraceMs,
      report: (entry, step, error) => this.#report(error, { op: entry.op.name, kind: entry.op.kind, step }),
    })
    this.#runs = new RunTable({
      clock: o.clock,
      pool: o.pool,
      events: o.events,
      jobIds: o.jobIds ?? jobIds(),
      historyCount: o.historyCount,
      onEnd: (run, record) => this.#ended(run, record),
    })
    this.#decisions = new Ring(o.historyCount)
    this.#memoryListener = o.memory.onLevel(() => this.#requestPoll())
  }

  /**
   * Makes an op known; it is asked at the next poll. TypeError if its name is taken or its fields are wrong;
   * DATABASE_CLOSED after `shutdown`.
   */
  register(op: MaintenanceOp): Registration {
    if (this.#stopping) throw closedError()
    requireOp(op)
    const entry = this.#registry.add(op)
    const registration: Registration = {
      unregister: () => this.#unregister(entry),
      changed: () => {
        this.#registry.markDirty(entry)
        this.#requestPoll()
      },
    }
    try {
      op.registered?.(registration)
    } catch (error) {
      this.#registry.remove(entry)
      throw error
    }
    registration.changed()
    return registration
  }

  /** Begins to poll. Idempotent; DATABASE_CLOSED after `shutdown`. */
  start(): void {
    if (this.#stopping) throw closedError()
    this.#started = true
    this.#requestPoll()
  }

  /** Begins no further op until `resume()`; what runs goes on, and `runNow` works. Idempotent. */
  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#requestPoll()
  }

  /**
   * Runs a registered op at once, whatever the policy thinks and however many run, and waits for it; if it runs
   * already as often as it may, waits and runs it again, one run for all who asked meanwhile. Resolves too if the op
   * finds nothing to do (`prepare` is false). Rejects with what the op failed with; with ABORTED if it is
   * unregistered, DATABASE_CLOSED if the manager is shut down, before the run begins.
   */
  async runNow(op: MaintenanceOp): Promise<void> {
    if (this.#stopping) throw closedError()
    const entry = this.#registry.get(op)
    if (entry === undefined || entry.closing)
      throw new TypeError(`The maintenance op ${op.name} is not registered. Call register(op) first.`)
    const { promise, resolve, reject } = deferred<void>()
    this.#wait(entry, [{ resolve, reject }])
    this.#serveWaiting(entry)
    return promise
  }

  /**
   * Stops: nothing is begun any more, runs are told to stop by their signals and waited for, though no longer than
   * `timeoutMs` (default: `shutdownTimeoutMs`); those that do not heed are reported as `background-error`. Idempotent.
   */
  shutdown(o: { timeoutMs?: number } = {}): Promise<void> {
    this.#stopping ??= this.#shutdown(o.timeoutMs ?? this.#o.shutdownTimeoutMs ?? 5_000)
    return this.#stopping
  }

  /** What runs, what ran, what fails, what was decided. Asks no op. */
  status(): MaintenanceStatus {
    const nowMs = this.#o.clock.monotonicMs()
    const failing = []
    for (const { op, lastError, notBeforeMs } of this.#registry.entries()) {
      if (lastError) failing.push({ op: op.name, error: lastError, retryInMs: Math.max(0, notBeforeMs - nowMs) })
    }
    return {
      state: this.#stopping ? 'stopped' : !this.#started ? 'created' : this.#paused ? 'paused' : 'running',
      policy: this.#o.policy.name,
      threads: this.#o.threads,
      opCount: this.#registry.count,
      runnableCount: this.#registry.runnable.length,
      running: [...this.#runs].map(({ entry: { op }, jobId, reason, begunMs }) => {
        return { op: op.name, kind: op.kind, jobId, reason, runningMs: nowMs - begunMs }
      }),
      failing,
      system: this.#system(),
      decisions: this.#decisions.toArray(),
      runs: this.#runs.history,
    }
  }

  /** What would be chosen now, and for each op that is runnable or failing why it would be, or not. Asks those that changed. */
  explain(): MaintenanceExplanation {
    if (!this.#stopping) this.#ask(Number.POSITIVE_INFINITY)
    const system = this.#system()
    let choice: Choice
    try {
      choice = this.#o.policy.choose(this.#candidates(system), system)
    } catch (error) {
      choice = { reason: `The policy ${this.#o.policy.name} failed: ${asError(error).message}` }
    }
    const candidates = explainCandidates({
      entries: this.#registry.entries(),
      choice,
      system,
      threads: this.#o.threads,
      paused: this.#paused,
    })
    return {
      policy: this.#o.policy.name,
      op: choice.op?.name,
      reason: choice.reason,
      system,
      candidates,
      idleCount: this.#registry.count - candidates.length,
    }
  }

  #requestPoll(): void {
    if (this.#pollRequested || !this.#started || this.#stopping) return
    this.#pollRequested = true
    this.#arm(Math.max(0, this.#earliestPollMs - this.#o.clock.monotonicMs()))
  }

  #arm(delayMs: number): void {
    this.#timer?.cancel()
    this.#timer = this.#o.clock.after(Math.min(delayMs, this.#o.pollIntervalMs), () => this.#poll())
  }

  #poll(): void {
    if (this.#stopping) return
    this.#pollRequested = false
    const begunMs = this.#o.clock.monotonicMs()
    try {
      if (!this.#paused) this.#schedule()
      this.#servePostponed()
    } catch (error) {
      this.#report(asError(error), { step: 'poll' })
    } finally {
      const endedMs = this.#o.clock.monotonicMs()
      // Ops that change without end must not make polling all that the main thread does.
      this.#earliestPollMs = endedMs + (pollCostRatio - 1) * (endedMs - begunMs)
      if (!this.#pollRequested && !this.#stopping) this.#arm(this.#o.pollIntervalMs)
    }
  }

  #schedule(): void {
    this.#ask(askedCountMax)
    while (this.#beginBest()) {
      // Each turn begins an op, or holds one back that could not begin, so this ends.
    }
    const urgent = this.#urgentFlush()
    if (urgent) this.#makeRoom(urgent)
    if (this.#registry.hasDirty) this.#requestPoll()
  }

  #ask(countMax: number): void {
    this.#registry.ask({ nowMs: this.#o.clock.monotonicMs(), wallMs: this.#o.clock.nowMs(), countMax })
  }

  /** Lets the policy choose once. True if the outcome leaves room for another choice. */
  #beginBest(): boolean {
    if (this.#runs.count >= this.#o.threads || this.#registry.runnable.length === 0) return false
    const system = this.#system()
    const candidates = this.#candidates(system)
    if (candidates.length === 0) return false
    let choice: Choice
    let entry: OpEntry | undefined
    try {
      choice = this.#o.policy.choose(candidates, system)
      entry = this.#chosen(choice, candidates)
    } catch (error) {
      this.#reportPolicy(asError(error))
      return false
    }
    this.#recordDecision(choice, system.nowMs)
    return entry !== undefined && this.#beginChosen(entry, choice.reason)
  }

  #chosen(choice: Choice, candidates: readonly OpEntry[]): OpEntry | undefined {
    if (choice.op === undefined) return undefined
    const entry = this.#registry.get(choice.op)
    if (entry && candidates.includes(entry)) return entry
    throw new TypeError(`The scheduling policy ${this.#o.policy.name} chose ${choice.op.name}, which was no candidate.`)
  }

  /** A choice of nothing is news only once, or an idle database would tell it four times a second. */
  #recordDecision(choice: Choice, atMs: number): void {
    const choseNone = choice.op === undefined
    if (choseNone && this.#lastChoseNone) return
    this.#lastChoseNone = choseNone
    const record = decisionRecord(choice, atMs)
    this.#decisions.push(record)
    this.#o.events.emit('op:decision', { op: record.op, reason: record.reason, candidates: record.candidates })
  }

  #beginChosen(entry: OpEntry, reason: string): boolean {
    const nowMs = this.#o.clock.monotonicMs()
    try {
      if (entry.op.prepare()) this.#begin(entry, reason, [])
      else this.#registry.holdBack(entry, { nowMs, delayMs: this.#o.pollIntervalMs })
    } catch (error) {
      this.#failed(entry, asError(error))
      this.#report(asError(error), { op: entry.op.name, kind: entry.op.kind, step: 'prepare' })
    }
    return true
  }

  #begin(entry: OpEntry, reason: string, callers: readonly Caller[]): void {
    this.#runs.begin(entry, { reason, callers })
    if (entry.runningCountMax > 1) this.#registry.markDirty(entry)
  }

  #failed(entry: OpEntry, error: Error): void {
    entry.lastError = error
    this.#registry.holdBack(entry, { nowMs: this.#o.clock.monotonicMs(), delayMs: this.#o.retryGraceMs })
  }

  #ended(run: Run, record: RunRecord): void {
    const { entry, callers } = run
    const { error } = record
    entry.runnableSinceMs = this.#o.clock.monotonicMs()
    if (error === undefined) {
      entry.lastError = undefined
      this.#registry.costs.learn(entry.op, { estimatedMs: run.estimatedMs, takenMs: record.durationMs })
    } else if (!record.cancelled) {
      this.#failed(entry, error)
      if (callers.length === 0) this.#report(error, { op: record.op, kind: record.kind, step: 'perform', jobId: record.jobId })
    } else if (run.preempted) {
      // So that a policy that prefers it to the flush cannot have it begun and stopped at every poll.
      this.#registry.holdBack(entry, { nowMs: this.#o.clock.monotonicMs(), delayMs: this.#o.pollIntervalMs })
    }
    this.#registry.markDirty(entry)
    if (error === undefined) for (const caller of callers) caller.resolve()
    else if (run.preempted && record.cancelled && !entry.closing && !this.#stopping) this.#postpone(entry, callers)
    else for (const caller of callers) caller.reject(error)
    if (!this.#postponed.has(entry)) this.#serveWaiting(entry)
    this.#requestPoll()
  }

  #wait(entry: OpEntry, callers: readonly Caller[]): void {
    this.#waiting.set(entry, [...(this.#waiting.get(entry) ?? []), ...callers])
  }

  #postpone(entry: OpEntry, callers: readonly Caller[]): void {
    if (callers.length === 0) return
    this.#wait(entry, callers)
    this.#postponed.add(entry)
  }

  /** Begins the run that callers wait for, unless the op runs as often as it may. */
  #serveWaiting(entry: OpEntry): void {
    const callers = this.#waiting.get(entry)
    if (callers === undefined || entry.runningCount >= entry.runningCountMax) return
    this.#waiting.delete(entry)
    this.#postponed.delete(entry)
    try {
      if (entry.op.prepare()) this.#begin(entry, 'asked for by a caller', callers)
      else for (const caller of callers) caller.resolve()
    } catch (error) {
      this.#failed(entry, asError(error))
      for (const caller of callers) caller.reject(asError(error))
    }
    this.#registry.markDirty(entry)
  }

  #servePostponed(): void {
    if (this.#postponed.size === 0 || this.#urgentFlush()) return
    for (const entry of [...this.#postponed]) {
      if (this.#runs.count < this.#o.threads) this.#serveWaiting(entry)
    }
  }

  /** A flush that would free memory and could begin, while memory is short. */
  #urgentFlush(): OpEntry | undefined {
    if (this.#o.memory.level() === 'normal') return undefined
    const nowMs = this.#o.clock.monotonicMs()
    return this.#registry.runnable.find((entry) => entry.op.kind === 'flush' && entry.stats.ramAnchoredBytes > 0 && canBegin(entry, nowMs))
  }

  /** When every thread is taken and none by a flush, the youngest run makes room: it loses the least work. */
  #makeRoom(flush: OpEntry): void {
    if (this.#runs.count < this.#o.threads) return
    let youngest: Run | undefined
    for (const run of this.#runs) {
      if (run.entry.op.kind === 'flush' || run.preempted) return
      youngest = run
    }
    if (youngest === undefined) return
    youngest.preempted = true
    youngest.controller.abort(
      new VarveError('ABORTED', `Stopped to make room for ${flush.op.name}: memory is short. It will be tried again.`),
    )
  }

  #candidates(system: SystemState): OpEntry[] {
    const nowMs = system.monotonicMs
    const candidates: OpEntry[] = []
    for (const entry of this.#registry.runnable) {
      if (canBegin(entry, nowMs) && (!system.onlyFlush || entry.op.kind === 'flush')) candidates.push(entry)
    }
    return candidates
  }

  #system(): SystemState {
    const { clock, memory, threads } = this.#o
    const wal = this.#o.walState?.()
    return {
      nowMs: clock.nowMs(),
      monotonicMs: clock.monotonicMs(),
      memoryUsedBytes: memory.usedBytes,
      memoryHeldBytes: memory.heldBytes,
      memoryLimitBytes: memory.limitBytes,
      memoryPressureBytes: memory.pressureBytes,
      memorySoftLimitBytes: memory.softLimitBytes,
      walBytes: wal?.walBytes ?? 0,
      walTargetBytes: wal?.targetBytes ?? Number.MAX_SAFE_INTEGER,
      threadsFree: Math.max(0, threads - this.#runs.count),
      onlyFlush: this.#runs.otherCount() >= Math.max(1, threads - 1),
    }
  }

  async #unregister(entry: OpEntry): Promise<void> {
    if (this.#registry.get(entry.op) !== entry) return
    this.#registry.retire(entry)
    this.#rejectWaiting(entry, new VarveError('ABORTED', `The maintenance op ${entry.op.name} was unregistered before it ran.`))
    const running = this.#runs.ofEntry(entry).map((run) => run.ended)
    if (running.length > 0) await Promise.race([Promise.all(running), this.#shutdownDone.promise])
    this.#registry.remove(entry)
  }

  #rejectWaiting(entry: OpEntry, error: Error): void {
    for (const caller of this.#waiting.get(entry) ?? []) caller.reject(error)
    this.#waiting.delete(entry)
    this.#postponed.delete(entry)
  }

  async #shutdown(timeoutMs: number): Promise<void> {
    // Deferred by a tick, so that #stopping is set before anything here calls back.
    await undefined
    this.#timer?.cancel()
    this.#memoryListener[Symbol.dispose]()
    for (const entry of [...this.#waiting.keys()]) this.#rejectWaiting(entry, closedError())
    for (const run of this.#runs) run.controller.abort(new VarveError('ABORTED', 'Maintenance is being shut down.'))
    const timeout = deferred<void>()
    const timer = this.#o.clock.after(timeoutMs, timeout.resolve)
    await Promise.race([Promise.all([...this.#runs].map((run) => run.ended)), timeout.promise])
    timer.cancel()
    for (const run of this.#runs) {
      const error = new VarveError('ABORTED', `${run.entry.op.name} was told to stop and still ran after ${timeoutMs} ms.`)
      for (const caller of run.callers) caller.reject(error)
      this.#report(error, { op: run.entry.op.name, kind: run.entry.op.kind, step: 'shutdown', jobId: run.jobId })
    }
    this.#shutdownDone.resolve()
  }

  #report(error: Error, context: Record<string, unknown>): void {
    this.#o.events.emit('background-error', { error, context })
  }

  /** A broken policy is asked at every poll, but reported no more often than an op would be tried. */
  #reportPolicy(error: Error): void {
    const nowMs = this.#o.clock.monotonicMs()
    if (nowMs - this.#policyReportedMs < this.#o.retryGraceMs) return
    this.#policyReportedMs = nowMs
    this.#report(error, { policy: this.#o.policy.name, step: 'choose' })
  }
}

function closedError(): VarveError {
  return new VarveError('DATABASE_CLOSED', 'Maintenance has been shut down, because the database was closed.')
}
