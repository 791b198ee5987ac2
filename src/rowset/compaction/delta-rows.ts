/** Blocks of the delta schema: what is where in them. */
import type { ColumnVector, FixedVector, RowBlock } from '../../schema/column-vector.ts'
import { type DeltaSchema, deltaPositionOf, deltaPositions } from '../delta-schema.ts'

export function rowsOf(block: RowBlock): Int32Array {
  return (block.columns[deltaPositions.row] as FixedVector).values as Int32Array
}

export function timesOf(block: RowBlock): Float64Array {
  return (block.columns[deltaPositions.time] as FixedVector).values as Float64Array
}

export function opsOf(block: RowBlock): Int8Array {
  return (block.columns[deltaPositions.op] as FixedVector).values as Int8Array
}

/** 1 for each entry that does not set the column at a position of the base schema; undefined: all set it. */
export function unsetFlags({ setPositions }: DeltaSchema, block: RowBlock, position: number): Uint8Array | undefined {
  const setPosition = setPositions[position] as number
  return (block.columns[setPosition < 0 ? deltaPositionOf(position) : setPosition] as ColumnVector).nulls
}

/** A `$set` column: true where the flag is 1, else null. */
export function setVector(flags: ArrayLike<number>): ColumnVector {
  const values = Uint8Array.from(flags)
  return { form: 'fixed', length: values.length, values, nulls: values.map((flag) => flag ^ 1) }
}

/** Positions of the base schema that are no part of the key. */
export function valuePositions({ base }: DeltaSchema): number[] {
  return base.columns.map((_, position) => position).filter((position) => !base.keyColumns.includes(position))
}
