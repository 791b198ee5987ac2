import { Worker } from 'node:worker_threads'
import { columnsOf, hostCountOf } from '../data/metrics-data.ts'
import { openVarveWith } from '../sides/varve.ts'
import type { Measure, MeasureContext } from './measure.ts'

const calls = 1_000_000
const rowsMax = 100_000
const workerSource = `
  const { parentPort } = require('node:worker_threads')
  setInterval(() => parentPort.postMessage('tick'), 5)
`

/** Awaits a million reads that all find what they need in memory, and counts what else the event loop got to do. */
export const warmCalls: Measure = {
  name: 'a million warm calls awaited',
  readings: [
    { figure: 'timers', name: 'timers fired in 1 M awaited warm reads', unit: 'times', goal: { atLeast: 1 } },
    { figure: 'messages', name: 'worker messages in 1 M awaited warm reads', unit: 'messages', goal: { atLeast: 1 } },
    { figure: 'longestGapMs', name: 'longest gap between timers in 1 M awaited warm reads', unit: 'ms', goal: { atMost: 50 } },
  ],
  async run({ directory, rows: rowsAsked }: MeasureContext) {
    const rows = Math.min(rowsAsked, rowsMax)
    const columns = columnsOf(hostCountOf(rows), 0, rows)
    const side = await openVarveWith({ directory })
    await side.insertColumns(columns)
    await side.settle()
    const warm = { hosts: columns.host, ats: columns.at }
    await side.readEach(warm)
    let messages = 0
    const worker = new Worker(workerSource, { eval: true })
    await new Promise((resolve) => worker.once('message', resolve))
    worker.on('message', () => messages++)
    let timers = 0
    let longestGapMs = 0
    let lastMs = performance.now()
    const tick = () => {
      const nowMs = performance.now()
      longestGapMs = Math.max(longestGapMs, nowMs - lastMs)
      lastMs = nowMs
    }
    const timer = setInterval(() => {
      timers++
      tick()
    }, 1)
    for (let done = 0; done < calls; done += rows) await side.readEach(warm)
    tick()
    clearInterval(timer)
    const counted = messages
    await worker.terminate()
    await side.close()
    return { timers, messages: counted, longestGapMs }
  },
}
