import { abortedError, throwIfAborted, VarveError } from '../base/errors.ts'
import type { Job, JobFunction, WorkerPool } from '../maintenance/worker-pool.ts'

/**
 * Runs jobs in this thread, one after another in the order in which they were asked for, so that a run can be
 * repeated exactly. Data and results are structured-cloned as on the way to a worker and back (shared buffers are
 * shared, `transfer` is moved), so that a test meets what cannot be cloned. A job blocks the thread while it computes.
 * A job whose signal fires is dropped if it waits; one that runs is told, and `run` rejects when it has stopped, so
 * that whoever cleans up after it finds nobody still at work.
 */
export class InlineWorkerPool implements WorkerPool {
  readonly name = 'inline'
  readonly #closing = new AbortController()
  #last: Promise<unknown> = Promise.resolve()
  #startedCount = 0

  /** Jobs that were begun. */
  get startedCount(): number {
    return this.#startedCount
  }

  async run<R>(job: Job, o: { signal: AbortSignal }): Promise<R> {
    if (this.#closing.signal.aborted) throw new VarveError('DATABASE_CLOSED', 'The worker pool is closed.')
    throwIfAborted(o.signal)
    // Cloned at the call, as a message is: what the caller changes afterwards does not reach the job.
    const data: unknown = structuredClone(job.data, { transfer: [...(job.transfer ?? [])] })
    const signal = AbortSignal.any([o.signal, this.#closing.signal])
    return new Promise((resolve, reject) => {
      const drop = () => reject(this.#stopError(o.signal))
      signal.addEventListener('abort', drop, { once: true })
      this.#last = this.#last.then(async () => {
        signal.removeEventListener('abort', drop)
        if (signal.aborted) return
        try {
          resolve(await this.#perform<R>(job.module, data, signal))
        } catch (error) {
          reject(signal.aborted ? this.#stopError(o.signal) : error)
        }
      })
    })
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#last
  }

  async #perform<R>(module: string | URL, data: unknown, signal: AbortSignal): Promise<R> {
    const { default: run } = (await imported(String(module))) as { default?: JobFunction<unknown, R> }
    if (typeof run !== 'function') {
      throw new TypeError(`${String(module)} is not a job: its default export must be a function (data, context).`)
    }
    throwIfAborted(signal)
    this.#startedCount++
    const result = await run(data, { signal })
    throwIfAborted(signal)
    return structuredClone(result)
  }

  #stopError(signal: AbortSignal): VarveError {
    return signal.aborted ? abortedError(signal) : new VarveError('ABORTED', 'The worker pool was closed before the job had ended.')
  }
}

const modules = new Map<string, Promise<unknown>>()

/** A module that has been imported is not looked up again: a loader such as tsx takes a millisecond for that. */
function imported(module: string): Promise<unknown> {
  let found = modules.get(module)
  if (found === undefined) {
    found = import(module)
    modules.set(module, found)
  }
  return found
}
