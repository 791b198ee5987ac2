import type { Candidate, Choice, MaintenanceOp, SchedulingPolicy, SystemState } from '../../src/plugin.ts'

/**
 * Chooses by thresholds, in this order; a rule that finds no op leaves the choice to the next one.
 *
 * 1. A low-I/O op that frees write-ahead log: it costs next to nothing.
 * 2. Memory is under pressure: the op that frees most memory.
 * 3. The log is past its target: the op that retains most of it.
 * 4. Upkeep is overdue: the op that is overdue longest.
 * 5. The best positive score, (perfImprovement + workloadScore) × 1.1^priority.
 * 6. The op that retains most data on disk.
 *
 * Of equals, the one that has waited longest is chosen. No state and no chance: the same question has the same answer.
 */
export class ThresholdPolicy implements SchedulingPolicy {
  readonly name = 'threshold-policy'

  choose(candidates: readonly Candidate[], system: SystemState): Choice {
    const scores = new Map<MaintenanceOp, number>()
    for (const candidate of candidates) scores.set(candidate.op, scoreOf(candidate))
    for (const rule of rules) {
      const choice = rule(candidates, system)
      if (choice) return { ...choice, scores }
    }
    const none = candidates.length === 0 ? 'No op has anything to do.' : `None of ${candidates.length} ops would free or improve anything.`
    return { reason: none, scores }
  }
}

type Rule = (candidates: readonly Candidate[], system: SystemState) => { op: MaintenanceOp; reason: string } | undefined

const rules: readonly Rule[] = [freeLogCheaply, freeMemory, freeLog, doOverdue, improve, freeDisk]

function freeLogCheaply(candidates: readonly Candidate[]) {
  const best = bestBy(candidates, ({ op, stats }) => (op.ioUsage === 'low' ? stats.logsRetainedBytes : 0))
  return best && { op: best.op, reason: `It frees ${mib(best.stats.logsRetainedBytes)} of log at low cost.` }
}

function freeMemory(candidates: readonly Candidate[], system: SystemState) {
  const { memoryHeldBytes, memoryLimitBytes, memoryPressureBytes } = system
  if (memoryHeldBytes < memoryPressureBytes) return undefined
  const best = bestBy(candidates, ({ stats }) => stats.ramAnchoredBytes)
  if (!best) return undefined
  const percent = Math.round((100 * memoryHeldBytes) / memoryLimitBytes)
  return {
    op: best.op,
    reason: `Memory is under pressure (${mib(memoryHeldBytes)} held, ${percent} % of the limit); it frees ${mib(best.stats.ramAnchoredBytes)}.`,
  }
}

function freeLog(candidates: readonly Candidate[], system: SystemState) {
  if (system.walBytes <= system.walTargetBytes) return undefined
  const best = bestBy(candidates, ({ stats }) => stats.logsRetainedBytes)
  if (!best) return undefined
  return {
    op: best.op,
    reason: `The log (${mib(system.walBytes)}) is past its target of ${mib(system.walTargetBytes)}; it retains ${mib(best.stats.logsRetainedBytes)}.`,
  }
}

function doOverdue(candidates: readonly Candidate[], system: SystemState) {
  const best = bestBy(candidates, ({ stats }) => (stats.dueAtMs === undefined ? 0 : system.nowMs - stats.dueAtMs + 1))
  return (
    best && { op: best.op, reason: `It has been due for ${Math.round((system.nowMs - (best.stats.dueAtMs ?? system.nowMs)) / 1000)} s.` }
  )
}

function improve(candidates: readonly Candidate[]) {
  const best = bestBy(candidates, scoreOf)
  if (!best) return undefined
  const { op, stats } = best
  const parts = `improvement ${figure(stats.perfImprovement)} + workload ${figure(stats.workloadScore)}`
  return {
    op,
    reason: `It has the best score, ${figure(scoreOf(best))} (${parts}${op.priority === 0 ? '' : `, priority ${op.priority}`}).`,
  }
}

function freeDisk(candidates: readonly Candidate[]) {
  const best = bestBy(candidates, ({ stats }) => stats.dataRetainedBytes)
  return best && { op: best.op, reason: `It frees ${mib(best.stats.dataRetainedBytes)} on disk.` }
}

/** The candidate with the largest worth above 0; of equals the one that has waited longest. */
function bestBy(candidates: readonly Candidate[], worthOf: (candidate: Candidate) => number): Candidate | undefined {
  let best: Candidate | undefined
  let bestWorth = 0
  for (const candidate of candidates) {
    const worth = worthOf(candidate)
    if (worth < bestWorth || worth <= 0) continue
    if (best && worth === bestWorth && candidate.runnableSinceMs >= best.runnableSinceMs) continue
    best = candidate
    bestWorth = worth
  }
  return best
}

function scoreOf({ op, stats }: Candidate): number {
  return (stats.perfImprovement + stats.workloadScore) * 1.1 ** op.priority
}

function mib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`
}

function figure(value: number): string {
  return String(Math.round(value * 1000) / 1000)
}
