import { throwIfAborted } from '../base/errors.ts'
import { eventLoopGate } from '../base/event-loop-gate.ts'

/** Sorted at once, without a pause. */
const runLength = 2048

/**
 * The first `limit` of the numbers below `count`, in the order that `compare` gives; equals keep theirs. Runs are sorted
 * and merged, none longer than the limit, with pauses for the event loop: millions may be sorted.
 */
export async function orderedGroups(
  count: number,
  limit: number,
  compare: (a: number, b: number) => number,
  signal: AbortSignal | undefined,
): Promise<Int32Array> {
  let runs: Int32Array[] = []
  for (let from = 0; from < count; from += runLength) {
    const run = Int32Array.from({ length: Math.min(runLength, count - from) }, (_, i) => from + i)
    runs.push(run.sort(compare).subarray(0, Math.min(run.length, limit)))
    await breathe(signal)
  }
  while (runs.length > 1) {
    const merged: Int32Array[] = []
    for (let i = 0; i < runs.length; i += 2) {
      const left = runs[i] as Int32Array
      const right = runs[i + 1]
      merged.push(right ? await merge(left, right, limit, compare, signal) : left)
    }
    runs = merged
  }
  return runs[0] ?? new Int32Array(0)
}

async function merge(
  left: Int32Array,
  right: Int32Array,
  limit: number,
  compare: (a: number, b: number) => number,
  signal: AbortSignal | undefined,
): Promise<Int32Array> {
  const out = new Int32Array(Math.min(left.length + right.length, limit))
  let l = 0
  let r = 0
  for (let i = 0; i < out.length; i++) {
    const takesLeft = r === right.length || (l < left.length && compare(left[l] as number, right[r] as number) <= 0)
    out[i] = (takesLeft ? left[l++] : right[r++]) as number
    if ((i + 1) % runLength === 0) await breathe(signal)
  }
  return out
}

/** Lets the event loop through if it is due, and stops work that is no longer wanted. */
export async function breathe(signal: AbortSignal | undefined): Promise<void> {
  const pause = eventLoopGate.pause()
  if (pause) await pause
  throwIfAborted(signal)
}
