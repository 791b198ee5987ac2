import { columnsOf, rowsOf } from '../data/metrics-data.ts'
import { openVarveWith } from '../sides/varve.ts'
import type { Measure } from './measure.ts'

const batchRows = 1000
/** Of the default million rows: a third of the load. */
const loads = 3

/** Loads three times the rows in batches; cost that grows as work grows shows in the last third. */
export const costGrowth: Measure = {
  name: 'cost growth',
  readings: [
    { figure: 'ratio', name: 'time per row, last third ÷ first, load of 3 × the rows', unit: '×', goal: { atMost: 1.3 } },
    { figure: 'first', name: 'load, first third', unit: 'rows/s' },
    { figure: 'last', name: 'load, last third', unit: 'rows/s' },
  ],
  async run({ directory, rows }) {
    const side = await openVarveWith({ directory })
    const rates: number[] = []
    for (let part = 0; part < loads; part++) {
      const begunMs = performance.now()
      for (let from = part * rows; from < (part + 1) * rows; from += batchRows) {
        await side.insertRows(rowsOf(columnsOf(1000, from, from + batchRows), 0, batchRows))
      }
      rates.push((rows * 1000) / (performance.now() - begunMs))
    }
    await side.close()
    const [first = Number.NaN] = rates
    const last = rates.at(-1) ?? Number.NaN
    return { ratio: first / last, first, last }
  },
}
