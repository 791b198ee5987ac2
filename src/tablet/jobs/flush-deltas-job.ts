import type { JobContext } from '../../maintenance/worker-pool.ts'
import type { DeltaFileSummary } from '../../rowset/delta-file-writer.ts'
import { type FlushDeltasInput, flushDeltas } from '../../rowset/flush-deltas.ts'

export default function flushDeltasJob(input: FlushDeltasInput, context: JobContext): Promise<DeltaFileSummary> {
  return flushDeltas(input, context.signal)
}
