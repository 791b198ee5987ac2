import { ThresholdPolicy } from '../../plugins/threshold-policy/threshold-policy.ts'
import { MaintenanceManager } from '../../src/maintenance/maintenance-manager.ts'
import type { MaintenanceManagerOptions } from '../../src/maintenance/maintenance-options.ts'
import { SharedMemoryBudget } from '../../src/maintenance/shared-memory-budget.ts'
import { SimulatedClock } from '../../src/testing/simulated-clock.ts'
import { type FakeOp, noPool, RecordingEvents } from './fake-ops.ts'

export const MiB = 2 ** 20
/** Stats of an op that is worth running. */
export const work = { runnable: true, perfImprovement: 1 }

/** A manager in a world that the test owns. */
export function setUp(o: Partial<MaintenanceManagerOptions> = {}) {
  const clock = new SimulatedClock()
  const events = new RecordingEvents()
  const memory = new SharedMemoryBudget({ limitBytes: 100 * MiB, events })
  const buffers = { name: 'buffers', kind: 'write-buffer' as const, usedBytes: 0 }
  memory.register(buffers)
  const manager = new MaintenanceManager({
    clock,
    events,
    memory,
    policy: new ThresholdPolicy(),
    pool: noPool,
    threads: 2,
    pollIntervalMs: 250,
    retryGraceMs: 10_000,
    historyCount: 8,
    ...o,
  })
  const register = (...ops: FakeOp[]) => ops.map((op) => manager.register(op))
  return { clock, events, memory, buffers, manager, register }
}
