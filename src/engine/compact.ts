import { throwIfAborted, VarveError } from '../base/errors.ts'
import type { MaintenanceManager } from '../maintenance/maintenance-manager.ts'
import type { MaintenanceOp } from '../maintenance/maintenance-op.ts'
import type { CompactionKind, Compactor } from '../tablet/compactor.ts'
import type { Tablet } from '../tablet/tablet.ts'

/** Compacts tablets on request: each as an op of its own, which the manager runs at once. */
export class CompactNow {
  readonly #manager: MaintenanceManager
  readonly #compactors: readonly Compactor[]
  #ordinal = 0

  constructor(manager: MaintenanceManager, compactors: readonly Compactor[]) {
    this.#manager = manager
    this.#compactors = compactors
  }

  /** One tablet after the other. SERVICE_NOT_FOUND if no plugin contributes the kind; ABORTED by the signal. */
  async run(tablets: readonly Tablet[], kind: CompactionKind, signal: AbortSignal | undefined): Promise<void> {
    const compactor = this.#compactors.find((each) => each.kind === kind)
    if (!compactor) {
      throw new VarveError(
        'SERVICE_NOT_FOUND',
        `No plugin contributes ${kind} compaction: is the plugin ${kind === 'merging' ? 'merging-compaction' : `${kind}-compaction`} disabled?`,
        { context: { kind } },
      )
    }
    for (const tablet of tablets) {
      throwIfAborted(signal)
      if (!tablet.isDropped) await this.#runOne(tablet, compactor, signal)
    }
  }

  async #runOne(tablet: Tablet, compactor: Compactor, signal: AbortSignal | undefined): Promise<void> {
    const op: MaintenanceOp = {
      name: `Compact(${compactor.kind}, ${tablet.label}) #${++this.#ordinal}`,
      kind: 'compaction',
      ioUsage: 'high',
      priority: 0,
      updateStats: () => undefined,
      prepare: () => true,
      perform: ({ signal: own, pool, jobId }) =>
        compactor.compact(tablet, { reason: 'asked for', jobId, pool, signal: signal ? AbortSignal.any([own, signal]) : own }),
    }
    const registration = this.#manager.register(op)
    try {
      await this.#manager.runNow(op)
    } catch (error) {
      // A table that is dropped or altered meanwhile has nothing left to compact here.
      if (!tablet.isDropped) throw error
    } finally {
      await registration.unregister()
    }
  }
}
