import type { ColumnValue } from '../schema/table-schema.ts'
import type { GroupedBatch } from './accumulator.ts'
import type { GroupPlan } from './aggregate-plan.ts'
import type { ColumnIds } from './column-ids.ts'
import { RunFinder } from './group-runs.ts'
import { grownIntegers } from './grown-arrays.ts'
import { makeColumnIds } from './make-column-ids.ts'
import type { MatchedBatch } from './match-batch.ts'
import { PairIds } from './pair-ids.ts'

/**
 * Numbers the groups that rows belong to. Each column numbers its own values; the numbers of the first two columns make
 * a pair, which has a number; that one and the third column's make the next pair, and so on.
 */
export class Grouping {
  readonly #groups: readonly GroupPlan[]
  readonly #columns: readonly ColumnIds[]
  /** `#pairs[i]` joins columns 0 … i with column i + 1. */
  readonly #pairs: readonly PairIds[]
  readonly #runs = new RunFinder()
  #ids = new Int32Array(0)
  #next = new Int32Array(0)

  /** Takes at least one column. */
  constructor(groups: readonly GroupPlan[]) {
    this.#groups = groups
    this.#columns = groups.map(({ column, bucket }) => makeColumnIds(column, bucket))
    this.#pairs = groups.slice(1).map(() => new PairIds())
  }

  /** How many groups have been met. */
  get count(): number {
    return this.#countThrough(this.#columns.length - 1)
  }

  /** The group of each of `count` rows of the batch: those selected, or else all; and as runs. Valid until the next call. */
  assign(batch: MatchedBatch, count: number): Pick<GroupedBatch, 'ids' | 'runs'> {
    this.#ids = grownIntegers(this.#ids, count)
    const ids = this.#ids
    for (let i = 0; i < this.#columns.length; i++) {
      const column = this.#columns[i] as ColumnIds
      const vector = batch.column((this.#groups[i] as GroupPlan).position)
      if (i === 0) {
        column.assign(vector, batch.selection, count, ids)
        continue
      }
      this.#next = grownIntegers(this.#next, count)
      column.assign(vector, batch.selection, count, this.#next)
      const pairs = this.#pairs[i - 1] as PairIds
      pairs.assign(ids, this.#next, count, ids, { firstCount: this.#countThrough(i - 1), secondCount: column.count })
    }
    return { ids, runs: this.#runs.find(ids, count) }
  }

  /** The value of a group in its i-th column. */
  valueAt(group: number, i: number): ColumnValue {
    let id = group
    for (let pair = this.#columns.length - 2; pair >= i; pair--) id = (this.#pairs[pair] as PairIds).firstOf(id)
    return (this.#columns[i] as ColumnIds).valueAt(i === 0 ? id : (this.#pairs[i - 1] as PairIds).secondOf(id))
  }

  #countThrough(i: number): number {
    return i === 0 ? (this.#columns[0] as ColumnIds).count : (this.#pairs[i - 1] as PairIds).count
  }
}
