import { token } from '../base/token.ts'

/**
 * Runs jobs away from the main thread. A job is a module whose default export is
 * `(data, context: JobContext) => result | Promise<result>`; `data` and the result are structured-cloned (shared
 * buffers are shared), buffers in `transfer` are moved.
 */
export interface WorkerPool {
  /** By how it runs them, for people: `piscina`, `inline`. */
  readonly name?: string
  /** Rejects with what the job threw, with ABORTED when the signal fires, or if the worker dies. */
  run<R>(job: Job, o: { signal: AbortSignal }): Promise<R>
  /** Stops the workers; pending jobs reject. Idempotent. A pool that has none to stop may leave it out. */
  close?(): Promise<void>
}
export const WorkerPool = token<WorkerPool>('WorkerPool')

export interface Job {
  readonly module: string | URL
  readonly data: unknown
  readonly transfer?: readonly ArrayBuffer[]
}

/** What a job is given besides its data. */
export interface JobContext {
  /** Fires when the job should stop; a pool may also end the worker at once. */
  readonly signal: AbortSignal
  /**
   * For a job that nobody waits for: to be awaited between its parts. While the main thread is busy it resolves after a rest, else at
   * once. A pool need not offer it.
   */
  readonly rest?: () => Promise<void>
}

/** What a job module exports by default. */
export type JobFunction<D, R> = (data: D, context: JobContext) => R | Promise<R>

/**
 * The URL of a job module that lies beside the module that asks, with that module's own ending: `.ts` when run from
 * source, `.js` when built. `jobModule(import.meta.url, './flush-job')`.
 */
export function jobModule(from: string, path: string): URL {
  const ending = /\.[cm]?[jt]s$/.exec(new URL(from).pathname)?.[0] ?? '.js'
  return new URL(path + ending, from)
}
