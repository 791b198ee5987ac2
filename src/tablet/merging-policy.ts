import { token } from '../base/token.ts'
import type { KeyExtent } from './data-distribution.ts'

/** What a policy is told of one rowset on disk. `sizeBytes` is all that a merge would read of it: base data and deltas. */
export interface MergeableRowSet extends KeyExtent {
  /** Rows in its base data, and how many of them are dead to every reader: a merge leaves those out. */
  readonly rowCount: number
  readonly deadRowCount: number
  /** Whether it may be chosen now. One that may not (another op works on it) still counts in where the data lies. */
  readonly available: boolean
}

export interface MergingRequest {
  /** All rowsets on disk of one tablet, in any order. */
  readonly rowsets: readonly MergeableRowSet[]
  /** Bytes that the merge may read. */
  readonly budgetBytes: number
  /** Size of the rowsets that a merge writes; the last one of them may be smaller. */
  readonly targetBytes: number
  /** How many rowsets a merge may take in at once, since each holds blocks in memory: 128. */
  readonly inputsMax?: number
}

export interface MergingChoice {
  /** Which rowsets to merge with each other: indexes in the request, ascending; none, or two and more. */
  readonly rowsets: readonly number[]
  /** Bytes that merging them reads. */
  readonly bytes: number
  /** Average height of the tablet now, weighted by where the data is. */
  readonly averageHeight: number
  /** By how much merging lowers it: the sum of the chosen widths, less the width of their union. */
  readonly heightRemoved: number
  /** The same for each MiB that is read; 0 if nothing is chosen. */
  readonly heightRemovedPerMiB: number
  /** By how much the number of rowsets falls, as sizes let expect. */
  readonly rowsetsRemoved: number
  /**
   * What merging is worth: the height removed, and a little for a smaller number of rowsets, less a little for rewriting.
   * In the measure of height; above 0 if anything is chosen.
   */
  readonly score: number
  /** In words, with the figures that decided. */
  readonly reason: string
}

/**
 * Chooses which rowsets to merge: a pure function of what it is given, the same answer for the same question; it knows no
 * tablet, and works in a worker as well. Called by the merging op when the tablet's rowsets have changed.
 *
 * It never chooses a set that removes neither height nor rowsets, and a larger budget never gets a choice of less height
 * removed or a lower score.
 */
export interface MergingCompactionPolicy {
  readonly name: string
  choose(request: MergingRequest): MergingChoice
}
export const MergingCompactionPolicy = token<MergingCompactionPolicy>('MergingCompactionPolicy')
