import { changeAll, readChanged, readChangedFlushed, updateRandom } from './change-programs.ts'
import { appendColumns, load, loadColumns, loadWithSync, writeEach } from './load-programs.ts'
import type { Program } from './program.ts'
import { filterAggregate, groupByHost, readEach, readEachSync, readMany, readRanges, readRaw, scanAll } from './read-programs.ts'
import { ycsb } from './ycsb-programs.ts'

export const programs = {
  load,
  'load-sync': loadWithSync,
  'load-columns': loadColumns,
  'append-columns': appendColumns,
  'write-each': writeEach,
  'read-each': readEach,
  'read-each-sync': readEachSync,
  'read-raw': readRaw,
  'read-many': readMany,
  'read-ranges': readRanges,
  'filter-aggregate': filterAggregate,
  'group-by': groupByHost,
  'scan-all': scanAll,
  update: updateRandom,
  'read-changed': readChanged,
  'read-changed-flushed': readChangedFlushed,
  'change-all': changeAll,
  'ycsb-a-uniform': ycsb('A', 'uniform'),
  'ycsb-a-zipfian': ycsb('A', 'zipfian'),
  'ycsb-b-uniform': ycsb('B', 'uniform'),
  'ycsb-b-zipfian': ycsb('B', 'zipfian'),
  'ycsb-c-uniform': ycsb('C', 'uniform'),
  'ycsb-c-zipfian': ycsb('C', 'zipfian'),
  'ycsb-d-uniform': ycsb('D', 'uniform'),
  'ycsb-d-zipfian': ycsb('D', 'zipfian'),
  'ycsb-f-uniform': ycsb('F', 'uniform'),
  'ycsb-f-zipfian': ycsb('F', 'zipfian'),
} satisfies Record<string, Program>

export type ProgramName = keyof typeof programs
