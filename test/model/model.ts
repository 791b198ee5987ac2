/**
 * The database as a plain program would have it: a map of rows by key for each table. `apply` does to it what a step does to
 * the database, and says how the step must end.
 */
import { bool, defineTable, double, hashPartition, int16, int32, int64, string, timestamp } from '../../src/index.ts'
import type { Op, Row, TableName } from './steps.ts'

/** `tablets`: how many partitions the second table has. */
export const definitionsWith = ({ tablets }: { tablets: number }) =>
  ({
    plain: defineTable('plain', {
      columns: { id: int32(), a: int32(), s: string().nullable(), d: double().default(1.5), big: int64().nullable() },
      primaryKey: ['id'],
    }),
    hashed: defineTable('hashed', {
      columns: { k: string(), n: int16(), t: timestamp().nullable(), flag: bool().default(false), text: string().default('none') },
      primaryKey: ['k', 'n'],
      partitionBy: hashPartition(['k'], tablets),
    }),
  }) as const
export const definitions = definitionsWith({ tablets: 2 })

export type Rows = Map<string, Row>
export type State = Record<TableName, Rows>

/** What new rows have where they are given nothing; undefined: they must be given something. */
const defaults: Record<TableName, Row> = {
  plain: { a: undefined, s: null, d: 1.5, big: null },
  hashed: { t: null, flag: false, text: 'none' },
}

export interface Outcome {
  /** The code of the error that the step is rejected with. */
  readonly error?: string
  readonly inserted: number
  readonly updated: number
  readonly deleted: number
}

export function keyOf(table: TableName, row: Row): string {
  return table === 'plain' ? String(row['id']) : `${String(row['k'])}/${String(row['n'])}`
}

export function emptyState(): State {
  return { plain: new Map(), hashed: new Map() }
}

export function copyOf(state: State): State {
  return { plain: new Map(state.plain), hashed: new Map(state.hashed) }
}

/** Applies ops, all or none. */
export function apply(state: State, ops: readonly Op[]): { state: State; outcome: Outcome } {
  const next = copyOf(state)
  const counts = { inserted: 0, updated: 0, deleted: 0 }
  for (const op of ops) {
    const error = applyOne(next[op.table], op, counts)
    if (error) return { state, outcome: { error, inserted: 0, updated: 0, deleted: 0 } }
  }
  return { state: next, outcome: counts }
}

function applyOne(rows: Rows, op: Op, counts: { inserted: number; updated: number; deleted: number }): string | undefined {
  const fresh = (row: Row): Row | undefined => {
    const whole: Row = { ...defaults[op.table], ...row }
    return Object.values(whole).includes(undefined) ? undefined : whole
  }
  for (const row of op.rows) {
    const key = keyOf(op.table, row)
    const before = rows.get(key)
    const sets = Object.keys(row).length > Object.keys(keyPart(op.table, row)).length
    if (op.op === 'delete') {
      if (before) counts.deleted++
      rows.delete(key)
    } else if (op.op === 'update') {
      if (!before || !sets) continue
      rows.set(key, { ...before, ...row })
      counts.updated++
    } else if (before && op.op === 'insert') {
      return 'KEY_EXISTS'
    } else if (before && op.op === 'upsert') {
      if (!sets) continue
      rows.set(key, { ...before, ...row })
      counts.updated++
    } else if (!before) {
      const whole = fresh(row)
      if (!whole) return 'INVALID_VALUE'
      rows.set(key, whole)
      counts.inserted++
    }
  }
  return undefined
}

export function keyPart(table: TableName, row: Row): Row {
  return table === 'plain' ? { id: row['id'] } : { k: row['k'], n: row['n'] }
}
