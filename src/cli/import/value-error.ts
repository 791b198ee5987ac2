import { VarveError } from '../../base/errors.ts'
import type { ColumnKind } from '../../schema/column-vector.ts'
import { kindText } from '../value-input.ts'

/** Where a value stands in a file. Rows are counted from 1, without a header. */
export interface Place {
  readonly path: string
  readonly row: number
  readonly line?: number | undefined
  readonly column?: string | undefined
}

/** `flights.csv, row 17 (line 18), column price` */
export function placeText({ path, row, line, column }: Place): string {
  return `${path}, row ${row}${line === undefined ? '' : ` (line ${line})`}${column === undefined ? '' : `, column ${column}`}`
}

/** INVALID_VALUE for a row of a file. */
export function rowError(place: Place, problem: string, cause?: unknown): VarveError {
  const { path, row, line, column } = place
  return new VarveError('INVALID_VALUE', `${placeText(place)}: ${problem}`, { context: { path, row, line, column }, cause })
}

/** INVALID_VALUE for a value that is none of the column's kind. */
export function misfitError(place: Place, kind: ColumnKind, value: unknown): VarveError {
  return rowError(place, `${shown(value)} is not ${kindText(kind)}.`)
}

/** INVALID_VALUE for a missing value. */
export function missingError(place: Place): VarveError {
  return rowError(place, 'there is no value, and the column takes no nulls.')
}

function shown(value: unknown): string {
  const text =
    typeof value === 'string'
      ? JSON.stringify(value)
      : typeof value === 'object'
        ? JSON.stringify(value, (_, item) => (typeof item === 'bigint' ? String(item) : item))
        : String(value)
  return text.length > 60 ? `${text.slice(0, 59)}…` : text
}
