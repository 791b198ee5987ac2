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

/** 1 for each entry that sets one of the columns at `positions` of the base schema. */
export function settingFlags(delta: DeltaSchema, block: RowBlock, positions: readonly number[]): Uint8Array {
  const flags = new Uint8Array(block.rowCount)
  for (const position of positions) {
    const unset = unsetFlags(delta, block, position)
    if (unset === undefined) return flags.fill(1)
    for (let i = 0; i < flags.length; i++) flags[i] = (flags[i] as number) | ((unset[i] as number) ^ 1)
  }
  return flags
}

/** A `$set` column: true where the flag is 1, else null. */
export function setVector(flags: Uint8Array): ColumnVector {
  const nulls = new Uint8Array(flags.length)
  for (let i = 0; i < nulls.length; i++) nulls[i] = (flags[i] as number) ^ 1
  return { form: 'fixed', length: flags.length, values: flags, nulls }
}

/** Positions of the base schema that are no part of the key. */
export function valuePositions({ base }: DeltaSchema): number[] {
  return base.columns.map((_, position) => position).filter((position) => !base.keyColumns.includes(position))
}
