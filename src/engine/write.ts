import type { KeyBlock, RowBlock } from '../schema/column-vector.ts'
import { gatherBlock } from '../schema/vector-ops.ts'
import type { Tablet } from '../tablet/tablet.ts'
import type { Durability } from './call-options.ts'
import type { WriteCounts } from './write-api.ts'

/** What becomes of a key that has no live row. */
export type IfAbsent = 'insert' | 'nothing'
/** What becomes of a key that has one; `refuse`: the write is rejected with KEY_EXISTS. */
export type IfPresent = 'refuse' | 'nothing' | 'update' | 'delete'

/** Keys of one tablet, at most `sliceRows` of them, and what is to become of each: validated and encoded. */
export interface WriteSection {
  readonly tablet: Tablet
  readonly ifAbsent: IfAbsent
  readonly ifPresent: IfPresent
  /** The columns at `positions` (of the schema, ascending, key columns among them; undefined: all): what an update sets, or whole rows. */
  readonly rows: RowBlock
  readonly positions: readonly number[] | undefined
  /** Whole rows for keys that are new, where `rows` are not: throws INVALID_VALUE for one that lacks a value. Index: of the section. */
  readonly whole?: (indexes: Int32Array) => RowBlock
  /** What counts for each key that has no live row, and for each that has one; absent: the one row that it is. */
  readonly counts?: { readonly absent: WriteCounts; readonly present: WriteCounts }
  readonly keys: KeyBlock
  readonly hashes: Uint32Array
  /** Position in the caller's input of each row; undefined: `firstRow` + its index. */
  readonly inputRows: Int32Array | undefined
  readonly firstRow: number
}

/** The whole rows of some keys of a section, to be inserted. */
export function wholeRows(section: WriteSection, indexes: Int32Array): RowBlock {
  return section.whole ? section.whole(indexes) : gatherBlock(section.rows, indexes)
}

/** Rows that must not have changed since a snapshot, or the write is rejected with WRITE_CONFLICT. */
export interface Expectation {
  readonly tablet: Tablet
  readonly keys: KeyBlock
  readonly hashes: Uint32Array
  readonly timestamp: number
}

/** One atomic batch, ready for the queue. No key comes twice, or the write is rejected with KEY_EXISTS. */
export interface Write {
  readonly sections: readonly WriteSection[]
  readonly expectations?: readonly Expectation[]
  readonly rowCount: number
  /** About what its rows will take in memory. */
  readonly sizeBytes: number
  readonly durability: Durability
  /** What the caller's promise resolves with. */
  answer(counts: WriteCounts): unknown
  readonly signal: AbortSignal | undefined
}

/**
 * A write that is to be laid out when its turn has come. It holds the queue meanwhile: what it reads is the newest state, and
 * stays that until the write is applied.
 */
export type WriteInTurn = () => Promise<Write>

/** Rows in a section: what is looked up, logged or applied without letting the event loop through. */
export const sliceRows = 4096

/** Where in the caller's input a row of a section stood. */
export function inputRow(section: WriteSection, row: number): number {
  return section.inputRows ? (section.inputRows[row] as number) : section.firstRow + row
}
