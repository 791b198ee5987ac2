import { setImmediate } from 'node:timers/promises'
import { columnsOf, type MetricColumns, rowsOf, tickMs } from '../data/metrics-data.ts'
import { watchEventLoop } from '../run/watch-event-loop.ts'
import { openVarveWith, type VarveSide } from '../sides/varve.ts'
import type { Measure, MeasureContext } from './measure.ts'

const batchRows = 1000
/** Of `insertColumns`, the rows of one call. */
const columnRows = 100_000
const hostCount = 1000
const ticksPerPart = columnRows / hostCount
/** Loads so long: several flushes then fall into it. */
const loadMs = 10_000
const controlMs = 3000

export const eventLoopDelayOfBatches = delayMeasure('insert batches', async (side, columns) => {
  for (let row = 0; row < columnRows; row += batchRows) await side.insertRows(rowsOf(columns, row, row + batchRows))
})

export const eventLoopDelayOfColumns = delayMeasure('insertColumns', (side, columns) => side.insertColumns(columns))

/**
 * The figures without a database are of a loop that makes the same rows and yields: what they show above 1 ms, this
 * machine's other work did.
 */
function delayMeasure(call: string, loadPart: (side: VarveSide, columns: MetricColumns) => Promise<void>): Measure {
  return {
    name: `event-loop delay, ${call}`,
    readings: [
      { figure: 'p99', name: `event-loop delay p99, ${call}`, unit: 'ms', goal: { atMost: 10 } },
      { figure: 'max', name: `event-loop delay max, ${call}`, unit: 'ms', goal: { atMost: 50 } },
      { figure: 'controlP99', name: `event-loop delay p99, no database, ${call}`, unit: 'ms' },
      { figure: 'controlMax', name: `event-loop delay max, no database, ${call}`, unit: 'ms' },
      { figure: 'flushes', name: `flushes meanwhile, ${call}`, unit: 'flushes' },
      { figure: 'rate', name: `load meanwhile, ${call}`, unit: 'rows/s' },
    ],
    async run({ directory }: MeasureContext) {
      // Made once; each part then moves on in time, which blocks the event loop for a tenth of a millisecond.
      const columns = columnsOf(hostCount, 0, columnRows)
      const control = await watchEventLoop(async () => {
        const untilMs = performance.now() + controlMs
        while (performance.now() < untilMs) {
          rowsOf(columns, 0, batchRows)
          await setImmediate()
        }
      })
      const side = await openVarveWith({ directory })
      let loaded = 0
      const loading = await watchEventLoop(async () => {
        const untilMs = performance.now() + loadMs
        while (performance.now() < untilMs) {
          await loadPart(side, columns)
          loaded += columnRows
          for (let i = 0; i < columnRows; i++) columns.at[i] = (columns.at[i] as number) + ticksPerPart * tickMs
        }
      })
      const flushes = side.database.metrics().flush.count
      await side.close()
      return {
        p99: loading.p99,
        max: loading.max,
        controlP99: control.p99,
        controlMax: control.max,
        flushes,
        rate: (loaded * 1000) / loading.durationMs,
      }
    },
  }
}
