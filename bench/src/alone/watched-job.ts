import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { JobContext, JobFunction } from '../../../src/plugin.ts'

/** Between two looks at the memory, in milliseconds: each collects all garbage first. */
const lookMs = 100

export interface WatchedJob {
  /** The module of the job itself. */
  readonly module: string
  readonly data: unknown
}

export interface WatchedResult {
  readonly result: unknown
  /** The most bytes that the job kept alive at a time, in the heap and in array buffers, beside what its worker had before. */
  readonly peakBytes: number
}

/** Runs another job, on the same worker, and watches what it keeps alive. */
export default async function watchedJob({ module, data }: WatchedJob, context: JobContext): Promise<WatchedResult> {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  const { default: job } = (await import(module)) as { default: JobFunction<unknown, unknown> }
  const heldBytes = () => {
    // What the first collection finds is freed beside the program; the second one waits for that.
    gc()
    gc()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    return heapUsed + arrayBuffers
  }
  const before = heldBytes()
  let peakBytes = 0
  const timer = setInterval(() => {
    peakBytes = Math.max(peakBytes, heldBytes() - before)
  }, lookMs)
  try {
    return { result: await job(data, context), peakBytes }
  } finally {
    clearInterval(timer)
  }
}
