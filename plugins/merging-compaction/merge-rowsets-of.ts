import {
  type CompactionContext,
  type DeltaFileSummary,
  flushDeltasJob,
  type MergeRowSetsOutput,
  mergeRowSetsJob,
  mergingCompaction,
  type RowSetClaim,
  type Tablet,
} from '../../src/plugin.ts'

export interface MergeOptions {
  readonly rowsetBytesMax: number
  /** A codec, by its name. */
  readonly compression: string
}

/** Merges the rowsets of a claim, on the pool, and lets go of them; gives the ids of those that it made. Something more urgent may cancel it: ABORTED. */
export async function mergeClaimed(tablet: Tablet, claim: RowSetClaim, o: MergeOptions, context: CompactionContext): Promise<number[]> {
  const signal = AbortSignal.any([context.signal, claim.signal])
  const { reason, jobId, pool } = context
  try {
    return await mergingCompaction(tablet, {
      reason,
      jobId,
      claim,
      rowsetBytesMax: o.rowsetBytesMax,
      codec: { name: o.compression },
      run: (data) => pool.run<MergeRowSetsOutput>({ module: mergeRowSetsJob, data }, { signal }),
      flush: (data) => pool.run<DeltaFileSummary>({ module: flushDeltasJob, data }, { signal }),
    })
  } finally {
    claim.release()
  }
}
