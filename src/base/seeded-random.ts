import type { Random } from './random.ts'

const warmUpCount = 16

/**
 * A stream of numbers that one seed determines: xoshiro128** (Blackman and Vigna, 2018), its state filled from the
 * two halves of the seed by SplitMix32, so that no two seeds share a stream. Fast and well distributed; not for secrets.
 */
export class SeededRandom implements Random {
  /** What to give the constructor to get this stream again. */
  readonly seed: number
  readonly #state = new Uint32Array(4)

  /** `seed`: any whole number within ±2^53; otherwise a TypeError. */
  constructor(seed: number) {
    if (!Number.isSafeInteger(seed)) throw new TypeError(`A seed must be a whole number within ±2^53, found ${seed}.`)
    this.seed = seed
    const low = seed | 0
    const high = Math.floor(seed / 2 ** 32) | 0
    this.#state.set([splitMix(low, 1), splitMix(low, 2), splitMix(high, 3), splitMix(high, 4)])
    // Lets the two halves of the seed mix, or seeds that differ in one half alone would begin alike.
    for (let i = 0; i < warmUpCount; i++) this.#word()
  }

  next(): number {
    return ((this.#word() >>> 5) * 2 ** 26 + (this.#word() >>> 6)) / 2 ** 53
  }

  /** A TypeError unless `bound` is a whole number from 1 to 2^53 − 1. */
  below(bound: number): number {
    if (!Number.isSafeInteger(bound) || bound < 1) throw new TypeError(`A bound must be a whole number of at least 1, found ${bound}.`)
    return Math.floor(this.next() * bound)
  }

  /** The next 32 bits, signed. */
  #word(): number {
    const s = this.#state
    const s0 = s[0] as number
    const s1 = s[1] as number
    const s2 = s[2] as number
    const s3 = s[3] as number
    const scaled = Math.imul(s1, 5)
    const word = Math.imul((scaled << 7) | (scaled >>> 25), 9)
    const mixed3 = s3 ^ s1
    s[1] = s1 ^ s2 ^ s0
    s[0] = s0 ^ mixed3
    s[2] = s2 ^ s0 ^ (s1 << 9)
    s[3] = (mixed3 << 11) | (mixed3 >>> 21)
    return word
  }
}

/** The n-th output of SplitMix32: a bijection of 32 bits that scatters near seeds. */
function splitMix(seed: number, n: number): number {
  let mixed = (seed + Math.imul(n, 0x9e3779b9)) | 0
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}
