/** Something that wants to be woken at a time. The heap owns `wakeIndex`; nobody else writes either field. */
export interface Sleeper {
  wakeAtMs: number
  /** Place in the heap, or −1. */
  wakeIndex: number
}

/**
 * A binary heap of sleepers by `wakeAtMs`. Each sleeper knows its place, so a new time moves it (O(log n)) and no stale
 * entries pile up; to see that nobody is due costs one comparison.
 */
export class WakeHeap<S extends Sleeper> {
  readonly #heap: S[] = []

  get count(): number {
    return this.#heap.length
  }

  /** Wakes the sleeper at `atMs` instead of whatever was set before. */
  set(sleeper: S, atMs: number): void {
    this.remove(sleeper)
    sleeper.wakeAtMs = atMs
    sleeper.wakeIndex = this.#heap.length
    this.#heap.push(sleeper)
    this.#up(sleeper.wakeIndex)
  }

  remove(sleeper: S): void {
    const index = sleeper.wakeIndex
    if (index < 0) return
    sleeper.wakeIndex = -1
    const last = this.#heap.pop()
    if (last === undefined || last === sleeper) return
    this.#place(last, index)
    this.#up(index)
    this.#down(last.wakeIndex)
  }

  /** Takes out the sleeper that is due longest, if one is due at `nowMs`. */
  pop(nowMs: number): S | undefined {
    const first = this.#heap[0]
    if (first === undefined || first.wakeAtMs > nowMs) return undefined
    this.remove(first)
    return first
  }

  #place(sleeper: S, index: number): void {
    this.#heap[index] = sleeper
    sleeper.wakeIndex = index
  }

  #up(start: number): void {
    let index = start
    const sleeper = this.#heap[index]
    if (sleeper === undefined) return
    while (index > 0) {
      const parentIndex = (index - 1) >> 1
      const parent = this.#heap[parentIndex]
      if (parent === undefined || parent.wakeAtMs <= sleeper.wakeAtMs) break
      this.#place(parent, index)
      index = parentIndex
    }
    this.#place(sleeper, index)
  }

  #down(start: number): void {
    let index = start
    const sleeper = this.#heap[index]
    if (sleeper === undefined) return
    for (;;) {
      let child = this.#heap[2 * index + 1]
      if (child === undefined) break
      const right = this.#heap[2 * index + 2]
      if (right !== undefined && right.wakeAtMs < child.wakeAtMs) child = right
      if (child.wakeAtMs >= sleeper.wakeAtMs) break
      const childIndex = child.wakeIndex
      this.#place(child, index)
      index = childIndex
    }
    this.#place(sleeper, index)
  }
}
