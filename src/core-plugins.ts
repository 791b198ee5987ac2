/**
 * The parts of the default assembly that are plugins in form only: they live in the engine's own rooms, and are swapped
 * like any other by a plugin that provides the same service. `open.ts` lists them beside the folders of `plugins/`.
 */
import { Clock } from './base/clock.ts'
import { token } from './base/token.ts'
import { Cleaner } from './cleaner/cleaner.ts'
import { DeletingCleaner } from './cleaner/deleting-cleaner.ts'
import { EventBus } from './events/event-map.ts'
import { JobIds } from './events/job-ids.ts'
import type { ResolvedConfig } from './kernel/config.ts'
import { definePlugin } from './kernel/define-plugin.ts'
import { MaintenanceManager } from './maintenance/maintenance-manager.ts'
import { MemoryBudget } from './maintenance/memory-budget.ts'
import { PiscinaWorkerPool } from './maintenance/piscina-worker-pool.ts'
import { SchedulingPolicy } from './maintenance/scheduling-policy.ts'
import { SharedMemoryBudget } from './maintenance/shared-memory-budget.ts'
import { WorkerPool } from './maintenance/worker-pool.ts'

/** What the manager asks of the log, which is opened after it was made. */
export interface WalState {
  current: () => { readonly walBytes: number; readonly targetBytes: number }
}
export const WalState = token<WalState>('WalState')

/** The checked configuration, for core plugins. */
export const Configuration = token<ResolvedConfig>('Configuration')

/** Deletes files that no version needs. */
export const deletingCleaner = definePlugin({
  name: 'deleting-cleaner',
  provides: [Cleaner],
  bind(module) {
    module.provide(Cleaner, [], () => new DeletingCleaner())
  },
})

/** Runs jobs on worker threads, by piscina. */
export const piscinaWorkerPool = definePlugin({
  name: 'piscina-worker-pool',
  provides: [WorkerPool],
  bind(module) {
    module.provide(
      WorkerPool,
      [Configuration, Clock],
      (config, clock) => new PiscinaWorkerPool({ clock, threads: config.maintenance.threads }),
    )
  },
})

/** Counts all memory of the database against one limit. */
export const sharedMemoryBudget = definePlugin({
  name: 'shared-memory-budget',
  provides: [MemoryBudget],
  bind(module) {
    module.provide(MemoryBudget, [Configuration, EventBus], ({ memory }, events) => new SharedMemoryBudget({ ...memory, events }))
  },
})

/** Schedules maintenance. */
export const maintenanceManager = definePlugin({
  name: 'maintenance-manager',
  provides: [MaintenanceManager.token],
  bind(module) {
    module.provide(
      MaintenanceManager.token,
      [Configuration, Clock, SchedulingPolicy, WorkerPool, EventBus, MemoryBudget, WalState, JobIds],
      (config, clock, policy, pool, events, memory, wal, jobIds) =>
        new MaintenanceManager({ ...config.maintenance, clock, policy, pool, events, memory, jobIds, walState: () => wal.current() }),
      { stop: (manager) => manager.shutdown() },
    )
  },
})
