import type { LogSegment } from './wal-recovery.ts'

/** The segments of a log before the live one, ascending; and which of them are still needed. */
export class SealedSegments {
  #list: readonly LogSegment[]

  constructor(list: readonly LogSegment[]) {
    this.#list = list
  }

  get list(): readonly LogSegment[] {
    return this.#list
  }

  get sizeBytes(): number {
    return this.#list.reduce((total, { sizeBytes }) => total + sizeBytes, 0)
  }

  add(segment: LogSegment): void {
    this.#list = [...this.#list, segment]
  }

  /** The oldest ones of which every op is below `anchor`. */
  obsoleteBefore(anchor: number): readonly LogSegment[] {
    const needed = this.#list.findIndex(({ lastOpId }) => lastOpId >= anchor)
    return needed < 0 ? this.#list : this.#list.slice(0, needed)
  }

  /** Forgets those of `obsoleteBefore`, and returns them. */
  takeObsolete(anchor: number): readonly LogSegment[] {
    const obsolete = this.obsoleteBefore(anchor)
    this.#list = this.#list.slice(obsolete.length)
    return obsolete
  }

  /** Bytes of those of which every op is at most `opId`. Asked several times a second: allocates nothing. */
  bytesThrough(opId: number): number {
    let total = 0
    for (const segment of this.#list) {
      if (segment.lastOpId > opId) break
      total += segment.sizeBytes
    }
    return total
  }
}
