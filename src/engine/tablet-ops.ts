import { VarveError } from '../base/errors.ts'
import { nextTurn } from '../base/event-loop-gate.ts'
import type { MaintenanceManager } from '../maintenance/maintenance-manager.ts'
import type { MaintenanceOp, MaintenanceOpFactory, Registration } from '../maintenance/maintenance-op.ts'
import type { Tablet } from '../tablet/tablet.ts'
import type { TabletMaintenance } from './alter-table.ts'

interface Registered {
  readonly op: MaintenanceOp
  readonly registration: Registration
}

/** Keeps the manager's ops in step with the tablets: made by the factories that plugins contribute, dropped with the tablet. */
export class TabletOps implements TabletMaintenance {
  readonly #manager: MaintenanceManager
  readonly #factories: readonly MaintenanceOpFactory<Tablet>[]
  readonly #requireWritable: () => void
  readonly #ops = new Map<Tablet, Registered[]>()
  #isShutDown = false

  /** `requireWritable` throws once nothing may be written any more. */
  constructor(o: { manager: MaintenanceManager; factories: readonly MaintenanceOpFactory<Tablet>[]; requireWritable: () => void }) {
    const { manager, factories } = o
    this.#manager = manager
    this.#factories = factories
    this.#requireWritable = o.requireWritable
    for (const factory of factories) for (const op of factory.forDatabase?.() ?? []) manager.register(op)
  }

  /** Once all of maintenance has been shut down, a tablet gets no ops. */
  added(tablet: Tablet): void {
    if (this.#isShutDown) return
    const ops = this.#factories.flatMap((factory) => factory.forTablet?.(tablet) ?? [])
    this.#ops.set(
      tablet,
      ops.map((op) => ({ op, registration: this.#manager.register(op) })),
    )
  }

  /** Resolves when none of the tablet's ops runs any more; until then their names are taken. */
  async removed(tablet: Tablet): Promise<void> {
    const registered = this.#ops.get(tablet) ?? []
    this.#ops.delete(tablet)
    await Promise.all(registered.map(({ registration }) => registration.unregister()))
  }

  /** Runs every flush op of the tablets now, and waits until nothing that was in memory at the call is in memory only. Rejects once nothing may be written any more. */
  async flush(tablets: readonly Tablet[]): Promise<void> {
    await Promise.all(tablets.map((tablet) => this.#flushTablet(tablet)))
  }

  async #flushTablet(tablet: Tablet): Promise<void> {
    const newestOp = tablet.host.lastAppliedOp
    const remains = () => (tablet.oldestOpId ?? Number.POSITIVE_INFINITY) <= newestOp
    const flushOps = (this.#ops.get(tablet) ?? []).filter(({ op }) => op.kind === 'flush')
    if (flushOps.length === 0 && remains()) {
      throw new VarveError('SERVICE_NOT_FOUND', 'No plugin contributes a flush op: is the flush plugin disabled?', {
        context: { table: tablet.table },
      })
    }
    while (remains() && !tablet.isDropped) {
      this.#requireWritable()
      for (const { op } of flushOps) await this.#manager.runNow(op).catch((error: unknown) => ignoreIfDropped(tablet, error))
      // An op may decline for now, while a large batch is being applied.
      await nextTurn()
    }
  }

  /** Cancels and waits for what runs, no longer than `timeoutMs`. */
  async shutDown(timeoutMs: number): Promise<void> {
    this.#isShutDown = true
    await this.#manager.shutdown({ timeoutMs })
  }
}

/** A table that is dropped meanwhile has nothing left to flush. */
function ignoreIfDropped(tablet: Tablet, error: unknown): void {
  if (!tablet.isDropped) throw error
}
