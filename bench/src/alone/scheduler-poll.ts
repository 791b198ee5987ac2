import { setImmediate } from 'node:timers/promises'
import { ThresholdPolicy } from '../../../plugins/threshold-policy/threshold-policy.ts'
import type { Clock, Timer } from '../../../src/base/clock.ts'
import { GuardedEventBus } from '../../../src/events/event-bus.ts'
import { MaintenanceManager } from '../../../src/maintenance/maintenance-manager.ts'
import type { MaintenanceOp, Registration } from '../../../src/maintenance/maintenance-op.ts'
import { SharedMemoryBudget } from '../../../src/maintenance/shared-memory-budget.ts'
import { InlineWorkerPool } from '../../../src/testing/inline-worker-pool.ts'
import { median } from '../run/median.ts'
import type { Measure } from './measure.ts'

const idleOps = 100_000
const changedOps = 10_000
const polls = 201
const turns = 21
/** Enough for the manager to ask every op once: it asks ten thousand a poll. */
const firstPolls = 20

/** Times the manager's own poll, by a clock whose timers the measure fires itself. */
export const schedulerPoll: Measure = {
  name: 'scheduler poll',
  readings: [
    { figure: 'idleUs', name: 'scheduler poll, 100,000 idle ops', unit: 'µs', goal: { atMost: 50 } },
    { figure: 'decisionMs', name: 'scheduler decision, 10,000 changed ops', unit: 'ms', goal: { atMost: 5 } },
  ],
  async run() {
    const clock = new HandClock()
    const events = new GuardedEventBus()
    const manager = new MaintenanceManager({
      clock,
      events,
      policy: new ThresholdPolicy(),
      pool: new InlineWorkerPool(),
      memory: new SharedMemoryBudget({ limitBytes: 2 ** 28, pressureAt: 0.6, softLimitAt: 0.8, events }),
      threads: 2,
      pollIntervalMs: 250,
      retryGraceMs: 10_000,
      historyCount: 64,
    })
    const ops = Array.from({ length: idleOps }, (_, i) => new QuietOp(i))
    for (const op of ops) manager.register(op)
    manager.start()
    for (let poll = 0; poll < firstPolls; poll++) clock.poll()
    const idle = Array.from({ length: polls }, () => clock.poll())
    const decisions: number[] = []
    for (let turn = 0; turn < turns; turn++) {
      const changed = ops.slice((turn * changedOps) % idleOps, ((turn * changedOps) % idleOps) + changedOps)
      for (const [i, op] of changed.entries()) op.change(1 + ((turn + i) % 97))
      decisions.push(clock.poll())
      await setImmediate()
      for (const op of changed) op.change(0)
      clock.poll()
    }
    await manager.shutdown()
    return { idleUs: median(idle) * 1000, decisionMs: median(decisions) }
  },
}

/** Worth running when told so; a run takes no time, so that the decision alone is timed. */
class QuietOp implements MaintenanceOp {
  readonly name: string
  readonly kind = 'compaction'
  readonly ioUsage = 'high'
  readonly priority = 0
  #registration: Registration | undefined
  #perfImprovement = 0

  constructor(index: number) {
    this.name = `Quiet(${index})`
  }

  registered(registration: Registration): void {
    this.#registration = registration
  }

  change(perfImprovement: number): void {
    this.#perfImprovement = perfImprovement
    this.#registration?.changed()
  }

  updateStats(stats: { runnable: boolean; perfImprovement: number }): void {
    stats.runnable = this.#perfImprovement > 0
    stats.perfImprovement = this.#perfImprovement
  }

  prepare(): boolean {
    return true
  }

  async perform(): Promise<void> {}
}

/** Keeps the one timer that the manager arms; time passes as on the wall. */
class HandClock implements Clock {
  #due: { run: () => void } | undefined

  nowMs(): number {
    return Date.now()
  }

  monotonicMs(): number {
    return performance.now()
  }

  after(_ms: number, run: () => void): Timer {
    const due = { run }
    this.#due = due
    const cancel = () => {
      if (this.#due === due) this.#due = undefined
    }
    return { cancel, [Symbol.dispose]: cancel }
  }

  sleep(): Promise<void> {
    return Promise.resolve()
  }

  /** Lets the manager poll, and says how many milliseconds that took. */
  poll(): number {
    const begunMs = performance.now()
    this.#due?.run()
    return performance.now() - begunMs
  }
}
