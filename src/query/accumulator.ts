import type { ColumnVector, KeyBlock } from '../schema/column-vector.ts'
import type { ColumnValue } from '../schema/table-schema.ts'
import type { GroupRuns } from './group-runs.ts'

/** Rows of a batch that count, and the group of each. */
export interface GroupedBatch {
  /** How many rows count: those of `selection`, or else the first ones. */
  readonly count: number
  readonly selection: Int32Array | undefined
  /** `ids[k]`: the group of the k-th row that counts. Undefined: all of them are of group 0. */
  readonly ids: Int32Array | undefined
  /** The rows that count, as runs of one group each, where there are long ones. Only with `ids`. */
  readonly runs: GroupRuns | undefined
  /** Groups met so far, those of this batch among them. */
  readonly groupCount: number
  column(position: number): ColumnVector
  /** Only if an accumulator `needsKeys`. */
  keys(): KeyBlock
}

/** What is remembered of the rows of each group, in arrays by group; shared by all measures that can be told from it. */
export interface Accumulator {
  add(batch: GroupedBatch): void
}

/** One computed column of the result. */
export interface Measure {
  /** The result of a group below the count of groups; of group 0 even if no row was met. */
  resultOf(group: number): ColumnValue
}
