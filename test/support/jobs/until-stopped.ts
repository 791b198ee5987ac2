import type { JobContext } from '../../../src/maintenance/worker-pool.ts'

export interface UntilStoppedData {
  readonly how: 'wait' | 'poll' | 'deaf' | 'deaf-for-a-while'
  /** [0]: 1 once the job runs, 2 once it has stopped of itself. */
  readonly state: Int32Array
}

/** Runs until it is told to stop: waiting for the event, polling without ever yielding, or not listening at all. */
export default async function untilStopped({ how, state }: UntilStoppedData, { signal }: JobContext): Promise<string> {
  Atomics.store(state, 0, 1)
  Atomics.notify(state, 0)
  if (how === 'wait') await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
  else if (how === 'poll') while (!signal.aborted) Atomics.wait(state, 1, 0, 1)
  else if (how === 'deaf') while (true) Atomics.wait(state, 1, 0, 1000)
  else Atomics.wait(state, 1, 0)
  Atomics.store(state, 0, 2)
  if (how === 'poll') signal.throwIfAborted()
  return 'stopped of itself'
}
