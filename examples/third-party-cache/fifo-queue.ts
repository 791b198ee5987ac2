import type { CacheableBlock } from 'varve/plugin'

/** A cached block, and its place in the queue that holds it. */
export interface Entry {
  readonly file: number
  readonly block: number
  readonly bytes: CacheableBlock
  /** What the entry counts for, overhead included. */
  readonly sizeBytes: number
  /** How often it was asked for since it was last looked at; 3 at most. */
  uses: number
  queue: FifoQueue
  newer: Entry | undefined
  older: Entry | undefined
}

/** Entries in the order of arrival, linked both ways so that any can leave at once. */
export class FifoQueue {
  #newest: Entry | undefined
  #oldest: Entry | undefined
  #count = 0
  #sizeBytes = 0

  get oldest(): Entry | undefined {
    return this.#oldest
  }

  get count(): number {
    return this.#count
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  push(entry: Entry): void {
    entry.newer = undefined
    entry.older = this.#newest
    if (this.#newest === undefined) this.#oldest = entry
    else this.#newest.newer = entry
    this.#newest = entry
    this.#count++
    this.#sizeBytes += entry.sizeBytes
  }

  remove(entry: Entry): void {
    if (entry.newer === undefined) this.#newest = entry.older
    else entry.newer.older = entry.older
    if (entry.older === undefined) this.#oldest = entry.newer
    else entry.older.newer = entry.newer
    entry.newer = undefined
    entry.older = undefined
    this.#count--
    this.#sizeBytes -= entry.sizeBytes
  }
}
