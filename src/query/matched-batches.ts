/**
 * Drives a scan: takes batch after batch from the pinned streams, drops those whose zone maps cannot match, reads the
 * predicate's columns, and, only if a row is left, the columns that are returned. Synchronous as long as what it needs
 * is in memory, but for the turns it leaves to the event loop.
 */
import { throwIfAborted } from '../base/errors.ts'
import { eventLoopGate } from '../base/event-loop-gate.ts'
import type { RowStream } from '../tablet/pinned-streams.ts'
import { type MatchedBatch, type MatchOptions, matchBatch, type ScanSource } from './match-batch.ts'
import { mergeStreams } from './ordered-merge.ts'
import type { ScanPlan } from './scan-plan.ts'

/** The batches of a scan that have a matching row, in the order that the plan asks for; the limit is the caller's. */
export function matchedBatches(plan: ScanPlan, source: ScanSource, o: MatchOptions): AsyncGenerator<MatchedBatch> {
  return plan.sorted ? mergeStreams(plan, source, o) : unorderedBatches(plan, source.streams, o)
}

async function* unorderedBatches(plan: ScanPlan, streams: readonly RowStream[], o: MatchOptions): AsyncGenerator<MatchedBatch> {
  throwIfAborted(o.signal)
  for (const stream of streams) {
    const preparing = stream.prepare()
    if (preparing) await preparing
    for (const batch of stream.batches()) {
      const matched = matchBatch(plan, batch, o)
      const settled = matched instanceof Promise ? await matched : matched
      if (settled) yield settled
      const pause = eventLoopGate.pause()
      if (pause) await pause
      throwIfAborted(o.signal)
    }
  }
}
