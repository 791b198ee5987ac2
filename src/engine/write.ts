import type { KeyBlock, RowBlock } from '../schema/column-vector.ts'
import type { Tablet } from '../tablet/tablet.ts'
import type { Durability } from './api.ts'

/** Rows of one tablet, at most `sliceRows` of them, validated and encoded. */
export interface WriteSection {
  readonly tablet: Tablet
  readonly rows: RowBlock
  readonly keys: KeyBlock
  readonly hashes: Uint32Array
  /** Position in the caller's input of each row; undefined: `firstRow` + its index. */
  readonly inputRows: Int32Array | undefined
  readonly firstRow: number
}

/** One atomic batch of inserts, ready for the queue. */
export interface Write {
  readonly sections: readonly WriteSection[]
  readonly rowCount: number
  /** About what its rows will take in memory. */
  readonly sizeBytes: number
  readonly durability: Durability
  readonly signal: AbortSignal | undefined
}

/** Rows in a section: what is looked up, logged or applied without letting the event loop through. */
export const sliceRows = 4096

/** Where in the caller's input a row of a section stood. */
export function inputRow(section: WriteSection, row: number): number {
  return section.inputRows ? (section.inputRows[row] as number) : section.firstRow + row
}
