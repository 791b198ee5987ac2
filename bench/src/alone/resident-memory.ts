import { setTimeout } from 'node:timers/promises'
import type { Database } from '../../../src/index.ts'
import { jobModule, WorkerPool } from '../../../src/plugin.ts'
import { columnsOf, rowsOf } from '../data/metrics-data.ts'
import { collectGarbage } from '../run/collect-garbage.ts'
import { openVarveWith } from '../sides/varve.ts'
import type { Measure } from './measure.ts'

const mebibyte = 2 ** 20
const limitMiB = 64
/** Encoded bytes of a row: 4 + 8 + 8 + 8 + 4, and a tag of about 21. */
const rowBytes = 53
const loadRows = Math.ceil((10 * limitMiB * mebibyte) / rowBytes)
const batchRows = 1000
const sampleMs = 20
/** A load that slows down without end must not keep the bench. */
const loadMsMax = 120_000

/**
 * Loads ten times as much as `memory.limit` and watches the resident memory of the process. The base is an empty
 * database all of whose workers have started and whose code is warm: a small load went through it, and was flushed.
 */
export const residentMemory: Measure = {
  name: 'resident memory',
  readings: [
    {
      figure: 'growthMiB',
      name: `memory growth, load of 10 × memory.limit (${limitMiB} MiB)`,
      unit: 'MiB',
      goal: { atMost: limitMiB + 32 },
    },
    { figure: 'times', name: 'that load, within 2 minutes', unit: '× memory.limit', goal: { atLeast: 10 } },
    { figure: 'baseMiB', name: 'resident memory of an empty database with its pool', unit: 'MiB' },
  ],
  async run({ directory }) {
    const side = await openVarveWith({ directory, memory: { limit: `${limitMiB}MiB` } })
    const next = await insert(side, 0, 20_000)
    await side.settle()
    await startPool(side.database)
    collectGarbage()
    await setTimeout(500)
    collectGarbage()
    const baseBytes = process.memoryUsage.rss()
    let peakBytes = baseBytes
    const sample = () => {
      peakBytes = Math.max(peakBytes, process.memoryUsage.rss())
    }
    const timer = setInterval(sample, sampleMs)
    const loaded = (await insert(side, next, next + loadRows)) - next
    sample()
    clearInterval(timer)
    await side.close()
    return { growthMiB: (peakBytes - baseBytes) / mebibyte, baseMiB: baseBytes / mebibyte, times: (10 * loaded) / loadRows }
  },
}

/** Starts every worker that the pool may have (`maintenance.threads`, 2 by default): one job each at the same time. */
async function startPool(database: Database): Promise<void> {
  const pool = database.service(WorkerPool)
  const { signal } = new AbortController()
  await Promise.all([0, 1].map(() => pool.run({ module: jobModule(import.meta.url, './idle-job'), data: undefined }, { signal })))
}

async function insert(side: Awaited<ReturnType<typeof openVarveWith>>, from: number, to: number): Promise<number> {
  const untilMs = performance.now() + loadMsMax
  let next = from
  for (; next < to && performance.now() < untilMs; next += batchRows)
    await side.insertRows(rowsOf(columnsOf(1000, next, next + batchRows), 0, batchRows))
  return next
}
