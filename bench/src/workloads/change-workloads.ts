import type { Distribution } from '../data/key-choice.ts'
import type { Workload } from './workload.ts'
import type { YcsbLetter } from './ycsb-programs.ts'

const ycsbNotes = {
  A: 'Half reads of whole rows, half updates of one column, one after another.',
  B: '95 % reads, 5 % updates.',
  C: 'Reads only.',
  D: '95 % reads, 5 % inserts; zipfian favours the newest rows.',
  F: 'Half reads, half reads that are followed by an update made from what was read.',
} as const satisfies Record<YcsbLetter, string>

/** The lines of rows that change. */
export const changeWorkloads: readonly Workload[] = [
  {
    name: 'update one column, batches of 1000',
    program: 'update',
    unit: 'rows/s',
    better: 'higher',
    goal: { atLeast: 5 },
    against: 'better-sqlite3',
    note:
      'Random rows of the loaded table. classic-level and lmdb read and write values whole. duckdb gathers each batch in a temporary ' +
      'table and joins it: a statement for each row runs below 1 k/s.',
  },
  ...changedLines('in memory', 'read-changed', 'Nothing is flushed, compacted or settled after the changes.'),
  ...changedLines('flushed', 'read-changed-flushed', "varve's changes lie in delta files, not compacted; the others have settled."),
  {
    name: 'bytes on disk, every row updated once',
    program: 'change-all',
    unit: 'bytes',
    better: 'lower',
    goal: { atMost: 1 },
    note:
      "One column of every row, in batches of 1000 random rows; then settled, compacted (varve: compact, of kind 'full'; classic-level: compactRange; " +
      'better-sqlite3: VACUUM; lmdb and duckdb have no such call), and closed. varve keeps what rows were for its default 15 minutes of history.',
  },
  ...(['A', 'B', 'C', 'D', 'F'] as const).flatMap((letter) => [ycsbLine(letter, 'uniform'), ycsbLine(letter, 'zipfian')]),
]

function changedLines(where: string, program: 'read-changed' | 'read-changed-flushed', note: string): Workload[] {
  const line = { program, better: 'higher' } as const
  return [
    { ...line, name: `filter + sum + avg, 10 % changed, ${where}`, unit: 'rows/s', goal: { atLeast: 1 }, note },
    { ...line, name: `group by 1000 groups, 10 % changed, ${where}`, figure: 'groups', unit: 'rows/s', goal: { atLeast: 1 } },
    { ...line, name: `range of 100 rows, 10 % changed, ${where}`, figure: 'ranges', unit: 'calls/s', goal: { atLeast: 1.5 } },
  ]
}

function ycsbLine(letter: YcsbLetter, distribution: Distribution): Workload {
  return {
    name: `ycsb ${letter}, ${distribution}`,
    program: `ycsb-${letter.toLowerCase() as Lowercase<YcsbLetter>}-${distribution}`,
    unit: 'operations/s',
    better: 'higher',
    cannot: { duckdb: 'too slow to wait for: below 1 k operations/s, as its point reads show' },
    ...(distribution === 'uniform' && { note: ycsbNotes[letter] }),
  }
}
