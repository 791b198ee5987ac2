import { VarveError } from '../base/errors.ts'
import type { KeyBlock } from '../schema/column-vector.ts'
import { decodeKey, keyBytes, keyLayout } from '../schema/key-encoding.ts'
import type { ColumnValue, TableSchema } from '../schema/table-schema.ts'
import { inputRow, type WriteSection } from './write.ts'

/** KEY_EXISTS for a row of a section: the key has a row already, or comes twice in the call. */
export function keyExistsError(section: WriteSection, row: number, how: 'exists' | 'twice'): VarveError {
  const { schema } = section.tablet
  const { key, shown } = namedKey(schema, section.keys, row)
  const rowIndex = inputRow(section, row)
  const what = how === 'exists' ? 'has a row already' : 'comes twice in this call'
  return new VarveError(
    'KEY_EXISTS',
    `Table ${schema.name}: the key (${shown}) of row ${rowIndex} ${what}; nothing of the call was applied.`,
    {
      context: { table: schema.name, key, rowIndex },
    },
  )
}

/** A key of a block, by the names of its columns, and as messages show it: `id = 7`. */
export function namedKey(schema: TableSchema, keys: KeyBlock, index: number): { key: Record<string, ColumnValue>; shown: string } {
  const values = decodeKey(schema, keyBytes(keys, index, keyLayout(schema)))
  const key = Object.fromEntries(schema.keyColumns.map((position, i) => [schema.columns[position]?.name, values[i] as ColumnValue]))
  const shown = Object.entries(key)
    .map(([name, value]) => `${name} = ${String(value)}`)
    .join(', ')
  return { key, shown }
}
