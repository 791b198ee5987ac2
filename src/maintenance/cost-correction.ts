import type { MaintenanceOp } from './maintenance-op.ts'

/** How much the newest run counts against all earlier ones. */
const newestWeight = 0.25
/** No correction makes an op look cheaper or dearer than by this factor. */
const factorMax = 64

/**
 * Corrects the price that ops state by what their runs took. Ops of one family (`FlushMemRowSet(flights/0)` and
 * `FlushMemRowSet(events/3)`: the name up to its parenthesis) share one factor, an exponentially weighted geometric
 * mean of taken ÷ estimated, so that a new tablet profits from what the others have shown.
 */
export class CostCorrection {
  readonly #factors = new Map<string, number>()

  /** What an estimate of 1 has turned out to cost lately; 1 before the first run. */
  factor(op: MaintenanceOp): number {
    return this.#factors.size === 0 ? 1 : (this.#factors.get(opFamily(op)) ?? 1)
  }

  /** Learns from a run that succeeded. Runs without an estimate teach nothing. */
  learn(op: MaintenanceOp, o: { estimatedMs: number; takenMs: number }): void {
    if (!(o.estimatedMs > 0) || !(o.takenMs > 0)) return
    const ratio = Math.min(factorMax, Math.max(1 / factorMax, o.takenMs / o.estimatedMs))
    const family = opFamily(op)
    const before = this.#factors.get(family)
    this.#factors.set(family, before === undefined ? ratio : before ** (1 - newestWeight) * ratio ** newestWeight)
  }
}

/** The name up to its parenthesis. */
export function opFamily(op: MaintenanceOp): string {
  const end = op.name.indexOf('(')
  return end < 0 ? op.name : op.name.slice(0, end)
}
