import { execFileSync } from 'node:child_process'
import { performance } from 'node:perf_hooks'
import test from 'ava'
import { systemClock } from '../../src/base/system-clock.ts'

test('after() runs once, and not at all when cancelled or disposed of', async (t) => {
  const runs: string[] = []
  const cancelled = systemClock.after(0, () => void runs.push('cancelled'))
  const disposed = systemClock.after(0, () => void runs.push('disposed'))
  cancelled.cancel()
  disposed[Symbol.dispose]()
  // Timers of one delay fire in order: when this one has, the others would have.
  await new Promise<void>((resolve) => {
    systemClock.after(0, () => resolve(void runs.push('ran')))
    setTimeout(resolve, 5000)
  })
  t.deepEqual(runs, ['ran'])
})

test('sleep() rejects with ABORTED when the signal fires, or has fired', async (t) => {
  const controller = new AbortController()
  const sleeping = systemClock.sleep(1e9, { signal: controller.signal })
  controller.abort()
  await t.throwsAsync(sleeping, { code: 'ABORTED' })
  await t.throwsAsync(systemClock.sleep(0, { signal: controller.signal }), { code: 'ABORTED' })
})

test('neither a timer nor a sleep keeps the process alive, and a delay past 2^31 ms does not fire at once', (t) => {
  const url = JSON.stringify(new URL('../../src/base/system-clock.ts', import.meta.url).href)
  const program = `const { systemClock } = await import(${url}); systemClock.after(2 ** 40, () => console.log('fired')); void systemClock.sleep(60_000); setTimeout(() => console.log('done'), 20)`
  const beganMs = performance.now()
  t.is(
    execFileSync(process.execPath, ['--import=tsx', '--input-type=module', '-e', program], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
    'done\n',
  )
  t.true(performance.now() - beganMs < 30_000)
})

test('a delay that is no number is misuse', async (t) => {
  t.throws(() => systemClock.after(Number.NaN, () => undefined), { instanceOf: TypeError })
  await t.throwsAsync(systemClock.sleep(Number.NaN), { instanceOf: TypeError })
})

test('the monotonic clock does not step backward', (t) => {
  let last = systemClock.monotonicMs()
  for (let i = 0; i < 1000; i++) {
    const now = systemClock.monotonicMs()
    if (now < last) t.fail(`${now} after ${last}`)
    last = now
  }
  t.true(Math.abs(systemClock.nowMs() - Date.now()) < 1000)
})

test.serial("a delay longer than Node's timers can hold is waited in parts", (t) => {
  const original = globalThis.setTimeout
  const waits: { readonly run: () => void; readonly ms: number | undefined }[] = []
  const stub = (run: () => void, ms?: number) => ({ unref: () => void waits.push({ run, ms }) })
  globalThis.setTimeout = stub as unknown as typeof setTimeout
  let ran = 0
  try {
    systemClock.after(2 ** 32, () => void ran++)
    for (let i = 0; i < 3; i++) {
      t.is(ran, 0)
      waits[i]?.run()
    }
  } finally {
    globalThis.setTimeout = original
  }
  t.is(ran, 1)
  t.deepEqual(
    waits.map(({ ms }) => ms),
    [2 ** 31 - 1, 2 ** 31 - 1, 2],
  )
})
