import { type DeltaFileSummary, type FlushDeltasInput, flushDeltas, type JobContext } from '../../src/plugin.ts'

/** Runs on a worker: sorts the frozen changes, which lie in shared memory, and writes them to a delta file. */
export default function flushDeltasJob(input: FlushDeltasInput, context: JobContext): Promise<DeltaFileSummary> {
  return flushDeltas(input, context.signal)
}
