import { type DeltaFileSummary, type FlushDeltasInput, flushDeltas, type JobContext } from '../../src/plugin.ts'

/** Runs on a worker: writes changes of an input that are in memory to a delta file, before it is merged. */
export default function flushDeltasJob(input: FlushDeltasInput, context: JobContext): Promise<DeltaFileSummary> {
  return flushDeltas(input, context.signal)
}
