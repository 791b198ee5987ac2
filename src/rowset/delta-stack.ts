import { invariant } from '../base/errors.ts'
import type { DeltaSource, MemDeltaSource } from './row-changes.ts'

let stackCount = 0

/**
 * The deltas of a rowset: which sources there are, in which order. Immutable, though a live store in it grows; whoever adds
 * or removes a source makes a new stack. Reads hold the one that they began with, and with it all of its sources.
 */
export class DeltaStack<S extends DeltaSource = DeltaSource> {
  /** No other stack has it. */
  readonly id = ++stackCount
  /** In any order: their times may overlap. */
  readonly undo: readonly S[]
  /** Files oldest first, then frozen stores oldest first, then the live one. */
  readonly redo: readonly S[]
  /** Beside each of `redo`: the same source if it lies in memory. */
  readonly stores: readonly (MemDeltaSource | undefined)[]
  private references = 1

  /** Retains every source. The caller holds the first reference to the stack. */
  constructor(o: { undo?: readonly S[]; redo?: readonly S[] } = {}) {
    this.undo = o.undo ?? []
    this.redo = o.redo ?? []
    this.stores = this.redo.map((source) => (isInMemory(source) ? source : undefined))
    for (const source of this.undo) source.retain()
    for (const source of this.redo) source.retain()
  }

  /** Whether there is no source, so that there cannot be a change either. */
  get isEmpty(): boolean {
    return this.redo.length === 0 && this.undo.length === 0
  }

  /** Whether a read at a timestamp may differ from the base data. Asked by every read. */
  appliesAt(timestamp: number): boolean {
    const { undo, redo } = this
    for (let i = 0; i < redo.length; i++) if ((redo[i] as S).minTime <= timestamp) return true
    for (let i = 0; i < undo.length; i++) if ((undo[i] as S).maxTime > timestamp) return true
    return false
  }

  /** How many changes its stores have: as long as that is the same, so is all that the stack holds. */
  get changesInMemory(): number {
    const { stores } = this
    let count = 0
    for (let i = 0; i < stores.length; i++) count += stores[i]?.changeCount ?? 0
    return count
  }

  /** Whether a row may be dead in the newest state. */
  get mayKillNow(): boolean {
    for (const source of this.redo) if (source.mayKill) return true
    return false
  }

  /** The same sources and a newer one, as a stack of its own. */
  withNewest(source: S): DeltaStack<S> {
    return new DeltaStack({ undo: this.undo, redo: [...this.redo, source] })
  }

  /**
   * The same sources but for those that were replaced, as a stack of its own. New redo takes the place of the first that it
   * replaces; without one it goes to the beginning.
   */
  replacing(replaced: readonly S[], by: { undo?: readonly S[]; redo?: readonly S[] }): DeltaStack<S> {
    const { undo, redo } = this
    const place = redo.findIndex((source) => replaced.includes(source))
    const left = redo.filter((source) => !replaced.includes(source))
    // No replaced one comes before the first, so that its place is the same in what is left.
    left.splice(Math.max(0, place), 0, ...(by.redo ?? []))
    return new DeltaStack({ undo: [...undo.filter((source) => !replaced.includes(source)), ...(by.undo ?? [])], redo: left })
  }

  /** Keeps the sources for one more user. */
  retain(): void {
    invariant(this.references > 0, 'a DeltaStack was retained after its last reference was released')
    this.references++
  }

  /** As `retain`; false, and nothing done, if the last reference was released already. */
  tryRetain(): boolean {
    if (this.references === 0) return false
    this.references++
    return true
  }

  /** Lets go; with the last reference, of every source. */
  release(): void {
    invariant(this.references > 0, 'a DeltaStack was released more often than retained')
    if (--this.references > 0) return
    for (const source of this.undo) source.release()
    for (const source of this.redo) source.release()
  }
}

/** Whether a source can be asked for single rows. */
export function isInMemory(source: DeltaSource): source is MemDeltaSource {
  return 'latestOf' in source
}
