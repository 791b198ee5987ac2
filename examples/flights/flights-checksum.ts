/**
 * A checksum of flights that does not depend on their order: every row is hashed to 64 bits over all its columns, and the
 * hashes are added up. The row's number is part of its hash, so that two rows that traded a value are found too.
 */
export class FlightsChecksum {
  #low = 0
  #high = 0
  readonly #texts = new Map<string, number>()

  /** Adds one row; texts as `hashText` gives them. */
  add(number: number, date: number, delay: number, distance: number, origin: number, destination: number): void {
    const dateHigh = Math.floor(date / 2 ** 32)
    let low = mix(0x9e3779b9, number)
    low = mix(mix(low, date), dateHigh)
    low = mix(mix(low, delay), distance)
    low = mix(mix(low, origin), destination)
    let high = mix(0x7f4a7c15, number)
    high = mix(mix(high, date), dateHigh)
    high = mix(mix(high, delay), distance)
    high = mix(mix(high, origin), destination)
    this.#low = (this.#low + low) >>> 0
    this.#high = (this.#high + high) >>> 0
  }

  /** Adds what other rows add up to: a checksum as `sums` gives it. */
  addSums([low, high]: readonly [number, number]): void {
    this.#low = (this.#low + low) >>> 0
    this.#high = (this.#high + high) >>> 0
  }

  /** The checksum as two numbers of 32 bits. */
  get sums(): readonly [low: number, high: number] {
    return [this.#low, this.#high]
  }

  /** A text as a number; each distinct text is hashed once. */
  hashText(text: string): number {
    let hash = this.#texts.get(text)
    if (hash === undefined) {
      hash = 0x811c9dc5
      for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
      this.#texts.set(text, hash)
    }
    return hash
  }

  /** Sixteen hexadecimal digits. */
  toString(): string {
    return [this.#high, this.#low].map((half) => half.toString(16).padStart(8, '0')).join('')
  }
}

/** Takes the low 32 bits of `value` into a hash. */
function mix(hash: number, value: number): number {
  const mixed = Math.imul(hash ^ (value | 0), 0x85ebca6b)
  return Math.imul(mixed ^ (mixed >>> 15), 0xc2b2ae35) ^ (mixed >>> 13)
}
