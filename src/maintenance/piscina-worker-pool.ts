import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { MessageChannel, type MessagePort, type ResourceLimits } from 'node:worker_threads'
import { Piscina } from 'piscina'
import type { Clock, Timer } from '../base/clock.ts'
import { abortedError, asError, systemCode, VarveError } from '../base/errors.ts'
import { BusyWatch } from './busy-watch.ts'
import { type Deferred, deferred } from './deferred.ts'
import { type JobAnswer, type JobMessage, reviveError } from './thread-border.ts'
import { type Job, jobModule, type WorkerPool } from './worker-pool.ts'

export interface PiscinaWorkerPoolOptions {
  readonly clock: Clock
  /** Workers at most. They start when first needed. */
  readonly threads: number
  /** How long a worker without work lives on, in milliseconds; 10,000 if absent. */
  readonly idleTimeoutMs?: number
  /** How long a job that was told to stop may go on before its worker is ended, in milliseconds; 2,000 if absent. */
  readonly cancelGraceMs?: number
  /** Bounds of a worker's heap; Node's own if absent. */
  readonly resourceLimits?: ResourceLimits
}

/** A job that waits for a thread, or has one. */
interface Task {
  readonly job: Job
  readonly signal: AbortSignal
  readonly outcome: Deferred<unknown>
}

/**
 * Worker threads, by piscina. Jobs wait here, first come first served, and piscina is given no more than it has threads: so a
 * worker that dies costs the pool nothing but its own job, for piscina has no queue that could be left without a worker.
 *
 * A job that is cancelled while it runs is told so (`JobContext.signal`) and waited for, `cancelGraceMs` at most; then its worker is ended. Only
 * after that does `run` reject: whoever cleans up after a job finds nobody still at work on its files.
 * Workers without a job do not keep the process alive.
 */
export class PiscinaWorkerPool implements WorkerPool {
  readonly name = 'piscina-worker-pool'
  readonly #o: PiscinaWorkerPoolOptions
  readonly #waiting: Task[] = []
  readonly #busy: BusyWatch
  /** One for each job that piscina has, to reject it by. */
  readonly #posted = new Set<Deferred<never>>()
  #piscina: Piscina | undefined
  #runningCount = 0
  #lastWorkerError: Error | undefined
  #closing: Promise<void> | undefined
  #closeError: Error | undefined

  /** TypeError unless `threads` is a whole number of at least 1. */
  constructor(o: PiscinaWorkerPoolOptions) {
    if (!Number.isInteger(o.threads) || o.threads < 1)
      throw new TypeError(`A worker pool needs a whole number of threads, at least 1, not ${o.threads}.`)
    this.#o = o
    this.#busy = new BusyWatch(o.clock)
  }

  /** Workers alive now, starting ones included. */
  get workerCount(): number {
    return this.#piscina?.threads.length ?? 0
  }

  async run<R>(job: Job, o: { signal: AbortSignal }): Promise<R> {
    if (this.#closing) throw new VarveError('DATABASE_CLOSED', 'The worker pool is closed, because the database was closed.')
    if (o.signal.aborted) throw abortedError(o.signal)
    // A signal of the job's own: many jobs may share one, and Node warns of more than ten listeners on it.
    const signal = AbortSignal.any([o.signal])
    const task: Task = { job, signal, outcome: deferred<unknown>() }
    const onAbort = () => this.#giveUp(task, abortedError(signal))
    signal.addEventListener('abort', onAbort, { once: true })
    this.#waiting.push(task)
    this.#startWaiting()
    try {
      return (await task.outcome.promise) as R
    } finally {
      // Node keeps a composed signal, and all that its listeners hold, for as long as it has one.
      signal.removeEventListener('abort', onAbort)
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await undefined
    const error = new VarveError('ABORTED', 'The worker pool was closed before the job had ended.')
    this.#closeError = error
    for (const task of this.#waiting.splice(0)) task.outcome.reject(error)
    await this.#piscina?.destroy()
  }

  /** A job that waits is dropped at once; one that runs is stopped in `#runInWorker`. */
  #giveUp(task: Task, error: Error): void {
    const index = this.#waiting.indexOf(task)
    if (index < 0) return
    this.#waiting.splice(index, 1)
    task.outcome.reject(error)
  }

  #startWaiting(): void {
    while (this.#runningCount < this.#o.threads) {
      const task = this.#waiting.shift()
      if (task === undefined) return
      this.#runningCount++
      void this.#runTask(task)
    }
  }

  async #runTask(task: Task): Promise<void> {
    this.#busy.jobBegan()
    try {
      task.outcome.resolve(await this.#runInWorker(task))
    } catch (thrown) {
      task.outcome.reject(asError(thrown))
    } finally {
      this.#busy.jobEnded()
      this.#runningCount--
      this.#startWaiting()
    }
  }

  async #runInWorker({ job, signal }: Task): Promise<unknown> {
    const piscina = this.#start()
    const stop = new StopLine()
    const kill = new AbortController()
    const module = String(job.module)
    let grace: Timer | undefined
    let killed: Promise<unknown> | undefined
    const onAbort = () => {
      stop.pull()
      grace = this.#o.clock.after(this.#o.cancelGraceMs ?? 2_000, () => {
        killed = endWorkerOf(piscina, kill)
      })
    }
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      const message: JobMessage = { module, data: job.data, stopFlag: stop.flag, stopPort: stop.workerPort, busyFlag: this.#busy.flag }
      const answer = await this.#post(piscina, message, { transferList: [...(job.transfer ?? []), stop.workerPort], signal: kill.signal })
      if (signal.aborted) throw abortedError(signal)
      if (answer.ok) return answer.result
      throw reviveError(answer.error)
    } catch (thrown) {
      await killed
      throw signal.aborted ? abortedError(signal) : thrown
    } finally {
      signal.removeEventListener('abort', onAbort)
      grace?.cancel()
      stop.close()
    }
  }

  /** The worker's answer, or why there is none. */
  async #post(
    piscina: Piscina,
    message: JobMessage,
    o: { transferList: (ArrayBuffer | MessagePort)[]; signal: AbortSignal },
  ): Promise<JobAnswer> {
    const stuck = deferred<never>()
    this.#posted.add(stuck)
    try {
      return await Promise.race([stuck.promise, piscina.run(message, { ...o, filename: runnerPath }) as Promise<JobAnswer>])
    } catch (thrown) {
      if (this.#closeError) throw this.#closeError
      throw describeFailure(message.module, asError(thrown))
    } finally {
      this.#posted.delete(stuck)
    }
  }

  #start(): Piscina {
    if (this.#piscina) return this.#piscina
    const { threads, idleTimeoutMs = 10_000, resourceLimits } = this.#o
    const piscina = new Piscina({
      minThreads: 0,
      maxThreads: threads,
      idleTimeout: idleTimeoutMs,
      concurrentTasksPerWorker: 1,
      // A worker that sleeps in Atomics.wait cannot hear that its job should stop.
      atomics: 'disabled',
      recordTiming: false,
      ...(resourceLimits && { resourceLimits }),
    })
    // Told here only of workers that die without a job.
    piscina.on('error', (error: Error) => {
      this.#lastWorkerError = error
    })
    piscina.on('workerDestroy', () => setImmediate(() => this.#afterWorkerEnded(piscina)))
    this.#piscina = piscina
    return piscina
  }

  /** Workers that die while they start leave piscina with jobs and nobody to do them: those jobs fail, and the next one gets a new piscina. */
  #afterWorkerEnded(piscina: Piscina): void {
    if (this.#piscina !== piscina || piscina.threads.length > 0 || this.#posted.size === 0) return
    this.#piscina = undefined
    const cause = this.#lastWorkerError
    const error = new Error(`No worker thread could be started: ${cause?.message ?? 'it ended at once'}.`, cause && { cause })
    for (const stuck of this.#posted) stuck.reject(error)
    void piscina.destroy()
  }
}

const runnerPath = fileURLToPath(jobModule(import.meta.url, './job-runner'))

/** Ends the worker whose job has this kill switch; resolves when its thread is gone. */
function endWorkerOf(piscina: Piscina, kill: AbortController): Promise<unknown> {
  const before = piscina.threads
  kill.abort()
  const after = new Set(piscina.threads)
  return Promise.all(before.filter((worker) => !after.has(worker)).map((worker) => once(worker, 'exit')))
}

function describeFailure(module: string, cause: Error): Error {
  if (cause.name === 'DataCloneError') {
    return new TypeError(`The data of the job ${module} cannot be cloned, as whatever goes to a worker must be: ${cause.message}`, {
      cause,
    })
  }
  const error = new Error(`The worker of the job ${module} died: ${cause.message}`, { cause })
  const code = systemCode(cause)
  return code === undefined ? error : Object.assign(error, { code })
}

/** The main thread's end of a job's signal: a shared word for a busy worker, a message for one that waits. */
class StopLine {
  readonly flag = new Int32Array(new SharedArrayBuffer(4))
  readonly workerPort: MessagePort
  readonly #port: MessagePort

  constructor() {
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    this.workerPort = port2
    port1.unref()
  }

  pull(): void {
    Atomics.store(this.flag, 0, 1)
    this.#port.postMessage(1)
  }

  close(): void {
    this.#port.close()
  }
}
