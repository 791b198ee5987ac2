import {
  type CompactionContext,
  type DeltaFileSummary,
  jobModule,
  type MergeRowSetsOutput,
  mergingCompaction,
  type RowSetClaim,
  type Tablet,
} from '../../src/plugin.ts'

export interface MergeOptions {
  readonly rowsetBytesMax: number
  readonly compression: 'none' | 'deflate'
}

/** Merges the rowsets of a claim, on the pool, and lets go of them. Something more urgent may cancel it: ABORTED. */
export async function mergeClaimed(tablet: Tablet, claim: RowSetClaim, o: MergeOptions, context: CompactionContext): Promise<void> {
  const signal = AbortSignal.any([context.signal, claim.signal])
  const { reason, jobId, pool } = context
  try {
    await mergingCompaction(tablet, {
      reason,
      jobId,
      claim,
      rowsetBytesMax: o.rowsetBytesMax,
      codec: { name: o.compression },
      run: (data) => pool.run<MergeRowSetsOutput>({ module: jobModule(import.meta.url, './merge-job'), data }, { signal }),
      flush: (data) => pool.run<DeltaFileSummary>({ module: jobModule(import.meta.url, './flush-deltas-job'), data }, { signal }),
    })
  } finally {
    claim.release()
  }
}
