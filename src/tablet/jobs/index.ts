/** Jobs that several plugins have run on the worker pool: what `pool.run({ module, data })` takes as its module. */
import { jobModule } from '../../maintenance/worker-pool.ts'

/** Writes changes of rows that are in memory to a delta file: takes `FlushDeltasInput`, gives `DeltaFileSummary`. */
export const flushDeltasJob = jobModule(import.meta.url, './flush-deltas-job')

/** Merges the rows of rowsets: takes `MergeRowSetsInput`, gives `MergeRowSetsOutput`. */
export const mergeRowSetsJob = jobModule(import.meta.url, './merge-rowsets-job')
