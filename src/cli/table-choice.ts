import type { AnyTable, Database } from '../engine/api.ts'
import type { ColumnKind } from '../schema/column-vector.ts'
import type { Columns } from '../schema/table-definition.ts'
import { UsageError } from './usage-error.ts'

/** A column as the command line needs to know it. */
export interface KnownColumn {
  readonly name: string
  readonly kind: ColumnKind
  readonly nullable: boolean
  readonly hasDefault: boolean
  /** For int64: what a row shows. */
  readonly mode: 'bigint' | 'number'
  readonly key: boolean
}

/** The table named, or the only one there is. TABLE_NOT_FOUND; UsageError if the choice is not clear. */
export function chooseTable(db: Database, name: string | undefined): AnyTable {
  if (name !== undefined) return db.table(name)
  const names = db.tables().map((table) => table.name)
  if (names.length === 1) return db.table(names[0] as string)
  if (names.length === 0)
    throw new UsageError(`The database in ${db.directory} has no tables yet. Fill one with "varve import FILE --table NAME".`)
  throw new UsageError(`Which table? Give --table NAME; there are ${names.join(', ')}.`)
}

/** The columns of a table, in order. */
export function columnsOf(table: AnyTable): KnownColumn[] {
  const columns: Columns = table.definition.columns
  const key: readonly string[] = table.definition.primaryKey
  return Object.entries(columns).map(([name, { spec }]) => ({
    name,
    kind: spec.kind,
    nullable: spec.nullable,
    hasDefault: spec.default !== undefined,
    mode: spec.mode,
    key: key.includes(name),
  }))
}

/** A column's type as people write it: `int64`, `string?` for one that takes nulls. */
export function typeText({ kind, nullable }: Pick<KnownColumn, 'kind' | 'nullable'>): string {
  return nullable ? `${kind}?` : kind
}

/** The columns named, in their order; all of them if none are. UsageError naming the nearest. */
export function chooseColumns(
  columns: readonly KnownColumn[],
  names: readonly string[] | undefined,
  unknown: (name: string) => UsageError,
): KnownColumn[] {
  if (names === undefined) return [...columns]
  return names.map((name) => {
    const column = columns.find((each) => each.name === name)
    if (!column) throw unknown(name)
    return column
  })
}
