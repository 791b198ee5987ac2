import { appendColumns, load, loadColumns, loadWithSync, writeEach } from './load-programs.ts'
import type { Program } from './program.ts'
import { filterAggregate, groupByHost, readEach, readEachSync, readMany, readRanges, readRaw, scanAll } from './read-programs.ts'

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
} satisfies Record<string, Program>

export type ProgramName = keyof typeof programs
