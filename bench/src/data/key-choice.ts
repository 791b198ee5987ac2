/**
 * How YCSB chooses keys (Cooper et al., "Benchmarking Cloud Serving Systems with YCSB", 2010). The Zipfian numbers are made as in
 * Gray et al., "Quickly Generating Billion-Record Synthetic Databases" (1994): with n items and the constant θ, item i (from 0)
 * is chosen in proportion to 1 / (i + 1)^θ. *Scrambled*: a hash spreads the favourites over all keys.
 */
import { mix } from './metrics-data.ts'

/** YCSB's own. */
const zipfianConstant = 0.99

/** Numbers from 0 up to, not including, 1; the same in every process. */
export class Chance {
  #state: number

  constructor(seed: number) {
    this.#state = mix(seed + 0x51ed270b)
  }

  next(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0
    return mix(this.#state) / 2 ** 32
  }

  below(count: number): number {
    return Math.floor(this.next() * count)
  }
}

/** Ranks from 0, the favourite, up to, not including, `count`. */
export class ZipfianRanks {
  readonly #count: number
  readonly #zetaOfAll: number
  readonly #alpha: number
  readonly #eta: number

  constructor(count: number) {
    const theta = zipfianConstant
    const zetaOfTwo = zeta(2, theta)
    this.#count = count
    this.#zetaOfAll = zeta(count, theta)
    this.#alpha = 1 / (1 - theta)
    this.#eta = (1 - (2 / count) ** (1 - theta)) / (1 - zetaOfTwo / this.#zetaOfAll)
  }

  next(chance: Chance): number {
    const u = chance.next()
    const uz = u * this.#zetaOfAll
    if (uz < 1) return 0
    if (uz < 1 + 0.5 ** zipfianConstant) return 1
    return Math.min(this.#count - 1, Math.floor(this.#count * (this.#eta * u - this.#eta + 1) ** this.#alpha))
  }
}

export type Distribution = 'uniform' | 'zipfian'

/** Chooses among rows 0 up to `rowCount`; of workload D by age, the newest row first. */
export type ChooseRow = (rowCount: number) => number

export function chooseRow(distribution: Distribution, rows: number, o: { chance: Chance; latest: boolean }): ChooseRow {
  const { chance, latest } = o
  if (distribution === 'uniform') return (rowCount) => chance.below(rowCount)
  const ranks = new ZipfianRanks(rows)
  if (latest) return (rowCount) => rowCount - 1 - ranks.next(chance)
  return () => mix(ranks.next(chance)) % rows
}

function zeta(count: number, theta: number): number {
  let sum = 0
  for (let i = 1; i <= count; i++) sum += 1 / i ** theta
  return sum
}
