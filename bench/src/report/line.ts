import type { SideName } from '../sides/side.ts'
import { bestPeer, type Goal, isMet, type Workload, workloads } from '../workloads/workloads.ts'

/** Why a side has no figure. */
export interface Missing {
  /** What the table shows: `cannot`, `failed`, `not loadable`. */
  readonly word: string
  readonly reason: string
}

/** One line of the report: a workload with the figures of all sides, or a figure of the product alone. */
export interface Line {
  readonly name: string
  readonly unit: string
  readonly results: Readonly<Partial<Record<SideName, number>>>
  readonly missing: Readonly<Partial<Record<SideName, Missing>>>
  /** Product ÷ best peer; undefined of the product alone, and where one of them has no figure. */
  readonly ratio?: number
  readonly best?: SideName
  readonly goal?: Goal
  /** Undefined without a goal or a figure. */
  readonly met?: boolean
}

export interface LineInput {
  readonly results: Line['results']
  readonly missing: Line['missing']
}

export function workloadLine(workload: Workload, { results, missing }: LineInput): Line {
  const { name, unit, goal } = workload
  const best = bestPeer(workload, results)
  const [own, peer] = [results.varve, best && results[best]]
  const ratio = own !== undefined && peer !== undefined ? own / peer : undefined
  return {
    name,
    unit,
    results,
    missing,
    ...(ratio !== undefined && { ratio }),
    ...(best && { best }),
    ...(goal && { goal }),
    ...(goal && ratio !== undefined && { met: isMet(goal, ratio) }),
  }
}

/** The lines' notes, in the order of the table. */
export function notesOf(lines: readonly Line[]): string[] {
  const notes: string[] = []
  for (const { name, missing } of lines) {
    const note = workloads.find((workload) => workload.name === name)?.note
    const reasons = Object.entries(missing)
      .filter(([, { word }]) => word !== '')
      .map(([side, { word, reason }]) => `${side} ${word}: ${reason}`)
    const text = [...(note ? [note] : []), ...reasons.map((reason) => `${reason}.`)].join(' ')
    if (text) notes.push(`${name}: ${text}`)
  }
  return notes
}

export function goalText(goal: Goal): string {
  return 'atLeast' in goal ? `≥ ${goal.atLeast}` : `≤ ${goal.atMost}`
}
