import { VarveError } from '../../src/index.ts'
import type { State } from './model.ts'

/** What the model was at the end of a millisecond. */
export interface Moment {
  readonly atMs: number
  readonly state: State
}

const keptMax = 40

/** The states of the past, newest last, to be asked for again by `asOf` and by `changes`. */
export class Moments {
  #moments: Moment[] = []
  /** Reads of kept moments that were answered, and that were not for want of history. */
  readonly counts = { answered: 0, refused: 0 }
  readonly #mayBeForgotten: boolean

  /** `mayBeForgotten`: whether retention is shorter than a run. */
  constructor(mayBeForgotten: boolean) {
    this.#mayBeForgotten = mayBeForgotten
  }

  note(moment: Moment): void {
    this.#moments.push(moment)
    if (this.#moments.length > keptMax) this.#moments.shift()
  }

  pick(which: number): Moment | undefined {
    return this.#moments[which % Math.max(1, this.#moments.length)]
  }

  /** Runs what reads the past: history that is not kept any more is an answer too, where it need not be kept. */
  async read(look: () => Promise<void>): Promise<void> {
    try {
      await look()
      this.counts.answered++
    } catch (error) {
      if (!(this.#mayBeForgotten && error instanceof VarveError && error.code === 'HISTORY_NOT_RETAINED')) throw error
      this.counts.refused++
    }
  }
}
