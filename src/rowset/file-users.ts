/** Counts those who read one file: when the last of them has left, nobody reads it any more. */
export class FileUsers {
  readonly #onReleased: (() => void) | undefined
  #count = 1

  /** The caller is the first user. `onReleased` is called once, when the last one leaves. */
  constructor(onReleased: (() => void) | undefined) {
    this.#onReleased = onReleased
  }

  /** One user more; the same object, for it to `leave`. */
  join(): this {
    this.#count++
    return this
  }

  leave(): void {
    if (--this.#count === 0) this.#onReleased?.()
  }
}
