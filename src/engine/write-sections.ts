/** From blocks of validated rows to the sections of a write: keys, hashes, and each row's tablet. */

import type { ChangeBlock, ChangeEncoder } from '../schema/change-encoder.ts'
import { atSchemaPositions } from '../schema/change-encoder.ts'
import type { KeyBlock, RowBlock } from '../schema/column-vector.ts'
import { encodeKeys, gatherKeys, hashKeys } from '../schema/key-encoding.ts'
import { partitionRows } from '../schema/partitioner.ts'
import type { TableSchema } from '../schema/table-schema.ts'
import { gatherBlock } from '../schema/vector-ops.ts'
import type { Tablet } from '../tablet/tablet.ts'
import type { IfAbsent, IfPresent, WriteSection } from './write.ts'

/** What is to become of keys, by whether they have a row. */
export interface Wish {
  readonly ifAbsent: IfAbsent
  readonly ifPresent: IfPresent
}

export const wishes = {
  insert: { ifAbsent: 'insert', ifPresent: 'refuse' },
  insertMissing: { ifAbsent: 'insert', ifPresent: 'nothing' },
  upsert: { ifAbsent: 'insert', ifPresent: 'update' },
  update: { ifAbsent: 'nothing', ifPresent: 'update' },
  delete: { ifAbsent: 'nothing', ifPresent: 'delete' },
} as const satisfies Record<string, Wish>

export interface SectionSource {
  readonly schema: TableSchema
  readonly tablets: readonly Tablet[]
}

/** Sections of whole rows; row i stood at `firstRow` + i of the caller's input. */
export function rowSections({ schema, tablets }: SectionSource, wish: Wish, rows: RowBlock, firstRow: number): WriteSection[] {
  const keys = encodeKeys(schema, rows, firstRow)
  const parts = partitionRows(schema, rows, keys)
  const { ifAbsent, ifPresent } = wish
  // Every insert of one row comes through here: spread objects would cost a seventh of it.
  if (!parts) {
    const tablet = tablets[0] as Tablet
    return [{ tablet, ifAbsent, ifPresent, rows, positions: undefined, keys, hashes: hashKeys(keys), inputRows: undefined, firstRow }]
  }
  return splitByTablet(parts, tablets.length).flatMap((selected, ordinal) => {
    if (selected.length === 0) return []
    const partKeys = gatherKeys(keys, selected)
    const inputRows = selected.map((row) => row + firstRow)
    const part = { tablet: tablets[ordinal] as Tablet, rows: gatherBlock(rows, selected), keys: partKeys, hashes: hashKeys(partKeys) }
    return [{ ...part, ifAbsent, ifPresent, positions: undefined, inputRows, firstRow }]
  })
}

/** Sections of rows of which only some columns are given. */
export function changeSections(
  { schema, tablets }: SectionSource,
  wish: Wish,
  change: ChangeBlock,
  encoder: ChangeEncoder,
): WriteSection[] {
  const parts = partitionRows(schema, atSchemaPositions(change), change.keys)
  if (!parts) return [changeSection(schema, tablets[0] as Tablet, wish, change, encoder)]
  return splitByTablet(parts, tablets.length).flatMap((selected, ordinal) =>
    selected.length === 0 ? [] : [changeSection(schema, tablets[ordinal] as Tablet, wish, gatherChange(change, selected), encoder)],
  )
}

function changeSection(schema: TableSchema, tablet: Tablet, wish: Wish, change: ChangeBlock, encoder: ChangeEncoder): WriteSection {
  const { block, keys, inputRows, positions } = change
  const setsNothing = wish.ifPresent === 'update' && positions.length === schema.keyColumns.length
  const ifPresent = setsNothing ? 'nothing' : wish.ifPresent
  const { ifAbsent } = wish
  const hashes = hashKeys(keys)
  // Every change of one row comes through here: spread objects would cost more than all else that is done for it.
  if (positions.length === schema.columns.length)
    return { tablet, ifAbsent, ifPresent, rows: block, positions: undefined, keys, hashes, inputRows, firstRow: 0 }
  const whole = (indexes: Int32Array) => encoder.completed(gatherChange(change, indexes))
  return { tablet, ifAbsent, ifPresent, rows: block, positions, whole, keys, hashes, inputRows, firstRow: 0 }
}

function gatherChange({ block, keys, inputRows, positions }: ChangeBlock, rows: Int32Array): ChangeBlock {
  return {
    block: gatherBlock(block, rows),
    keys: gatherKeys(keys, rows) as KeyBlock,
    inputRows: rows.map((row) => inputRows[row] as number),
    positions,
  }
}

/** The rows of each tablet, ascending, by counting first. */
function splitByTablet(parts: Uint16Array, tabletCount: number): Int32Array[] {
  const counts = new Int32Array(tabletCount)
  for (let i = 0; i < parts.length; i++) counts[parts[i] as number] = (counts[parts[i] as number] as number) + 1
  const selected = Array.from(counts, (count) => new Int32Array(count))
  counts.fill(0)
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] as number
    const at = counts[part] as number
    ;(selected[part] as Int32Array)[at] = i
    counts[part] = at + 1
  }
  return selected
}
