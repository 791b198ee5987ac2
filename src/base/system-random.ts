import { randomBytes } from 'node:crypto'
import { SeededRandom } from './seeded-random.ts'

/** Real chance: a stream from a seed that the operating system draws. The seed can be read, to print it and play it again. */
export function systemRandom(): SeededRandom {
  return new SeededRandom(Number(randomBytes(8).readBigUInt64LE() >> 11n))
}
