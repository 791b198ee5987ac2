import { type JobContext, type MergeRowSetsInput, type MergeRowSetsOutput, mergeRowSets } from '../../src/plugin.ts'

/** Runs on a worker: rewrites a rowset without its dead rows; of one that has no other, nothing is left. */
export default function mergeJob(input: MergeRowSetsInput, context: JobContext): Promise<MergeRowSetsOutput> {
  return mergeRowSets(input, context.signal)
}
