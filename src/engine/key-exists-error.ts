import { VarveError } from '../base/errors.ts'
import { decodeKey, keyBytes, keyLayout } from '../schema/key-encoding.ts'
import { inputRow, type WriteSection } from './write.ts'

/** KEY_EXISTS for a row of a section: the key has a row already, or comes twice in the call. */
export function keyExistsError(section: WriteSection, row: number, how: 'exists' | 'twice'): VarveError {
  const { schema } = section.tablet
  const values = decodeKey(schema, keyBytes(section.keys, row, keyLayout(schema)))
  const key = Object.fromEntries(schema.keyColumns.map((position, i) => [schema.columns[position]?.name, values[i]]))
  const shown = Object.entries(key)
    .map(([name, value]) => `${name} = ${String(value)}`)
    .join(', ')
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
