import { abortedError, throwIfAborted, VarveError } from '../base/errors.ts'
import type { Job, JobFunction, WorkerPool } from '../maintenance/worker-pool.ts'

/**
 * Runs jobs in this thread, one after another in the order in which they were asked for, so that a run can be
 * repeated exactly. Data and results are structured-cloned as on the way to a worker and back (shared buffers are
 * shared, `transfer` is moved), so that a test meets what cannot be cloned. A job that takes its time blocks the
 * thread; its signal can stop it only where it awaits.
 */
export class InlineWorkerPool implements WorkerPool {
  readonly name = 'inline'
  readonly #closing = new AbortController()
  #last: Promise<unknown> = Promise.resolve()
  /** Jobs that were begun. */
  startedCount = 0

  async run<R>(job: Job, o: { signal: AbortSignal }): Promise<R> {
    this.#refuseIfClosed()
    throwIfAborted(o.signal)
    // Cloned at the call, as a message is: what the caller changes afterwards does not reach the job.
    const data: unknown = structuredClone(job.data, { transfer: [...(job.transfer ?? [])] })
    const signal = AbortSignal.any([o.signal, this.#closing.signal])
    const done = this.#last.then(() => this.#perform<R>(job.module, data, signal))
    this.#last = done.catch(() => {})
    return raceAbort(done, signal, () => {
      this.#refuseIfClosed()
      throw abortedError(o.signal)
    })
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#last
  }

  async #perform<R>(module: string | URL, data: unknown, signal: AbortSignal): Promise<R> {
    throwIfAborted(signal)
    const { default: run } = (await import(String(module))) as { default?: JobFunction<unknown, R> }
    if (typeof run !== 'function')
      throw new TypeError(`${String(module)} is not a job: its default export must be a function (data, context).`)
    throwIfAborted(signal)
    this.startedCount++
    return structuredClone(await run(data, { signal }))
  }

  #refuseIfClosed(): void {
    if (this.#closing.signal.aborted) throw new VarveError('ABORTED', 'The worker pool has been closed.')
  }
}

/** The result, or what `aborted` throws as soon as the signal fires. */
function raceAbort<R>(result: Promise<R>, signal: AbortSignal, aborted: () => never): Promise<R> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      try {
        aborted()
      } catch (error) {
        reject(error)
      }
    }
    signal.addEventListener('abort', onAbort, { once: true })
    result.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
