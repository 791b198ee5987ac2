import { type FlushInput, type FlushOutput, flushRows, type JobContext } from '../../src/plugin.ts'

/** Runs on a worker: sorts the frozen rows, which lie in shared memory, and writes them to SSTables. */
export default function flushJob(input: FlushInput, context: JobContext): Promise<FlushOutput> {
  return flushRows(input, context.signal)
}
