import { changedScans } from './changed-scans.ts'
import { costGrowth } from './cost-growth.ts'
import { eventLoopDelayOfBatches, eventLoopDelayOfColumns } from './event-loop-delay.ts'
import type { Measure } from './measure.ts'
import { mergingCompaction } from './merging-compaction.ts'
import { mergingPolicy } from './merging-policy.ts'
import { openAndClose } from './open-and-close.ts'
import { reopenAfterKill } from './reopen-after-kill.ts'
import { residentMemory } from './resident-memory.ts'
import { schedulerPoll } from './scheduler-poll.ts'
import { warmCalls } from './warm-calls.ts'
import { zipfianRates } from './zipfian-rates.ts'

export const measures: readonly Measure[] = [
  eventLoopDelayOfBatches,
  eventLoopDelayOfColumns,
  warmCalls,
  reopenAfterKill,
  openAndClose,
  residentMemory,
  costGrowth,
  schedulerPoll,
  mergingPolicy,
  mergingCompaction,
  changedScans,
  zipfianRates,
]
