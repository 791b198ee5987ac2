/**
 * What several ops on one key within one batch do together, before anybody knows whether the key has a row. Each op is a
 * pair, what it does if the row is there and what if it is not, and such pairs compose to one of the same kind: so a batch
 * changes a row at most once, and looks it up once.
 */
import type { ColumnValue, TableSchema } from './table-schema.ts'

/** Columns that are set, by name, in the form that rows show. Those of the key are always among them. */
export type GivenColumns = Readonly<Record<string, ColumnValue>>

/** An op on a key. `at` tells it from the other ops of the batch, for errors. */
export type KeyOp = { readonly at: number } & (
  | { readonly op: 'insert'; readonly row: GivenColumns; readonly ifExists: 'error' | 'skip' }
  /** `row` is what a new row is: `given`, completed by defaults; undefined if a column that it needs is missing. */
  | { readonly op: 'upsert'; readonly given: GivenColumns; readonly row: GivenColumns | undefined }
  | { readonly op: 'update'; readonly given: GivenColumns }
  | { readonly op: 'delete' }
)

/** How many ops took effect. An update that sets nothing takes none. */
export interface OpCounts {
  readonly inserted: number
  readonly updated: number
  readonly deleted: number
}

/** The batch is refused because of op `at`: the row that it inserts is there; or a column is missing of the new row that its upsert makes. */
export interface OpRefusal {
  readonly does: 'refuse'
  readonly at: number
  readonly why: 'exists' | 'incomplete'
}

export type AbsentOutcome = { readonly does: 'nothing' } | { readonly does: 'insert'; readonly row: GivenColumns } | OpRefusal

/** `replace`: the row is deleted and inserted anew: every column is set. */
export type PresentOutcome =
  | { readonly does: 'nothing' }
  | { readonly does: 'update'; readonly given: GivenColumns }
  | { readonly does: 'replace'; readonly row: GivenColumns }
  | { readonly does: 'delete' }
  | OpRefusal

/** What ops on one key do. */
export interface KeyEffect {
  /** If the key has no row. */
  readonly ifAbsent: AbsentOutcome & { readonly counts: OpCounts }
  /** If it has one. */
  readonly ifPresent: PresentOutcome & { readonly counts: OpCounts }
}

const noCounts: OpCounts = { inserted: 0, updated: 0, deleted: 0 }

/** What no op does. */
export const noEffect: KeyEffect = {
  ifAbsent: { does: 'nothing', counts: noCounts },
  ifPresent: { does: 'nothing', counts: noCounts },
}

/** What the ops of `effect` do, followed by `op`. Once they are refused, nothing that follows matters. */
export function compose(schema: TableSchema, effect: KeyEffect, op: KeyOp): KeyEffect {
  const { ifAbsent, ifPresent } = effect
  return {
    ifAbsent: ifAbsent.does === 'refuse' ? ifAbsent : afterAbsent(schema, ifAbsent, op),
    ifPresent: ifPresent.does === 'refuse' ? ifPresent : afterPresent(schema, ifPresent, op),
  }
}

function afterAbsent(schema: TableSchema, before: Exclude<KeyEffect['ifAbsent'], OpRefusal>, op: KeyOp): KeyEffect['ifAbsent'] {
  const step = stepOf(schema, op, before.does === 'insert')
  const counts = counted(before.counts, step)
  switch (step.does) {
    case 'nothing':
      return before
    case 'refuse':
      return { ...step, counts }
    case 'insert':
      return { does: 'insert', row: step.row, counts }
    case 'update':
      return before.does === 'insert' ? { does: 'insert', row: { ...before.row, ...step.given }, counts } : before
    case 'delete':
      return { does: 'nothing', counts }
  }
}

function afterPresent(schema: TableSchema, before: Exclude<KeyEffect['ifPresent'], OpRefusal>, op: KeyOp): KeyEffect['ifPresent'] {
  const step = stepOf(schema, op, before.does !== 'delete')
  const counts = counted(before.counts, step)
  switch (step.does) {
    case 'nothing':
      return before
    case 'refuse':
      return { ...step, counts }
    case 'insert':
      return { does: 'replace', row: step.row, counts }
    case 'update':
      if (before.does === 'replace') return { does: 'replace', row: { ...before.row, ...step.given }, counts }
      return { does: 'update', given: before.does === 'update' ? { ...before.given, ...step.given } : step.given, counts }
    case 'delete':
      return { does: 'delete', counts }
  }
}

type Step = AbsentOutcome | Exclude<PresentOutcome, { does: 'replace' }>

/** What one op does to a key that has a row, or none. */
function stepOf(schema: TableSchema, op: KeyOp, isThere: boolean): Step {
  switch (op.op) {
    case 'insert':
      if (!isThere) return { does: 'insert', row: op.row }
      return op.ifExists === 'skip' ? { does: 'nothing' } : { does: 'refuse', at: op.at, why: 'exists' }
    case 'upsert':
      if (isThere) return updateOf(schema, op.given)
      return op.row ? { does: 'insert', row: op.row } : { does: 'refuse', at: op.at, why: 'incomplete' }
    case 'update':
      return isThere ? updateOf(schema, op.given) : { does: 'nothing' }
    case 'delete':
      return { does: isThere ? 'delete' : 'nothing' }
  }
}

function updateOf(schema: TableSchema, given: GivenColumns): Step {
  return Object.keys(given).length > schema.keyColumns.length ? { does: 'update', given } : { does: 'nothing' }
}

function counted({ inserted, updated, deleted }: OpCounts, { does }: Step): OpCounts {
  return {
    inserted: does === 'insert' ? inserted + 1 : inserted,
    updated: does === 'update' ? updated + 1 : updated,
    deleted: does === 'delete' ? deleted + 1 : deleted,
  }
}
