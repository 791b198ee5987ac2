import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'
import { columnsOf, hostCountOf, rowsOf } from '../data/metrics-data.ts'
import { openVarveWith, type VarveSide } from '../sides/varve.ts'
import type { Measure, MeasureContext } from './measure.ts'

const batchRows = 1000
/** Rows whose columns are made at a time, and, of `insertColumns`, given in one call. */
const columnRows = 100_000
/** Loads at least so long: several flushes then fall into it. */
const loadMs = 8000
const nanosecondsPerMs = 1e6

export const eventLoopDelayOfBatches = delayMeasure('insert batches', async (side, from) => {
  const columns = columnsOf(1000, from, from + columnRows)
  for (let row = 0; row < columnRows; row += batchRows) await side.insertRows(rowsOf(columns, row, row + batchRows))
})

export const eventLoopDelayOfColumns = delayMeasure('insertColumns', (side, from) =>
  side.insertColumns(columnsOf(1000, from, from + columnRows)),
)

/**
 * At a resolution of 1 ms, read after a yield: at the default one an idle loop shows 10 ms already, and a starved one
 * shows nothing. The delays are whole times between two turns, the timer's own millisecond included.
 */
function delayMeasure(call: string, loadPart: (side: VarveSide, from: number) => Promise<void>): Measure {
  return {
    name: `event-loop delay, ${call}`,
    readings: [
      { figure: 'p99', name: `event-loop delay p99, ${call}`, unit: 'ms', goal: { atMost: 10 } },
      { figure: 'max', name: `event-loop delay max, ${call}`, unit: 'ms', goal: { atMost: 50 } },
      { figure: 'flushes', name: `flushes meanwhile, ${call}`, unit: 'flushes' },
      { figure: 'rate', name: `load meanwhile, ${call}`, unit: 'rows/s' },
    ],
    async run({ directory, rows }: MeasureContext) {
      const side = await openVarveWith({ directory })
      const monitor = monitorEventLoopDelay({ resolution: 1 })
      await setImmediate()
      monitor.enable()
      await setImmediate()
      const begunMs = performance.now()
      let loaded = 0
      while (performance.now() < begunMs + loadMs || loaded < Math.min(rows, hostCountOf(rows))) {
        await loadPart(side, loaded)
        loaded += columnRows
      }
      const durationMs = performance.now() - begunMs
      await setImmediate()
      monitor.disable()
      const flushes = side.database.metrics().flush.count
      await side.close()
      return {
        p99: monitor.percentile(99) / nanosecondsPerMs,
        max: monitor.max / nanosecondsPerMs,
        flushes,
        rate: (loaded * 1000) / durationMs,
      }
    },
  }
}
