import { ChangedRows } from '../data/changed-rows.ts'
import { requireClose, requireEqual } from '../data/expected-answers.ts'
import { Chance, chooseRow, type Distribution } from '../data/key-choice.ts'
import { nextOperations, type Operations, ycsbMixes } from '../data/operations.ts'
import { repeatPrepared } from '../run/repeat-for.ts'
import type { Side } from '../sides/side.ts'
import type { Program } from './program.ts'

/** Operations that are chosen, and then done, in one go. */
const operationsPerChunk = 1000
const seed = 20_100_610

export type YcsbLetter = keyof typeof ycsbMixes

/** One of YCSB's core workloads over the loaded rows: operations a second, one after another. */
export function ycsb(letter: YcsbLetter, distribution: Distribution): Program {
  return {
    startsFrom: 'copy',
    async run({ open, directory, rows }) {
      const side = await open({ directory, durability: 'write' })
      const workload = new YcsbWorkload(letter, distribution, new ChangedRows(rows, { mayGrow: letter === 'D' }))
      const perChunk = await repeatPrepared(
        () => workload.next(),
        (operations) => operate(side, operations),
      )
      requireEqual('the number of rows after the operations', await side.count(), workload.model.count)
      await side.close()
      return { value: operationsPerChunk * perChunk.ratePerSecond }
    },
  }
}

export class YcsbWorkload {
  readonly model: ChangedRows
  readonly #next: () => Operations

  constructor(letter: YcsbLetter, distribution: Distribution, model: ChangedRows) {
    this.model = model
    const chance = new Chance(seed)
    const choose = chooseRow(distribution, model.count, { chance, latest: letter === 'D' })
    this.#next = () => nextOperations(operationsPerChunk, ycsbMixes[letter], { model, chance, choose })
  }

  /** The model is then in the state that the operations lead to. */
  next(): Operations {
    return this.#next()
  }
}

export async function operate(side: Side, operations: Operations): Promise<void> {
  const sum = await side.operate?.(operations)
  requireClose('the sum over rows read between changes', sum ?? Number.NaN, operations.sum)
}
