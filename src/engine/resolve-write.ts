/**
 * From what a caller asks for to what is done: keys are looked up, and each becomes a row for the live MemRowSet, a change of
 * the row that its rowset holds, or nothing. A key whose dead row still lies in some rowset is inserted by a change of that
 * row (`live`), so that a key lives in one place.
 */
import { VarveError } from '../base/errors.ts'
import type { LookupMisses } from '../rowset/lookup-misses.ts'
import type { KeyBlock, RowBlock } from '../schema/column-vector.ts'
import { gatherHashes, gatherKeys } from '../schema/key-encoding.ts'
import { gatherBlock } from '../schema/vector-ops.ts'
import type { HeldRows, RowHolder } from '../tablet/locate-rows.ts'
import type { Tablet } from '../tablet/tablet.ts'
import { keyExistsError, namedKey } from './key-exists-error.ts'
import { type Expectation, type WriteSection, wholeRows } from './write.ts'
import type { WriteCounts } from './write-api.ts'

/** Rows that go to the live MemRowSet. */
export interface InsertAction {
  readonly op: 'insert'
  readonly tablet: Tablet
  readonly rows: RowBlock
  readonly keys: KeyBlock
  readonly hashes: Uint32Array
}

/** Changes of rows that one rowset holds, one each. */
export interface ChangeAction {
  readonly op: 'update' | 'delete' | 'live'
  readonly tablet: Tablet
  readonly holder: RowHolder
  readonly rowIds: Int32Array
  readonly rows: RowBlock
  readonly positions: readonly number[]
  readonly keys: KeyBlock
  readonly hashes: Uint32Array
}

export type Action = InsertAction | ChangeAction

/** A write as it is logged and applied. */
export interface ResolvedWrite {
  readonly actions: readonly Action[]
  readonly counts: WriteCounts
}

/** What a section comes to; undefined: `misses` says what must be loaded first. Throws KEY_EXISTS, INVALID_VALUE, TABLE_NOT_FOUND. */
export function resolveSection(section: WriteSection, misses: LookupMisses): ResolvedWrite | undefined {
  const { tablet, ifAbsent, ifPresent, rows, positions, keys, hashes } = section
  if (tablet.isDropped) throw endedError(tablet)
  if (keys.count === 0) return nothing
  const isPlainInsert = ifAbsent === 'insert' && positions === undefined && section.whole === undefined
  if (isPlainInsert) {
    const first = tablet.findFirst(rows, keys, hashes, misses)
    if (first === -1) return { actions: [{ op: 'insert', tablet, rows, keys, hashes }], counts: inserted(keys.count) }
    if (first < 0) return undefined
  }
  const located = tablet.locate(keys, hashes, misses)
  if (!located) return undefined
  const actions: Action[] = []
  let absentCount = 0
  let presentCount = 0
  for (const held of located.held) {
    const { present, dead } = byLife(held)
    if (present.indexes.length > 0) {
      if (ifPresent === 'refuse') throw keyExistsError(section, present.indexes[0] as number, 'exists')
      presentCount += present.indexes.length
      if (ifPresent !== 'nothing') actions.push(changeAction(section, ifPresent, held.holder, present))
    }
    absentCount += dead.indexes.length
    if (dead.indexes.length > 0 && ifAbsent === 'insert') actions.push(changeAction(section, 'live', held.holder, dead))
  }
  const absent = located.absent ?? allIndexes(keys.count)
  absentCount += absent.length
  if (absent.length > 0 && ifAbsent === 'insert') {
    actions.push({
      op: 'insert',
      tablet,
      rows: wholeRows(section, absent),
      keys: gatherKeys(keys, absent),
      hashes: hashes.length === absent.length ? hashes : gatherHashes(hashes, absent),
    })
  }
  return { actions, counts: countsOf(section, absentCount, presentCount) }
}

function countsOf({ ifAbsent, ifPresent, counts }: WriteSection, absent: number, present: number): WriteCounts {
  if (counts) return addCounts(times(counts.absent, absent), times(counts.present, present))
  return {
    inserted: ifAbsent === 'insert' ? absent : 0,
    updated: ifPresent === 'update' ? present : 0,
    deleted: ifPresent === 'delete' ? present : 0,
  }
}

function times({ inserted, updated, deleted }: WriteCounts, count: number): WriteCounts {
  return { inserted: inserted * count, updated: updated * count, deleted: deleted * count }
}

/** Whether nothing that is expected has changed; undefined: `misses` says what must be loaded. Throws WRITE_CONFLICT. */
export function checkExpectation({ tablet, keys, hashes, timestamp }: Expectation, misses: LookupMisses): true | undefined {
  if (tablet.isDropped) throw endedError(tablet)
  const located = tablet.locate(keys, hashes, misses)
  if (!located) return undefined
  let complete = true
  for (const { holder, rows, indexes } of located.held) {
    for (let k = 0; k < rows.length; k++) {
      const time = holder.newestChangeTime(rows[k] as number, misses)
      if (time === undefined) complete = false
      else if (time > timestamp) throw conflictError(tablet, keys, indexes[k] as number, timestamp, time)
    }
  }
  return complete ? true : undefined
}

export function addCounts(a: WriteCounts, b: WriteCounts): WriteCounts {
  return { inserted: a.inserted + b.inserted, updated: a.updated + b.updated, deleted: a.deleted + b.deleted }
}

export const nothing: ResolvedWrite = { actions: [], counts: { inserted: 0, updated: 0, deleted: 0 } }

function endedError({ isAltered, table }: Tablet): VarveError {
  if (isAltered) return alteredError(table)
  return new VarveError('TABLE_NOT_FOUND', `Table ${table} was dropped; nothing of the call was applied.`, { context: { table } })
}

/** What was laid out for the table as it was before. */
export function alteredError(table: string): VarveError {
  return new VarveError('SCHEMA_MISMATCH', `Table ${table} was altered meanwhile; nothing of the call was applied. Begin it anew.`, {
    context: { table },
  })
}

/** Some of the keys that one rowset holds. */
type Rows = Pick<HeldRows, 'indexes' | 'rows'>

function byLife({ indexes, rows, alive }: HeldRows): { present: Rows; dead: Rows } {
  if (!alive.includes(0)) return { present: { indexes, rows }, dead: { indexes: none, rows: none } }
  const isAlive = (_: number, k: number) => alive[k] === 1
  const isDead = (_: number, k: number) => alive[k] === 0
  return {
    present: { indexes: indexes.filter(isAlive), rows: rows.filter(isAlive) },
    dead: { indexes: indexes.filter(isDead), rows: rows.filter(isDead) },
  }
}

const none = new Int32Array(0)

function changeAction(section: WriteSection, op: ChangeAction['op'], holder: RowHolder, { indexes, rows }: Rows): ChangeAction {
  const { tablet, keys, hashes } = section
  const { columns, keyColumns } = tablet.schema
  const isWhole = indexes.length === keys.count
  const gathered = isWhole ? keys : gatherKeys(keys, indexes)
  const theirHashes = isWhole ? hashes : gatherHashes(hashes, indexes)
  // Plain literals: spread objects would cost more than all else that is done for a change of one row.
  const action = (block: RowBlock, positions: readonly number[]): ChangeAction => ({
    op,
    tablet,
    holder,
    rowIds: rows,
    rows: block,
    positions,
    keys: gathered,
    hashes: theirHashes,
  })
  if (op === 'live') return action(wholeRows(section, indexes), positionsOf(columns))
  const block = isWhole ? section.rows : gatherBlock(section.rows, indexes)
  const given = section.positions ?? positionsOf(columns)
  if (op === 'update') return action(block, given)
  const keyBlock = { rowCount: block.rowCount, columns: block.columns.filter((_, c) => keyColumns.includes(given[c] as number)) }
  return action(
    keyBlock,
    given.filter((position) => keyColumns.includes(position)),
  )
}

function positionsOf(columns: readonly unknown[]): number[] {
  return columns.map((_, position) => position)
}

function allIndexes(count: number): Int32Array {
  const all = new Int32Array(count)
  for (let i = 0; i < count; i++) all[i] = i
  return all
}

function inserted(count: number): WriteCounts {
  return { inserted: count, updated: 0, deleted: 0 }
}

function conflictError({ schema }: Tablet, keys: KeyBlock, index: number, snapshot: number, changed: number): VarveError {
  const { key, shown } = namedKey(schema, keys, index)
  return new VarveError(
    'WRITE_CONFLICT',
    `Table ${schema.name}: the row of the key (${shown}) has changed since the snapshot; nothing of the batch was applied. Take a new snapshot, read again, and try once more.`,
    { context: { table: schema.name, key, snapshotTimestamp: snapshot, changedTimestamp: changed } },
  )
}
