import { eventLoopGate } from '../base/event-loop-gate.ts'

/** A call that is refused at once lets the event loop through as one that succeeds does: a caller may try in a loop. */
export function rejected(error: unknown): Promise<never> {
  const pause = eventLoopGate.pause()
  return pause ? pause.then(() => Promise.reject(error)) : Promise.reject(error)
}
