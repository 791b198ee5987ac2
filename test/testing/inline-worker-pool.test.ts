import test from 'ava'
import { jobModule } from '../../src/maintenance/worker-pool.ts'
import { InlineWorkerPool } from '../../src/testing/inline-worker-pool.ts'

const module = jobModule(import.meta.url, './fixtures/job')
const { signal } = new AbortController()
const sharedLog = () => new Int32Array(new SharedArrayBuffer(64))

test('a result comes back as a copy, and the job works on a copy of its data', async (t) => {
  const pool = new InlineWorkerPool()
  const value = { n: 1, bytes: Uint8Array.of(1, 2), big: 5n }
  const result = await pool.run<typeof value>({ module, data: { do: 'change', value } }, { signal })
  t.deepEqual(result, { ...value, n: 99 })
  t.is(value.n, 1)
  const echoed = await pool.run<typeof value>({ module: module.href, data: { do: 'echo', value } }, { signal })
  t.not(echoed.bytes.buffer, value.bytes.buffer)
})

test('shared memory is shared and transferred buffers are gone', async (t) => {
  const pool = new InlineWorkerPool()
  const log = sharedLog()
  const moved = new ArrayBuffer(8)
  const back = await pool.run<ArrayBuffer>({ module, data: { do: 'echo', log, id: 7, value: moved }, transfer: [moved] }, { signal })
  t.deepEqual([log[0], log[1]], [1, 7])
  t.is(moved.byteLength, 0)
  t.is(back.byteLength, 8)
})

test('data or a result that cannot be cloned is an error, as with real workers', async (t) => {
  const pool = new InlineWorkerPool()
  // A DOMException is not an Error to ava.
  for (const data of [{ do: 'echo', value: () => {} }, { do: 'uncloneable' }]) {
    const error = await t.throwsAsync(() => pool.run({ module, data }, { signal }), { any: true })
    t.is((error as { name?: string }).name, 'DataCloneError')
  }
})

test('jobs run one after another in the order of the calls, past one that fails', async (t) => {
  const pool = new InlineWorkerPool()
  const log = sharedLog()
  const runs = [1, 2, 3, 4].map((id) => pool.run({ module, data: { do: id === 2 ? 'fail' : 'echo', log, id } }, { signal }))
  const results = await Promise.allSettled(runs)
  t.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
  )
  t.deepEqual([...log.subarray(0, 5)], [4, 1, 2, 3, 4])
  t.is(pool.startedCount, 4)
  await t.throwsAsync(() => runs[1] as Promise<unknown>, { instanceOf: RangeError, message: 'as told' })
})

test('a signal drops a waiting job at once, and reaches a running one, which rejects when it has stopped', async (t) => {
  const pool = new InlineWorkerPool()
  const log = sharedLog()
  const stop = new AbortController()
  const running = pool.run({ module, data: { do: 'wait', log, id: 1 } }, { signal: stop.signal })
  const waiting = pool.run({ module, data: { do: 'echo', log, id: 2 } }, { signal: stop.signal })
  const other = pool.run({ module, data: { do: 'echo', log, id: 3, value: 'x' } }, { signal })
  while (log[0] === 0) await new Promise(setImmediate)
  stop.abort(new Error('enough'))
  const order: string[] = []
  await Promise.all([
    t.throwsAsync(running, { code: 'ABORTED' }).then(() => order.push(`running ${log[15]}`)),
    t.throwsAsync(waiting, { code: 'ABORTED' }).then(() => order.push('waiting')),
  ])
  t.deepEqual(order, ['waiting', 'running 1'])
  t.is(await other, 'x')
  t.deepEqual([...log.subarray(0, 4)], [2, 1, 3, 0])
  await t.throwsAsync(() => pool.run({ module, data: { do: 'echo' } }, { signal: stop.signal }), { code: 'ABORTED' })
})

test('closing rejects what is pending and what comes later, and may be repeated', async (t) => {
  const pool = new InlineWorkerPool()
  const running = t.throwsAsync(pool.run({ module, data: { do: 'wait' } }, { signal }), { code: 'ABORTED', message: /closed/ })
  const waiting = t.throwsAsync(pool.run({ module, data: { do: 'echo' } }, { signal }), { code: 'ABORTED', message: /closed/ })
  await pool.close()
  await pool.close()
  await running
  await waiting
  await t.throwsAsync(() => pool.run({ module, data: { do: 'echo' } }, { signal }), { code: 'DATABASE_CLOSED', message: /closed/ })
})

test('a module that is no job is a TypeError', async (t) => {
  const pool = new InlineWorkerPool()
  const other = jobModule(import.meta.url, './fixtures/not-a-job')
  await t.throwsAsync(() => pool.run({ module: other, data: {} }, { signal }), { instanceOf: TypeError, message: /default export/ })
})
