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

/** As `repeatFor`, of work that must be prepared anew each time: only the work itself is timed. */
export async function repeatPrepared<W>(prepare: () => W, work: (prepared: W) => Promise<void>): Promise<Repeated> {
  const timed = async () => {
    const prepared = prepare()
    const begunMs = performance.now()
    await work(prepared)
    return performance.now() - begunMs
  }
  for (let warmMs = 0; warmMs < warmUpMs; ) warmMs += await timed()
  collectGarbage()
  const durationsMs: number[] = []
  let totalMs = 0
  while (totalMs < measureMs || durationsMs.length < turnsMin) {
    const durationMs = await timed()
    durationsMs.push(durationMs)
    totalMs += durationMs
  }
  return { turns: durationsMs.length, medianMs: median(durationsMs), ratePerSecond: (durationsMs.length * 1000) / totalMs }
}

/**
 * How many times as fast `other` is as `work`: one after the other, turn by turn, so that whatever else the machine does
 * meets both. The medians of as many turns as `repeatFor` would take of both.
 */
export async function compareTurns(work: () => Promise<void>, other: () => Promise<void>): Promise<{ ratio: number; workMs: number }> {
  const timed = async (run: () => Promise<void>) => {
    const begunMs = performance.now()
    await run()
    return performance.now() - begunMs
  }
  for (let warmMs = 0; warmMs < 2 * warmUpMs; ) warmMs += (await timed(work)) + (await timed(other))
  collectGarbage()
  const workMs: number[] = []
  const otherMs: number[] = []
  for (let totalMs = 0; totalMs < 2 * measureMs || workMs.length < turnsMin; ) {
    workMs.push(await timed(work))
    otherMs.push(await timed(other))
    totalMs += (workMs.at(-1) as number) + (otherMs.at(-1) as number)
  }
  return { ratio: median(workMs) / median(otherMs), workMs: median(workMs) }
}
