import { throwIfAborted, VarveError } from '../base/errors.ts'
import type { MaintenanceManager } from '../maintenance/maintenance-manager.ts'
import type { MaintenanceOp } from '../maintenance/maintenance-op.ts'
import type { CompactionContext, CompactionKind, Compactor } from '../tablet/compactor.ts'
import type { Tablet } from '../tablet/tablet.ts'

/** Before a compaction that was cancelled is begun anew, in milliseconds: what cancelled it goes first. */
const againMs = 5

/**
 * Compacts tablets on request: each as an op of its own, which the manager runs at once, but of one tablet one after the
 * other, as they would cancel each other. What something more urgent has cancelled begins anew.
 */
export class CompactNow {
  readonly #manager: MaintenanceManager
  readonly #compactors: readonly Compactor[]
  /** When the last compaction that was asked for of a tablet ends; never rejects. */
  readonly #ends = new WeakMap<Tablet, Promise<unknown>>()
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
      await this.#inTurn(tablet, signal, () => this.#runOne(tablet, compactor, signal))
    }
  }

  /** Runs it once those that were asked for before have ended; ABORTED by the signal if that comes first. */
  async #inTurn(tablet: Tablet, signal: AbortSignal | undefined, run: () => Promise<void>): Promise<void> {
    const before = this.#ends.get(tablet)
    const work = (async () => {
      await before
      throwIfAborted(signal)
      if (!tablet.isDropped) await run()
    })()
    this.#ends.set(
      tablet,
      work.catch(() => undefined),
    )
    if (before && signal) await endOrAbort(before, signal)
    await work
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
        untilDone(tablet, compactor, { reason: 'asked for', jobId, pool, signal: signal ? AbortSignal.any([own, signal]) : own }),
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

/** An urgent flush of changes, or an alteration of the table, may cancel what is under way. */
async function untilDone(tablet: Tablet, compactor: Compactor, context: CompactionContext): Promise<void> {
  for (;;) {
    try {
      return await compactor.compact(tablet, context)
    } catch (error) {
      const isCancelled = error instanceof VarveError && error.code === 'ABORTED' && !context.signal.aborted
      if (!isCancelled || tablet.isDropped) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, againMs))
    await endOrAbort(tablet.claims.released(), context.signal)
  }
}

/** Waits for the promise; ABORTED if the signal fires first. */
async function endOrAbort(promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
  let stop: () => void = () => undefined
  const aborted = new Promise<void>((resolve) => {
    stop = resolve
  })
  signal.addEventListener('abort', stop, { once: true })
  try {
    throwIfAborted(signal)
    await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', stop)
  }
  throwIfAborted(signal)
}
