/** What is being done to a rowset: `delta`: its delta files are compacted; `merging`: its rows move to other rowsets. */
export type ClaimKind = 'delta' | 'merging'

/** Which rowsets of a tablet are being compacted: no two compactions take the same one. */
export class RowSetClaims<R> {
  readonly #claims = new Map<R, ClaimKind>()
  #waiting: (() => void)[] = []

  of(rowset: R): ClaimKind | undefined {
    return this.#claims.get(rowset)
  }

  /** Takes rowsets; false, and nothing taken, if one of them is taken already. */
  take(rowsets: readonly R[], kind: ClaimKind): boolean {
    if (rowsets.some((rowset) => this.#claims.has(rowset))) return false
    for (const rowset of rowsets) this.#claims.set(rowset, kind)
    return true
  }

  release(rowsets: readonly R[]): void {
    for (const rowset of rowsets) this.#claims.delete(rowset)
    for (const wake of this.#waiting.splice(0)) wake()
  }

  /** Resolves when some rowset has been released; at once if none is taken. */
  async released(): Promise<void> {
    if (this.#claims.size > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }
}
