import { throwIfAborted, VarveError } from '../base/errors.ts'
import type { DiskRowSet } from '../rowset/disk-rowset.ts'

/** What may be done to rowsets on disk over several turns of the event loop. */
export type RowSetWork = 'flush' | 'delta compaction' | 'merging compaction' | 'alteration'

/** Says who works on some rowsets. To be released when the work has ended, however it did. */
export interface RowSetClaim {
  readonly work: RowSetWork
  /** None are named of an alteration, which claims all, those to come too. */
  readonly rowsets: readonly DiskRowSet[]
  /** Aborted when something more urgent wants one of the rowsets: the work should fail soon. */
  readonly signal: AbortSignal
  /** Changes of its rowsets may come to so many times what is urgent otherwise before their flush cancels it. */
  readonly patience: number
  release(): void
}

/**
 * Who works on which rowsets of a tablet (04, "MaintenanceManager"): a flush of changes may go on beside a delta compaction
 * of its rowset, and of one kind only one at a time; a merging compaction wants its rowsets for itself; while the table is
 * being altered, there are only flushes. Rowsets are told apart by their ids, as a major delta compaction gives a rowset
 * another base file.
 */
export class RowSetClaims {
  readonly #claims = new Map<RowSetClaim, AbortController>()
  readonly #onRelease: () => void
  #waiting: (() => void)[] = []
  #isEnded = false

  /** `onRelease` is called whenever rowsets are free again. */
  constructor(onRelease: () => void) {
    this.#onRelease = onRelease
  }

  /** Whether work on a rowset may begin now. */
  allows(work: RowSetWork, rowset: DiskRowSet): boolean {
    if (this.#isEnded) return false
    for (const claim of this.#claims.keys()) if (includes(claim, rowset) && excludes(claim.work, work)) return false
    return true
  }

  /** Claims rowsets; undefined: one of them is not free for it. `patience`: 1 by default. */
  take(work: RowSetWork, rowsets: readonly DiskRowSet[], patience = 1): RowSetClaim | undefined {
    return rowsets.every((rowset) => this.allows(work, rowset)) ? this.#claim(work, rowsets, patience) : undefined
  }

  /**
   * Gets in line for rowsets: nobody else begins on them, who can be cancelled is, and it resolves once all are free. What it
   * gives is to be released, and the rowsets as they are then taken, in one tick. Without a line, one who wants several rowsets may never find
   * all of them free at a time. ABORTED by the signal, or when something more urgent comes.
   */
  async makeRoom(work: RowSetWork, rowsets: readonly DiskRowSet[], o: { signal: AbortSignal; patience: number }): Promise<RowSetClaim> {
    // An alteration waits for all who are in line before it: behind it, nobody gets in.
    while ([...this.#claims.keys()].some((claim) => claim.work === 'alteration')) await this.released()
    const own = this.#claim(work, rowsets, o.patience)
    const signal = AbortSignal.any([o.signal, own.signal])
    const wake = () => this.#wake()
    signal.addEventListener('abort', wake)
    const others = () => {
      const all = [...this.#claims.keys()].filter((claim) => claim !== own && excludes(claim.work, work))
      return all.filter((claim) => rowsets.some((rowset) => includes(claim, rowset)))
    }
    try {
      for (const claim of others()) this.#claims.get(claim)?.abort()
      while (others().length > 0) {
        throwIfAborted(signal)
        await this.released()
      }
      throwIfAborted(signal)
      return own
    } catch (error) {
      own.release()
      throw error
    } finally {
      signal.removeEventListener('abort', wake)
    }
  }

  /** How much longer than usual a flush of the rowset's changes waits for who works on it. */
  patienceOf(rowset: DiskRowSet): number {
    let patience = 1
    for (const claim of this.#claims.keys()) if (includes(claim, rowset)) patience = Math.max(patience, claim.patience)
    return patience
  }

  /** Claims all rowsets for an alteration of the table: cancels what it cannot go on beside, and resolves when that has ended. */
  async takeForAlteration(): Promise<RowSetClaim> {
    const own = this.#claim('alteration', [], 1)
    const others = () => [...this.#claims.keys()].filter((claim) => claim !== own && excludes(claim.work, own.work))
    for (const claim of others()) this.#claims.get(claim)?.abort()
    while (others().length > 0) await this.released()
    return own
  }

  /** Cancels what keeps a rowset from being worked on. */
  interrupt(work: RowSetWork, rowset: DiskRowSet): void {
    for (const [claim, controller] of this.#claims) if (includes(claim, rowset) && excludes(claim.work, work)) controller.abort()
  }

  /** Resolves when some rowset has been released; at once if none is claimed. Rejects with ABORTED once others hold the rowsets. */
  async released(): Promise<void> {
    if (!this.#isEnded && this.#claims.size > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    if (this.#isEnded) throw new VarveError('ABORTED', 'The table was altered meanwhile.')
  }

  /** Tablets of another schema hold the rowsets now: nothing is to be done to them here any more. */
  end(): void {
    this.#isEnded = true
    this.#wake()
  }

  #claim(work: RowSetWork, rowsets: readonly DiskRowSet[], patience: number): RowSetClaim {
    const controller = new AbortController()
    const claim: RowSetClaim = { work, rowsets, signal: controller.signal, patience, release: () => this.#release(claim) }
    this.#claims.set(claim, controller)
    return claim
  }

  #release(claim: RowSetClaim): void {
    if (!this.#claims.delete(claim)) return
    this.#wake()
    this.#onRelease()
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }
}

function excludes(a: RowSetWork, b: RowSetWork): boolean {
  if (a === 'alteration' || b === 'alteration') return a !== 'flush' && b !== 'flush'
  return a === b || a === 'merging compaction' || b === 'merging compaction'
}

function includes({ work, rowsets }: RowSetClaim, { meta }: DiskRowSet): boolean {
  return work === 'alteration' || rowsets.some((rowset) => rowset.meta.rowset === meta.rowset)
}
