import type { JobContext } from '../../maintenance/worker-pool.ts'
import { type MergeRowSetsInput, type MergeRowSetsOutput, mergeRowSets } from '../../rowset/compaction/merge-rowsets.ts'

export default function mergeRowSetsJob(input: MergeRowSetsInput, context: JobContext): Promise<MergeRowSetsOutput> {
  return mergeRowSets(input, context)
}
