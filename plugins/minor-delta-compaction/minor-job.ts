import { type JobContext, type MergeDeltaFilesInput, type MergeDeltaFilesOutput, mergeDeltaFiles } from '../../src/plugin.ts'

/** Runs on a worker: makes one delta file of several. */
export default function minorJob(input: MergeDeltaFilesInput, context: JobContext): Promise<MergeDeltaFilesOutput> {
  return mergeDeltaFiles(input, context)
}
