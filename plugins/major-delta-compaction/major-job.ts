import { type CompactColumnsInput, type CompactColumnsOutput, compactColumns, type JobContext } from '../../src/plugin.ts'

/** Runs on a worker: writes columns of a rowset anew, with what redo files say of them. */
export default function majorJob(input: CompactColumnsInput, context: JobContext): Promise<CompactColumnsOutput> {
  return compactColumns(input, context)
}
