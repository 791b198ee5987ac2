import type { Missing } from '../report/line.ts'
import { compileBetterSqlite3 } from '../setup/native-peers.ts'
import { peerNames, type SideName } from '../sides/side.ts'
import type { TaskFailed } from './run-task.ts'
import type { Workshop } from './workshop.ts'

/** Tries every wanted peer once, in a process of its own; what cannot be loaded here is said in the table, not left out. */
export async function peersNotAtHand(workshop: Workshop, wanted: readonly SideName[]): Promise<Map<SideName, Missing>> {
  const compileError = wanted.includes('better-sqlite3') ? compileBetterSqlite3() : undefined
  const missing = new Map<SideName, Missing>()
  for (const side of peerNames) {
    if (!wanted.includes(side)) {
      missing.set(side, { word: '', reason: 'not asked for' })
      continue
    }
    try {
      await workshop.run({ kind: 'probe', side }, await workshop.emptyDirectory(`probe-${side}`))
    } catch (error) {
      const reason = side === 'better-sqlite3' && compileError ? compileError : (error as TaskFailed).message
      missing.set(side, { word: 'not loadable', reason })
    }
  }
  return missing
}
