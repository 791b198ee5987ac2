import type { DiskRowSet } from '../rowset/disk-rowset.ts'

/** What may be done to rowsets on disk over several turns of the event loop. */
export type RowSetWork = 'flush' | 'delta compaction' | 'merging compaction'

/** Says who works on some rowsets. To be released when the work has ended, however it did. */
export interface RowSetClaim {
  readonly work: RowSetWork
  readonly rowsets: readonly DiskRowSet[]
  /** Aborted when something more urgent wants one of the rowsets: the work should fail soon. */
  readonly signal: AbortSignal
  release(): void
}

/**
 * Who works on which rowsets of a tablet (04, "MaintenanceManager"): a flush of changes may go on beside a delta compaction
 * of its rowset, and of one kind only one at a time; a merging compaction wants its rowsets for itself. Rowsets are told
 * apart by their ids, as a major delta compaction gives a rowset another base file.
 */
export class RowSetClaims {
  readonly #claims = new Map<RowSetClaim, AbortController>()
  readonly #onRelease: () => void
  #waiting: (() => void)[] = []

  /** `onRelease` is called whenever rowsets are free again. */
  constructor(onRelease: () => void) {
    this.#onRelease = onRelease
  }

  /** Whether work on a rowset may begin now. */
  allows(work: RowSetWork, rowset: DiskRowSet): boolean {
    for (const claim of this.#claims.keys()) if (includes(claim, rowset) && excludes(claim.work, work)) return false
    return true
  }

  /** Claims rowsets; undefined: one of them is not free for it. */
  take(work: RowSetWork, rowsets: readonly DiskRowSet[]): RowSetClaim | undefined {
    if (!rowsets.every((rowset) => this.allows(work, rowset))) return undefined
    const controller = new AbortController()
    const claim: RowSetClaim = { work, rowsets, signal: controller.signal, release: () => this.#release(claim) }
    this.#claims.set(claim, controller)
    return claim
  }

  /** Cancels what keeps a rowset from being worked on. */
  interrupt(work: RowSetWork, rowset: DiskRowSet): void {
    for (const [claim, controller] of this.#claims) if (includes(claim, rowset) && excludes(claim.work, work)) controller.abort()
  }

  /** Resolves when some rowset has been released; at once if none is claimed. */
  async released(): Promise<void> {
    if (this.#claims.size > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  #release(claim: RowSetClaim): void {
    if (!this.#claims.delete(claim)) return
    for (const wake of this.#waiting.splice(0)) wake()
    this.#onRelease()
  }
}

function excludes(a: RowSetWork, b: RowSetWork): boolean {
  return a === b || a === 'merging compaction' || b === 'merging compaction'
}

function includes({ rowsets }: RowSetClaim, { meta }: DiskRowSet): boolean {
  return rowsets.some((rowset) => rowset.meta.rowset === meta.rowset)
}
