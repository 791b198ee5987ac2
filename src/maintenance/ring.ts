/** The last `capacity` items of a series, oldest first; what comes before is forgotten. */
export class Ring<T> {
  readonly #items: T[] = []
  readonly #capacity: number
  #next = 0

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  push(item: T): void {
    if (this.#capacity === 0) return
    this.#items[this.#next] = item
    this.#next = (this.#next + 1) % this.#capacity
  }

  /** A copy, oldest first. */
  toArray(): T[] {
    if (this.#items.length < this.#capacity) return this.#items.slice()
    return [...this.#items.slice(this.#next), ...this.#items.slice(0, this.#next)]
  }
}
