import flushJob from '../../plugins/flush/flush-job.ts'
import { throwIfAborted, VarveError } from '../../src/base/errors.ts'
import type { Job, JobFunction, WorkerPool } from '../../src/maintenance/worker-pool.ts'

const jobs: Readonly<Record<string, JobFunction<never, unknown>>> = { 'flush-job': flushJob }

/**
 * Runs jobs in this thread, like `InlineWorkerPool`, but has them at hand from the start: an `import()` takes as many
 * turns of the event loop as it likes, and no run could be repeated exactly.
 */
export class SteadyWorkerPool implements WorkerPool {
  readonly name = 'steady'
  readonly #closing = new AbortController()

  async run<R>(job: Job, o: { signal: AbortSignal }): Promise<R> {
    throwIfAborted(o.signal)
    const name = /([a-z-]+)\.[jt]s$/.exec(String(job.module))?.[1] ?? ''
    const run = jobs[name]
    if (!run) throw new TypeError(`This pool does not know the job ${String(job.module)}: add it to the list in this file.`)
    const data: unknown = structuredClone(job.data, { transfer: [...(job.transfer ?? [])] })
    const signal = AbortSignal.any([o.signal, this.#closing.signal])
    const result = await run(data as never, { signal })
    if (signal.aborted) throw new VarveError('ABORTED', 'The job was stopped.')
    return structuredClone(result) as R
  }

  async close(): Promise<void> {
    this.#closing.abort()
  }
}
