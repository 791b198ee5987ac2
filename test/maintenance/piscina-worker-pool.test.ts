import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import { InvariantError, VarveError } from '../../src/base/errors.ts'
import { systemClock } from '../../src/base/system-clock.ts'
import { PiscinaWorkerPool, type PiscinaWorkerPoolOptions } from '../../src/maintenance/piscina-worker-pool.ts'
import { SimulatedClock } from '../../src/testing/simulated-clock.ts'
import type { UntilStoppedData } from '../support/jobs/until-stopped.ts'

const never = new AbortController().signal

/** For the tests that leave its one worker as they found it: to start one from TypeScript source takes a while. */
const shared = new PiscinaWorkerPool({ clock: systemClock, threads: 1, idleTimeoutMs: 60_000 })
test.after.always(() => shared.close())

function job(name: string, data: unknown, transfer?: ArrayBuffer[]) {
  return { module: new URL(`../support/jobs/${name}.ts`, import.meta.url), data, ...(transfer && { transfer }) }
}

function makePool(t: ExecutionContext, o: Partial<PiscinaWorkerPoolOptions> = {}): PiscinaWorkerPool {
  const pool = new PiscinaWorkerPool({ clock: systemClock, threads: 1, ...o })
  t.teardown(() => pool.close())
  return pool
}

interface Echo {
  data: unknown
  threadId: number
  nice: number
  processNice: number
}

/** Begins a job that runs until stopped, and waits until it runs. */
async function beginUntilStopped(pool: PiscinaWorkerPool, how: UntilStoppedData['how'], signal: AbortSignal) {
  const state = new Int32Array(new SharedArrayBuffer(8))
  const outcome = pool.run<string>(job('until-stopped', { how, state }), { signal })
  outcome.catch(() => {})
  const started = Atomics.waitAsync(state, 0, 0)
  if (started.async) await started.value
  return { state, outcome }
}

test('workers start when first needed, are kept, and lower their own priority only', async (t) => {
  const pool = makePool(t)
  t.is(pool.workerCount, 0)
  const first = await pool.run<Echo>(job('echo', { rows: [1, 2], big: 5n }), { signal: never })
  const second = await pool.run<Echo>(job('echo', 2), { signal: never })
  t.deepEqual(first.data, { rows: [1, 2], big: 5n })
  t.not(first.threadId, 0, 'not the main thread')
  t.is(second.threadId, first.threadId)
  t.is(pool.workerCount, 1)
  if (process.platform === 'linux') t.is(first.nice, Math.max(10, first.processNice))
  t.is(second.processNice, (await import('node:os')).getPriority())
})

test('shared memory is shared, transferred buffers are moved, and a job module is loaded once a worker', async (t) => {
  const pool = shared
  const memory = new Int32Array(new SharedArrayBuffer(4))
  for (const calls of [1, 2]) {
    const moved = new ArrayBuffer(8)
    const answer = await pool.run<{ moved: ArrayBuffer; calls: number }>(job('use-shared', { shared: memory, moved }, [moved]), {
      signal: never,
    })
    t.is(moved.byteLength, 0, 'gone from here')
    t.is(answer.moved.byteLength, 8)
    t.is(answer.calls, calls)
  }
  t.is(memory[0], 82)
})

test('never more workers than threads', async (t) => {
  const pool = makePool(t, { threads: 2 })
  const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => pool.run<Echo>(job('echo', index), { signal: never })))
  t.deepEqual(
    answers.map(({ data }) => data),
    Array.from({ length: 20 }, (_, index) => index),
  )
  t.true(new Set(answers.map(({ threadId }) => threadId)).size <= 2 && pool.workerCount <= 2)
})

test('jobs are done first come first served', async (t) => {
  const pool = shared
  const order: number[] = []
  await Promise.all(Array.from({ length: 20 }, (_, index) => pool.run(job('echo', index), { signal: never }).then(() => order.push(index))))
  t.deepEqual(
    order,
    Array.from({ length: 20 }, (_, index) => index),
  )
})

test('an error keeps class, code, context, message, cause and stack on its way from a worker', async (t) => {
  const pool = shared
  const error = await t.throwsAsync<VarveError>(pool.run(job('fail', 'varve'), { signal: never }), {
    instanceOf: VarveError,
    code: 'DISK_FULL',
    message: 'No room for it.',
  })
  t.deepEqual(error?.context, { path: '000012.sst', sizeBytes: 5n })
  t.true(error?.retryable)
  t.is((error?.cause as Error).message, 'deeper')
  t.regex(error?.stack ?? '', /jobs\/fail\.ts/)
})

test('errors of Node, of other classes, and thrown text arrive as what they were', async (t) => {
  const pool = shared
  const system = await t.throwsAsync<NodeJS.ErrnoException>(pool.run(job('fail', 'system'), { signal: never }), {
    code: 'ENOENT',
    message: /nonexistent/,
  })
  t.is(system?.syscall, 'open')
  t.is(system?.path, '/nonexistent/file')
  await t.throwsAsync(pool.run(job('fail', 'odd'), { signal: never }), { name: 'OddError', code: 'ODD', message: 'Odd.' })
  await t.throwsAsync(pool.run(job('fail', 'text'), { signal: never }), { instanceOf: Error, message: 'just text' })
  await t.throwsAsync(pool.run(job('fail', 'invariant'), { signal: never }), { instanceOf: InvariantError })
  await t.throwsAsync(pool.run(job('fail', 'type'), { signal: never }), { instanceOf: TypeError, message: 'Not that.' })
  const error = await t.throwsAsync<VarveError>(pool.run(job('fail', 'unclonable-context'), { signal: never }), { code: 'CORRUPTION' })
  t.is(error?.context['offset'], 7)
  t.is(typeof error?.context['ask'], 'string')
})

test('data and results that cannot be cloned, modules that are missing or no jobs, are said clearly and cost the pool nothing', async (t) => {
  const pool = makePool(t)
  await t.throwsAsync(
    pool.run(
      job('echo', () => 1),
      { signal: never },
    ),
    { instanceOf: TypeError, message: /data .*echo\.ts cannot be cloned/ },
  )
  await t.throwsAsync(pool.run(job('fail', 'unclonable-result'), { signal: never }), {
    instanceOf: TypeError,
    message: /result .*fail\.ts cannot be cloned/,
  })
  await t.throwsAsync(pool.run(job('missing', 1), { signal: never }), { code: 'ERR_MODULE_NOT_FOUND', message: /missing\.ts/ })
  await t.throwsAsync(pool.run(job('not-a-job', 1), { signal: never }), { instanceOf: TypeError, message: /no default export/ })
  t.is((await pool.run<Echo>(job('echo', 'still there'), { signal: never })).data, 'still there')
})

test('a worker that dies rejects its own job; those that wait get another worker', async (t) => {
  const pool = makePool(t, { resourceLimits: { maxOldGenerationSizeMb: 48 } })
  const dying = ['exit', 'uncaught', 'memory'].map((how) =>
    t.throwsAsync(pool.run(job('die', how), { signal: never }), { message: /worker of the job .*die\.ts died/ }),
  )
  const waiting = pool.run<Echo>(job('echo', 'patient'), { signal: never })
  const [exit, uncaught, memory] = await Promise.all(dying)
  t.regex(exit?.message ?? '', /exited with code: 3/)
  t.regex(uncaught?.message ?? '', /thrown where nobody waits/)
  t.is((memory as NodeJS.ErrnoException).code, 'ERR_WORKER_OUT_OF_MEMORY')
  t.is((await waiting).data, 'patient')
})

test('workers that cannot even start reject their jobs instead of leaving them waiting', async (t) => {
  const pool = makePool(t, { resourceLimits: { maxOldGenerationSizeMb: 1, maxYoungGenerationSizeMb: 1 } })
  const jobs = [1, 2].map((data) => t.throwsAsync(pool.run(job('echo', data), { signal: never })))
  for (const error of await Promise.all(jobs)) t.regex(error?.message ?? '', /No worker thread could be started|died/)
})

test('a cancelled job that waits for a thread is dropped at once, without having run', async (t) => {
  const pool = makePool(t)
  const busy = new AbortController()
  const { outcome } = await beginUntilStopped(pool, 'wait', busy.signal)
  const memory = new Int32Array(new SharedArrayBuffer(4))
  const controller = new AbortController()
  const dropped = pool.run(job('use-shared', { shared: memory, moved: new ArrayBuffer(1) }), { signal: controller.signal })
  controller.abort(new Error('enough'))
  const error = await t.throwsAsync<VarveError>(dropped, { instanceOf: VarveError, code: 'ABORTED' })
  t.is((error?.cause as Error).message, 'enough')
  busy.abort()
  await t.throwsAsync(outcome, { code: 'ABORTED' })
  await pool.run(job('echo', 1), { signal: never })
  t.is(memory[0], 0)
  await t.throwsAsync(pool.run(job('echo', 1), { signal: controller.signal }), { code: 'ABORTED' }, 'a signal that fired before')
})

for (const how of ['wait', 'poll'] as const) {
  test(`a running job hears its signal (${how}), is waited for, and its worker lives on`, async (t) => {
    const pool = makePool(t, { clock: new SimulatedClock() })
    const { threadId } = await pool.run<Echo>(job('echo', 1), { signal: never })
    const controller = new AbortController()
    const { state, outcome } = await beginUntilStopped(pool, how, controller.signal)
    controller.abort()
    await t.throwsAsync(outcome, { instanceOf: VarveError, code: 'ABORTED' })
    t.is(Atomics.load(state, 0), 2, 'run rejects after the job has ended')
    t.is((await pool.run<Echo>(job('echo', 1), { signal: never })).threadId, threadId)
  })
}

test('a job deaf to its signal loses its worker after the grace, and not before', async (t) => {
  const clock = new SimulatedClock()
  const pool = makePool(t, { clock, cancelGraceMs: 500 })
  const controller = new AbortController()
  const { state, outcome } = await beginUntilStopped(pool, 'deaf', controller.signal)
  const waiting = pool.run<Echo>(job('echo', 'next'), { signal: never })
  controller.abort()
  await clock.advance(499)
  t.is(pool.workerCount, 1)
  await clock.advance(1)
  await t.throwsAsync(outcome, { code: 'ABORTED' })
  t.is(Atomics.load(state, 0), 1)
  t.is((await waiting).data, 'next')
})

test('closing rejects the job that runs and those that wait, ends the workers, and is idempotent', async (t) => {
  const pool = makePool(t)
  const { outcome } = await beginUntilStopped(pool, 'deaf', never)
  const waiting = pool.run(job('echo', 1), { signal: never })
  waiting.catch(() => {})
  await Promise.all([pool.close(), pool.close()])
  await t.throwsAsync(outcome, { code: 'ABORTED', message: /closed/ })
  await t.throwsAsync(waiting, { code: 'ABORTED', message: /closed/ })
  await t.throwsAsync(pool.run(job('echo', 1), { signal: never }), { code: 'DATABASE_CLOSED' })
  t.is(pool.workerCount, 0)
})

test('a worker without work ends after the idle timeout', async (t) => {
  const pool = makePool(t, { idleTimeoutMs: 1 })
  await pool.run(job('echo', 1), { signal: never })
  while (pool.workerCount > 0) await new Promise((resolve) => setImmediate(resolve))
  t.is((await pool.run<Echo>(job('echo', 2), { signal: never })).data, 2)
})

test('the number of threads must be a whole number of at least 1', (t) => {
  for (const threads of [0, 1.5, Number.NaN])
    t.throws(() => new PiscinaWorkerPool({ clock: systemClock, threads }), { instanceOf: TypeError })
})

test('a program waits for its job, and a pool that is never closed does not keep it alive', async (t) => {
  const program = fileURLToPath(new URL('../support/run-pool-alone.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, ['--import=tsx', program], { timeout: 20_000 })
  t.is(stdout, 'alive\n')
})
