import type { CandidateExplanation } from './maintenance-status.ts'
import type { OpEntry } from './op-registry.ts'
import type { Choice, SystemState } from './scheduling-policy.ts'

interface Situation {
  readonly entries: Iterable<OpEntry>
  readonly choice: Choice
  readonly system: SystemState
  readonly threads: number
  readonly paused: boolean
}

/** Every op that is runnable, running or failing, with why it would be begun now or not; the best score first. */
export function explainCandidates(o: Situation): CandidateExplanation[] {
  const explanations: CandidateExplanation[] = []
  for (const entry of o.entries) {
    if (entry.runnableIndex < 0 && entry.runningCount === 0 && entry.lastError === undefined) continue
    const { op, stats } = entry
    explanations.push({
      op: op.name,
      kind: op.kind,
      priority: op.priority,
      stats: { ...stats },
      score: o.choice.scores?.get(op),
      chosen: o.choice.op === op,
      why: explainOne(entry, o),
      waitingMs: entry.runnableIndex < 0 || entry.runningCount > 0 ? 0 : o.system.monotonicMs - entry.runnableSinceMs,
    })
  }
  return explanations.sort((a, b) => (b.score ?? Number.NEGATIVE_INFINITY) - (a.score ?? Number.NEGATIVE_INFINITY))
}

function explainOne(entry: OpEntry, o: Situation): string {
  const { op, lastError } = entry
  const { system, choice } = o
  if (entry.closing) return 'It is being unregistered.'
  if (entry.runningCount >= entry.runningCountMax) return `It runs already (${entry.runningCount} of ${entry.runningCountMax}).`
  if (entry.notBeforeMs > system.monotonicMs) {
    const waitMs = Math.ceil(entry.notBeforeMs - system.monotonicMs)
    return lastError
      ? `It failed (${lastError.message}) and may be tried again in ${waitMs} ms.`
      : `It had nothing to do when prepared; asked again in ${waitMs} ms.`
  }
  if (entry.runnableIndex < 0) return 'It says there is nothing to do.'
  if (system.onlyFlush && op.kind !== 'flush') {
    return o.threads === 1 ? 'The only thread is taken; a flush may have it next.' : 'The thread that is left is kept for flushes.'
  }
  const blocked = o.paused ? 'Maintenance is paused. Else: ' : system.threadsFree === 0 ? `All ${o.threads} threads are taken. Else: ` : ''
  if (choice.op === op) return blocked + choice.reason
  if (choice.op === undefined) return blocked + choice.reason
  return `${blocked}${choice.op.name} is better: ${choice.reason}`
}
