import test from 'ava'
import { givenColumns, wholeRows } from '../../src/engine/logged-columns.ts'
import type { ColumnVector, RowBlock } from '../../src/schema/column-vector.ts'
import { valueAt } from '../../src/schema/row-decoder.ts'
import type { ColumnSchema, TableSchema } from '../../src/schema/table-schema.ts'
import type { LogBatch, LogSection, SectionKind } from '../../src/wal/batch-format.ts'
import { schemaOf, vectorOf } from '../schema/support/schemas.ts'

/** Columns 1, 2 and 3 at first; then 2 was dropped, 4 and 5 were added. */
const before = schemaOf([{ kind: 'double' }, { kind: 'string' }, { kind: 'int32' }], [2])
const after: TableSchema = {
  ...schemaOf([], [1]),
  columns: [
    before.columns[0] as ColumnSchema,
    before.columns[2] as ColumnSchema,
    { id: 4, name: 'c4', kind: 'int16', nullable: false, mode: 'bigint', default: 7 },
    { id: 5, name: 'c5', kind: 'string', nullable: true, mode: 'bigint' },
  ],
  version: 4,
  nextColumnId: 6,
}

const columnOf: Record<number, ColumnVector> = {
  1: vectorOf('double', [0.5, 1.5]),
  2: vectorOf('string', ['a', 'b']),
  3: vectorOf('int32', [10, 20]),
  4: vectorOf('int16', [3, 4]),
  5: vectorOf('string', ['x', null]),
}

function logged(kind: SectionKind, columnIds: readonly number[]): [batch: LogBatch, section: LogSection] {
  const rows: RowBlock = { rowCount: 2, columns: columnIds.map((id) => columnOf[id] ?? (columnOf[1] as ColumnVector)) }
  const section: LogSection = { kind, target: 'disk', tableId: 1, tablet: 0, schemaVersion: 1, columnIds, rows }
  return [{ opId: 3, timestamp: 5, sections: [section], path: '/db/000004.wal', offset: 128 }, section]
}

function values(schema: TableSchema, positions: readonly number[], { columns }: RowBlock): unknown[] {
  return positions.map((position, k) => [0, 1].map((i) => valueAt(schema.columns[position] as ColumnSchema, columns[k] as ColumnVector, i)))
}

const all = after.columns.map((_, position) => position)

test('whole rows of the same columns are taken as they are', (t) => {
  const [batch, section] = logged('insert', [1, 2, 3])
  t.is(wholeRows(batch, section, before), section.rows)
})

test('whole rows lose the columns that were dropped since, and have those that were added at their defaults', (t) => {
  for (const kind of ['insert', 'live'] as const) {
    const whole = wholeRows(...logged(kind, [1, 2, 3]), after)
    t.is(whole.rowCount, 2)
    t.deepEqual(values(after, all, whole), [
      [0.5, 1.5],
      [10, 20],
      [7, 7],
      [null, null],
    ])
  }
  t.deepEqual(values(after, all, wholeRows(...logged('insert', [1, 2, 3, 4]), after))[2], [3, 4])
})

test('columns that are told in another order come to their places', (t) => {
  t.deepEqual(values(after, all, wholeRows(...logged('insert', [5, 4, 3, 1]), after)), [
    [0.5, 1.5],
    [10, 20],
    [3, 4],
    ['x', null],
  ])
})

test('an update sets what the table still has, and a delete names the key', (t) => {
  const update = givenColumns(...logged('update', [1, 2, 3]), after)
  t.deepEqual(update.positions, [0, 1])
  t.deepEqual(values(after, update.positions, update.block), [
    [0.5, 1.5],
    [10, 20],
  ])
  const ofDropped = givenColumns(...logged('update', [2, 3]), after)
  t.deepEqual(ofDropped.positions, [1])
  t.deepEqual(givenColumns(...logged('delete', [3]), after).positions, [1])
  t.deepEqual(givenColumns(...logged('delete', [3]), before).positions, [2])
})

test('columns that the table cannot have had are CORRUPTION, which says where', (t) => {
  const refused: [string, () => unknown][] = [
    ['a column that was never there', () => givenColumns(...logged('update', [3, 6]), after)],
    ['the same, of whole rows', () => wholeRows(...logged('insert', [1, 3, 4, 5, 6]), after)],
    ['one twice', () => givenColumns(...logged('update', [3, 1, 1]), after)],
    ['an update without the key', () => givenColumns(...logged('update', [1]), after)],
    ['an insert without the key', () => wholeRows(...logged('insert', [1, 2]), after)],
    ['an insert without a column that was there', () => wholeRows(...logged('insert', [2, 3]), after)],
    ['an insert of column 5 without 4', () => wholeRows(...logged('insert', [1, 3, 5]), after)],
  ]
  for (const [title, run] of refused) {
    const error = t.throws(
      run,
      { code: 'CORRUPTION', message: /000004\.wal has, at offset 128, rows of table t with other columns/ },
      title,
    )
    t.like(error, { context: { path: '/db/000004.wal', offset: 128, table: 't' } })
  }
})
