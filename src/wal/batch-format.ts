import type { RowBlock } from '../schema/column-vector.ts'

/*
 * The payload of a batch; all numbers little-endian, positions counted from the payload's start, which lies at a
 * multiple of 8 in its file, so that typed arrays can be laid over the columns without a copy.
 *
 *     0  u64  op id
 *     8  u64  commit timestamp
 *    16  u32  number of sections
 *    20  u32  0
 *    24       sections, end to end
 *
 * A section, positions counted from its start, a multiple of 8:
 *
 *     0  u32  length of the section in bytes, a multiple of 8
 *     4  u8   what it does to its rows: 1 insert, 2 update, 3 delete, 4 live
 *     5  u8   target: 0 memory, 1 disk
 *     6  u16  number of columns
 *     8  u32  table id
 *    12  u32  tablet
 *    16  u64  generation of the MemRowSet, for target memory; else 0
 *    24  u32  version of the table's schema
 *    28  u32  number of rows
 *    32  u32  position of the row block
 *    36  u32  0
 *    40  u32s ids of the columns, in the order of the block
 *        padding to a multiple of 8
 *        row block (src/schema/row-block-codec.ts)
 *
 * A batch holds a key at most once: several changes of it are one by the time they are logged. Columns are told by their
 * ids, so that the log of a table reads on after columns were added or dropped.
 */
export const batchHeaderBytes = 24
export const sectionHeaderBytes = 40

/**
 * What a section does to its rows, and its code:
 *   insert  the keys had no row in any rowset, alive or dead: all columns
 *   update  the rows take new values: the columns of the key, and those that are set
 *   delete  the rows die: the columns of the key
 *   live    the rows are there with these values, whatever they were: reinserts where a dead row lies; all columns
 */
export const sectionKinds = { insert: 1, update: 2, delete: 3, live: 4 } as const
export type SectionKind = keyof typeof sectionKinds

/** Where rows went when the batch was applied: into a tablet's MemRowSet of some generation, or to a DiskRowSet's deltas. */
export type SectionTarget = { readonly target: 'memory'; readonly generation: number } | { readonly target: 'disk' }

/** Whose rows a section holds. */
export type SectionPlace = SectionTarget & {
  readonly tableId: number
  readonly tablet: number
  readonly schemaVersion: number
  /** In the order of the block's columns. */
  readonly columnIds: readonly number[]
}

/** A section, as recovery meets it. The block's columns are views of the log's bytes: copy what is to stay. */
export type LogSection = SectionPlace & { readonly kind: SectionKind; readonly rows: RowBlock }

/** A batch, as recovery meets it. */
export interface LogBatch {
  readonly opId: number
  readonly timestamp: number
  readonly sections: readonly LogSection[]
  /** Where it lies, for messages. */
  readonly path: string
  readonly offset: number
}
