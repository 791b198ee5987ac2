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

  /** The number of the first one that holds an op or a later one; undefined: none does. */
  numberOf(opId: number): number | undefined {
    return this.#list.find(({ lastOpId }) => lastOpId >= opId)?.fileNumber
  }

  /** Forgets those before a segment, and returns them. */
  takeBefore(fileNumber: number): readonly LogSegment[] {
    const needed = this.#list.findIndex((segment) => segment.fileNumber >= fileNumber)
    const before = needed < 0 ? this.#list : this.#list.slice(0, needed)
    this.#list = this.#list.slice(before.length)
    return before
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
