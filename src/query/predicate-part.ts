import type { ZoneMap } from '../rowset/batch-source.ts'
import type { ColumnVector } from '../schema/column-vector.ts'

/** What a predicate looks at. */
export interface PredicateBatch {
  readonly rowCount: number
  column(position: number): ColumnVector
}

/** The zone map of a column of a batch, by position. */
export type ZoneMaps = (position: number) => ZoneMap | undefined

/** A part of a predicate that can be asked of a batch. */
export interface PredicatePart {
  /** False: no row of a batch with these zone maps can match. */
  mightMatch(zoneMaps: ZoneMaps): boolean
  /** The matching rows of the selection (undefined: of all rows), ascending; undefined: all of all rows. The array is valid until the next call. */
  select(batch: PredicateBatch, selection: Int32Array | undefined): Int32Array | undefined
}
