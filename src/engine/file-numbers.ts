/** The one sequence of numbers for all files of a database; no number is used twice. */
export class FileNumbers {
  #next: number

  constructor(first: number) {
    this.#next = first
  }

  /** The number that `next` would give. */
  get peek(): number {
    return this.#next
  }

  next(): number {
    return this.#next++
  }
}
