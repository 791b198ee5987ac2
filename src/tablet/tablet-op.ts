import type { MaintenanceOp, MaintenanceOpKind, MaintenanceOpStats, Registration } from '../maintenance/maintenance-op.ts'
import type { Tablet } from './tablet.ts'

/**
 * An op that maintains one tablet: named after it, with its table's priority, and asked again whenever the tablet changes.
 * `name`: what the op does, `FlushMemRowSet`; the op is called `FlushMemRowSet(flights/0)`.
 */
export abstract class TabletOp implements MaintenanceOp {
  readonly name: string
  abstract readonly kind: MaintenanceOpKind
  readonly ioUsage: 'low' | 'high' = 'high'
  readonly priority: number
  protected readonly tablet: Tablet

  constructor(name: string, tablet: Tablet) {
    this.name = `${name}(${tablet.label})`
    this.priority = tablet.schema.maintenance.priority
    this.tablet = tablet
  }

  registered(registration: Registration): void {
    this.tablet.onChange(() => registration.changed())
  }

  abstract updateStats(stats: MaintenanceOpStats): void
  abstract prepare(): boolean
  abstract perform(context: Parameters<MaintenanceOp['perform']>[0]): Promise<void>
}
