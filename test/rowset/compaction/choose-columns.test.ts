import test from 'ava'
import type { DeltaStatistics } from '../../../src/manifest/version-edit.ts'
import { chooseColumns } from '../../../src/rowset/compaction/choose-columns.ts'
import { column, tableSchema } from '../../sstable/fixtures/tables.ts'

const schema = tableSchema([column(5, 'id', 'int32'), column(7, 'a', 'int32'), column(8, 'b', 'int32'), column(9, 'c', 'int32')], [0])

function statistics(updates: DeltaStatistics['updates'], o: Partial<DeltaStatistics> = {}): DeltaStatistics {
  return { updates, deletes: 0, lives: 0, minRow: 0, maxRow: 999, ...o }
}

test('a column is chosen when files together update a tenth of the rows', (t) => {
  const redo = [
    statistics([
      [9, 60],
      [7, 500],
      [8, 20],
    ]),
    statistics([
      [9, 40],
      [8, 79],
    ]),
  ]
  t.deepEqual(chooseColumns({ schema, rows: 1000, redo }), { columns: [7, 9], rowShare: 0.5 })
  t.deepEqual(chooseColumns({ schema, rows: 990, redo }), { columns: [7, 8, 9], rowShare: 500 / 990 })
})

test('nothing is chosen where nothing is worth it', (t) => {
  t.is(chooseColumns({ schema, rows: 1000, redo: [] }), undefined)
  t.is(chooseColumns({ schema, rows: 1000, redo: [statistics([[7, 99]]), statistics([], { deletes: 900 })] }), undefined)
})

test('a few rows that change all the time are no reason to write all rows anew', (t) => {
  const hot = statistics([[7, 100_000]], { minRow: 17, maxRow: 26 })
  t.is(chooseColumns({ schema, rows: 1000, redo: [hot, hot] }), undefined)
  t.deepEqual(chooseColumns({ schema, rows: 100, redo: [hot, hot] }), { columns: [7], rowShare: 0.2 })
})

test('no more rows are updated than there are', (t) => {
  const all = statistics([[8, 5000]])
  t.deepEqual(chooseColumns({ schema, rows: 1000, redo: [all, all] }), { columns: [8], rowShare: 1 })
})

test('columns that were dropped are not chosen; the bound can be another', (t) => {
  t.is(chooseColumns({ schema, rows: 1000, redo: [statistics([[6, 1000]])] }), undefined)
  const some = statistics([[7, 10]])
  t.is(chooseColumns({ schema, rows: 1000, redo: [some] }), undefined)
  t.deepEqual(chooseColumns({ schema, rows: 1000, redo: [some] }, 0.01), { columns: [7], rowShare: 0.01 })
})
