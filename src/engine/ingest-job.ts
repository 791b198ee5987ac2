import type { JobContext } from '../maintenance/worker-pool.ts'
import { type IngestedFile, type IngestInput, ingestFiles } from '../rowset/ingest-files.ts'

/** Runs on a worker: checks files that are to be ingested, and copies them. */
export default function ingestJob(input: IngestInput, context: JobContext): Promise<IngestedFile[]> {
  return ingestFiles(input, context.signal)
}
