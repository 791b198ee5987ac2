import { peerNames, type SideName } from '../sides/side.ts'
import { changeWorkloads } from './change-workloads.ts'
import type { Goal, Workload } from './workload.ts'

export type { Goal, Workload } from './workload.ts'

const rowsOnly = 'takes rows only'
const noBytes = 'hands out rows, not bytes'

export const workloads: readonly Workload[] = [
  {
    name: 'load, batches of 1000',
    program: 'load',
    unit: 'rows/s',
    better: 'higher',
    goal: { atLeast: 1.5 },
    note:
      'Rows are made from columns inside the measured time, for all alike. varve and better-sqlite3 check that every key is new; ' +
      'the others do not. duckdb gathers rows in its appender and commits once, at the end.',
  },
  {
    name: 'load, until settled',
    program: 'load',
    figure: 'settled',
    unit: 'rows/s',
    better: 'higher',
    note: 'The same load, and then flush, compaction or checkpoint until everything is where it is to stay.',
  },
  {
    name: 'load, a sync per commit',
    program: 'load-sync',
    unit: 'rows/s',
    better: 'higher',
    note: 'Batches of 1000; a tenth of the rows.',
  },
  {
    name: 'bulk load of columns',
    program: 'load-columns',
    unit: 'rows/s',
    better: 'higher',
    goal: { atLeast: 4 },
    cannot: { 'classic-level': rowsOnly, lmdb: rowsOnly, 'better-sqlite3': rowsOnly },
    note: 'duckdb takes data chunks made past its public API, numbers copied as whole vectors, and commits at the end.',
  },
  {
    name: 'bulk load, duckdb by appender',
    program: 'append-columns',
    unit: 'rows/s',
    better: 'higher',
    goal: { atLeast: 4 },
    cannot: { 'classic-level': rowsOnly, lmdb: rowsOnly, 'better-sqlite3': rowsOnly },
    note: 'duckdb takes value by value through its appender, the way its documentation shows, and commits at the end.',
  },
  {
    name: 'one row per awaited write',
    program: 'write-each',
    unit: 'rows/s',
    better: 'higher',
    goal: { atLeast: 2 },
    note: 'lmdb (putSync) and better-sqlite3 write synchronously and return when committed, their quickest way. The goal has a second half: 10 × classic-level.',
  },
  {
    name: 'point read, awaited',
    program: 'read-each',
    unit: 'rows/s',
    better: 'higher',
    goal: { atLeast: 1.5 },
    note: 'Random keys, all in memory, each row a row object. lmdb and better-sqlite3 read synchronously only; that is what is measured of them.',
  },
  {
    name: 'point read, lmdb raw',
    program: 'read-raw',
    unit: 'rows/s',
    better: 'higher',
    goal: { atLeast: 1.5 },
    cannot: { 'better-sqlite3': noBytes, duckdb: noBytes },
    note: 'lmdb and classic-level return bytes that nobody decodes; varve returns row objects from awaited gets all the same.',
  },
  { name: 'point read, synchronous', program: 'read-each-sync', unit: 'rows/s', better: 'higher', cannot: { duckdb: 'asynchronous only' } },
  {
    name: 'point read, 100 keys a call',
    program: 'read-many',
    unit: 'rows/s',
    better: 'higher',
    cannot: { 'better-sqlite3': 'no such call', duckdb: 'no such call' },
  },
  {
    name: 'filter + sum + avg, all rows',
    program: 'filter-aggregate',
    unit: 'rows/s',
    better: 'higher',
    goal: { atLeast: 1.5 },
    note: 'count(*), sum(cpu), avg(mem) where cpu > 50, half of the rows. classic-level and lmdb iterate and add up.',
  },
  {
    name: 'group by 1000 groups, sum + avg',
    program: 'group-by',
    unit: 'rows/s',
    better: 'higher',
    goal: { atLeast: 1.5 },
    note: 'sum(cpu), avg(mem) by host.',
  },
  {
    name: 'full scan by batches',
    program: 'scan-all',
    unit: 'rows/s',
    better: 'higher',
    note: 'All columns; every value becomes a JavaScript value, strings included.',
  },
  {
    name: 'range of 100 rows by key prefix',
    program: 'read-ranges',
    unit: 'calls/s',
    better: 'higher',
    goal: { atLeast: 1.5 },
    note: 'In key order, as row objects.',
  },
  {
    name: 'bytes on disk',
    program: 'load',
    figure: 'bytes',
    unit: 'bytes',
    better: 'lower',
    goal: { atMost: 1 },
    note: 'Settled and closed; every file of the directory counts, logs included.',
  },
  ...changeWorkloads,
]

export function canDo(workload: Workload, side: SideName): boolean {
  return workload.cannot?.[side] === undefined
}

/** The peer that the product is held against: the one with the best figure, if any has one and none is named. */
export function bestPeer(workload: Workload, results: Readonly<Partial<Record<SideName, number>>>): SideName | undefined {
  if (workload.against !== undefined) return results[workload.against] === undefined ? undefined : workload.against
  let best: SideName | undefined
  for (const peer of peerNames) {
    const [value, bestValue] = [results[peer], best && results[best]]
    if (value === undefined) continue
    if (bestValue === undefined || (workload.better === 'higher' ? value > bestValue : value < bestValue)) best = peer
  }
  return best
}

export function isMet(goal: Goal, value: number): boolean {
  return 'atLeast' in goal ? value >= goal.atLeast : value <= goal.atMost
}
