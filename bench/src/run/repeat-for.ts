import { collectGarbage } from './collect-garbage.ts'
import { median } from './median.ts'

const warmUpMs = 700
const measureMs = 1500
const turnsMin = 3

export interface Repeated {
  readonly turns: number
  readonly medianMs: number
  readonly ratePerSecond: number
}

/** Runs `work` until it is warm, and then again for a while, at least three times; the turn counts on. */
export async function repeatFor(work: (turn: number) => Promise<void> | void): Promise<Repeated> {
  let turn = 0
  const warmUntilMs = performance.now() + warmUpMs
  do await work(turn++)
  while (performance.now() < warmUntilMs)
  collectGarbage()
  const durationsMs: number[] = []
  const begunMs = performance.now()
  let nowMs = begunMs
  while (nowMs < begunMs + measureMs || durationsMs.length < turnsMin) {
    await work(turn++)
    const endedMs = performance.now()
    durationsMs.push(endedMs - nowMs)
    nowMs = endedMs
  }
  return { turns: durationsMs.length, medianMs: median(durationsMs), ratePerSecond: (durationsMs.length * 1000) / (nowMs - begunMs) }
}
