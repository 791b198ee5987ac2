/**
 * What runs in a worker: imports a job's module, once, and calls its default export. Loaded by piscina; everything
 * that a job may bring with it is imported by the job.
 */
import { constants, setPriority } from 'node:os'
import { asError } from '../base/errors.ts'
import { systemClock } from '../base/system-clock.ts'
import { jobPace } from './job-pace.ts'
import { type JobAnswer, type JobMessage, jobSignal, plainError } from './thread-border.ts'
import type { JobFunction } from './worker-pool.ts'

lowerOwnPriority()

/** Runs one job. Never rejects: a failure is an answer, so that its code and context cross the border. */
export default async function runJob(message: JobMessage): Promise<JobAnswer> {
  const stop = jobSignal(message)
  try {
    stop.signal.throwIfAborted()
    const job = await importJob(message.module)
    return {
      ok: true,
      result: cloned(message.module, await job(message.data, { signal: stop.signal, rest: jobPace(systemClock, message.busyFlag) })),
    }
  } catch (thrown) {
    return { ok: false, error: plainError(thrown) }
  } finally {
    stop.close()
  }
}

/** A result that cannot be cloned would kill the worker when piscina sends it, so that is found out here. Results are small. */
function cloned(module: string, result: unknown): unknown {
  try {
    return structuredClone(result)
  } catch (cause) {
    throw new TypeError(
      `The result of the job ${module} cannot be cloned, as whatever leaves a worker must be: ${asError(cause).message}`,
      { cause },
    )
  }
}

async function importJob(module: string): Promise<JobFunction<unknown, unknown>> {
  if (/\.[cm]?ts$/.test(module)) await enableTypeScript()
  // The module loader keeps what it has loaded.
  const { default: job }: { default?: unknown } = await import(module)
  if (typeof job === 'function') return job as JobFunction<unknown, unknown>
  throw new TypeError(`The job module ${module} has no default export that is a function (data, context) => result.`)
}

/** Only there when jobs are run from TypeScript source; not a dependency of the product. */
const typeScriptLoader = 'tsx/esm/api'
let typeScriptEnabled: Promise<void> | undefined

/** `--import=tsx` on the command line reaches the main thread alone (Node 20); a worker has to ask for itself. */
function enableTypeScript(): Promise<void> {
  typeScriptEnabled ??= (async () => {
    if ('typescript' in process.features && process.features.typescript) return
    const loader: { register(): unknown } = await import(typeScriptLoader)
    loader.register()
  })()
  return typeScriptEnabled
}

/**
 * On Linux a priority belongs to a thread: work in the background yields to the main thread. Elsewhere the call would act on
 * the whole process, so it is left out.
 */
function lowerOwnPriority(): void {
  if (process.platform !== 'linux') return
  try {
    setPriority(0, constants.priority.PRIORITY_BELOW_NORMAL)
  } catch {
    // Not allowed here (some containers): the jobs run all the same.
  }
}
