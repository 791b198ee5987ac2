import { type JobContext, type MergeRowSetsInput, type MergeRowSetsOutput, mergeRowSets } from '../../src/plugin.ts'

/** Runs on a worker: merges the rows of several rowsets. */
export default function mergeJob(input: MergeRowSetsInput, context: JobContext): Promise<MergeRowSetsOutput> {
  return mergeRowSets(input, context.signal)
}
