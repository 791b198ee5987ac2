import { asError } from '../base/errors.ts'
import { CostCorrection } from './cost-correction.ts'
import type { MaintenanceOp, MaintenanceOpStats } from './maintenance-op.ts'
import type { Candidate } from './scheduling-policy.ts'
import { type Sleeper, WakeHeap } from './wake-heap.ts'

/** An overdue moment on the wall clock is looked for at least this often, because that clock may step. */
const dueCheckMsMax = 60_000

/** What the manager knows of one op. It is its own `Candidate`, so that a decision over thousands allocates none. */
export class OpEntry implements Candidate, Sleeper {
  readonly op: MaintenanceOp
  readonly stats: MaintenanceOpStats = emptyStats()
  runnableSinceMs = 0
  runningCount = 0
  /** What the op itself last estimated, before correction. */
  estimatedMs = 0
  /** Whether it waits in the list of ops to be asked. */
  dirty = false
  /** Place among the runnable, or −1. */
  runnableIndex = -1
  wakeAtMs = 0
  wakeIndex = -1
  /** Monotonic time before which it is neither asked nor begun: after a failure, or after `prepare` said no. */
  notBeforeMs = Number.NEGATIVE_INFINITY
  /** Why its last attempt failed, until one succeeds. */
  lastError: Error | undefined
  /** Unregistered: it is not begun again. */
  closing = false

  constructor(op: MaintenanceOp) {
    this.op = op
  }

  get runningCountMax(): number {
    return this.op.maxInstances ?? 1
  }
}

/**
 * Every registered op, and the three small sets that make a poll cheap: the *dirty*, whose stats may have changed; the
 * *sleeping*, who want to be asked at a time (a heap); the *runnable*, from whom a policy chooses. An op in none of
 * them costs a poll nothing.
 */
export class OpRegistry {
  readonly #entries = new Map<MaintenanceOp, OpEntry>()
  readonly #names = new Set<string>()
  readonly #sleeping = new WakeHeap<OpEntry>()
  readonly #runnable: OpEntry[] = []
  readonly #report: (entry: OpEntry, step: string, error: Error) => void
  readonly #retryGraceMs: number
  #dirty: OpEntry[] = []
  readonly costs = new CostCorrection()

  constructor(o: { retryGraceMs: number; report: (entry: OpEntry, step: string, error: Error) => void }) {
    this.#retryGraceMs = o.retryGraceMs
    this.#report = o.report
  }

  get count(): number {
    return this.#entries.size
  }

  get hasDirty(): boolean {
    return this.#dirty.length > 0
  }

  /** Ops that said they are worth running, in no order. Not to be kept. */
  get runnable(): readonly OpEntry[] {
    return this.#runnable
  }

  get(op: MaintenanceOp): OpEntry | undefined {
    return this.#entries.get(op)
  }

  entries(): IterableIterator<OpEntry> {
    return this.#entries.values()
  }

  /** Adds an op; TypeError if one of its name is there. */
  add(op: MaintenanceOp): OpEntry {
    if (this.#names.has(op.name)) {
      throw new TypeError(
        `A maintenance op named ${op.name} is registered already. Give each op a name of its own, like FlushMemRowSet(flights/0).`,
      )
    }
    const entry = new OpEntry(op)
    this.#names.add(op.name)
    this.#entries.set(op, entry)
    return entry
  }

  /** Takes the entry out of every set; its name stays taken until `remove`. In the list of the dirty it is passed over. */
  retire(entry: OpEntry): void {
    entry.closing = true
    this.#sleeping.remove(entry)
    this.#setRunnable(entry, false, 0)
  }

  remove(entry: OpEntry): void {
    this.retire(entry)
    if (this.#entries.delete(entry.op)) this.#names.delete(entry.op.name)
  }

  markDirty(entry: OpEntry): void {
    if (entry.dirty || entry.closing) return
    entry.dirty = true
    this.#dirty.push(entry)
  }

  /** Keeps the entry from being asked or begun for a while, then asks it. */
  holdBack(entry: OpEntry, o: { nowMs: number; delayMs: number }): void {
    if (entry.closing) return
    entry.notBeforeMs = o.nowMs + o.delayMs
    this.#sleeping.set(entry, entry.notBeforeMs)
  }

  /** Asks those whose stats may have changed or whose time has come, at most `countMax` of them. */
  ask(o: { nowMs: number; wallMs: number; countMax: number }): void {
    for (let entry = this.#sleeping.pop(o.nowMs); entry !== undefined; entry = this.#sleeping.pop(o.nowMs)) this.markDirty(entry)
    if (this.#dirty.length === 0) return
    const asked = this.#dirty
    // What is said while we ask goes on the next list: an op that says changed() in updateStats cannot hold us here.
    this.#dirty = asked.length > o.countMax ? asked.splice(o.countMax) : []
    for (const entry of asked) {
      entry.dirty = false
      if (entry.closing) continue
      if (entry.notBeforeMs > o.nowMs) this.#sleeping.set(entry, entry.notBeforeMs)
      // One that runs as often as it may is asked when a run ends.
      else if (entry.runningCount < entry.runningCountMax) this.#askOne(entry, o.nowMs, o.wallMs)
    }
  }

  #askOne(entry: OpEntry, nowMs: number, wallMs: number): void {
    const { stats } = entry
    resetStats(stats)
    try {
      entry.op.updateStats(stats)
      requireFinite(entry.op, stats)
    } catch (error) {
      if (entry.closing) return
      resetStats(stats)
      this.#setRunnable(entry, false, nowMs)
      entry.lastError = asError(error)
      this.holdBack(entry, { nowMs, delayMs: this.#retryGraceMs })
      this.#report(entry, 'updateStats', entry.lastError)
      return
    }
    if (entry.closing) return
    entry.estimatedMs = stats.cpuMs
    stats.cpuMs *= this.costs.factor(entry.op)
    this.#setRunnable(entry, stats.runnable, nowMs)
    const delayMs = askAgainDelay(stats, wallMs)
    if (delayMs !== undefined) this.#sleeping.set(entry, nowMs + delayMs)
    else this.#sleeping.remove(entry)
  }

  #setRunnable(entry: OpEntry, runnable: boolean, nowMs: number): void {
    const index = entry.runnableIndex
    if (runnable === index >= 0) return
    if (runnable) {
      entry.runnableSinceMs = nowMs
      entry.runnableIndex = this.#runnable.length
      this.#runnable.push(entry)
      return
    }
    entry.runnableIndex = -1
    const last = this.#runnable.pop()
    if (last === undefined || last === entry) return
    this.#runnable[index] = last
    last.runnableIndex = index
  }
}

/** Whether another instance may begin now. */
export function canBegin(entry: OpEntry, nowMs: number): boolean {
  return !entry.closing && entry.runningCount < entry.runningCountMax && entry.notBeforeMs <= nowMs
}

function askAgainDelay(stats: MaintenanceOpStats, wallMs: number): number | undefined {
  let delayMs = stats.askAgainInMs
  const { dueAtMs } = stats
  if (dueAtMs !== undefined && dueAtMs > wallMs) {
    delayMs = Math.min(delayMs ?? Number.POSITIVE_INFINITY, dueAtMs - wallMs, dueCheckMsMax)
  }
  return delayMs
}

function emptyStats(): MaintenanceOpStats {
  return {
    runnable: false,
    ramAnchoredBytes: 0,
    logsRetainedBytes: 0,
    dataRetainedBytes: 0,
    perfImprovement: 0,
    workloadScore: 0,
    ioBytes: 0,
    cpuMs: 0,
    dueAtMs: undefined,
    askAgainInMs: undefined,
  }
}

function resetStats(stats: MaintenanceOpStats): void {
  stats.runnable = false
  stats.ramAnchoredBytes = 0
  stats.logsRetainedBytes = 0
  stats.dataRetainedBytes = 0
  stats.perfImprovement = 0
  stats.workloadScore = 0
  stats.ioBytes = 0
  stats.cpuMs = 0
  stats.dueAtMs = undefined
  stats.askAgainInMs = undefined
}

/** One NaN would poison every comparison of a policy, so figures are checked where they come in. */
function requireFinite(op: MaintenanceOp, stats: MaintenanceOpStats): void {
  const sum =
    stats.ramAnchoredBytes +
    stats.logsRetainedBytes +
    stats.dataRetainedBytes +
    stats.perfImprovement +
    stats.workloadScore +
    stats.ioBytes +
    stats.cpuMs +
    (stats.dueAtMs ?? 0) +
    (stats.askAgainInMs ?? 0)
  if (Number.isFinite(sum)) return
  const wrong = Object.entries(stats).filter(([, value]) => typeof value !== 'boolean' && value !== undefined && !Number.isFinite(value))
  throw new TypeError(
    `updateStats of ${op.name} gave figures that are not finite: ${wrong.map(([name, value]) => `${name} ${value}`).join(', ')}.`,
  )
}
