import { requireEqual } from '../data/expected-answers.ts'
import { columnsOf, hostCountOf, type MetricColumns, rowsOf } from '../data/metrics-data.ts'
import { collectGarbage } from '../run/collect-garbage.ts'
import { directoryBytes } from '../run/directory-bytes.ts'
import type { Side } from '../sides/side.ts'
import type { Program } from './program.ts'

const batchRows = 1000
const writeEachMs = 2000
const writeEachChunk = 200

/** All rows, in batches; then settles them, and says how large the closed store is. */
export const load: Program = {
  startsFrom: 'empty',
  async run({ open, directory, rows }) {
    const side = await open({ directory, durability: 'write' })
    const columns = columnsOf(hostCountOf(rows), 0, rows)
    collectGarbage()
    const begunMs = performance.now()
    await insertInBatches(side, columns, rows)
    const loadedMs = performance.now()
    await side.settle()
    const settledMs = performance.now()
    requireEqual('the number of rows after the load', await side.count(), rows)
    await side.close()
    return {
      value: perSecond(rows, loadedMs - begunMs),
      settled: perSecond(rows, settledMs - begunMs),
      bytes: await directoryBytes(directory),
    }
  },
}

/** A tenth of the rows, every batch on the disk before the next one begins. */
export const loadWithSync: Program = {
  startsFrom: 'empty',
  async run({ open, directory, rows }) {
    const count = Math.max(batchRows, Math.floor(rows / 10))
    const side = await open({ directory, durability: 'sync' })
    const columns = columnsOf(hostCountOf(rows), 0, count)
    const begunMs = performance.now()
    await insertInBatches(side, columns, count)
    const durationMs = performance.now() - begunMs
    requireEqual('the number of rows after the load', await side.count(), count)
    await side.close()
    return { value: perSecond(count, durationMs) }
  },
}

/** All rows at once, as columns. */
export const loadColumns = columnLoad((side, columns) => side.insertColumns?.(columns))
/** The same; a side that has a plainer way takes that one. */
export const appendColumns = columnLoad((side, columns) =>
  side.appendColumns ? side.appendColumns(columns) : side.insertColumns?.(columns),
)

function columnLoad(insert: (side: Side, columns: MetricColumns) => Promise<void> | undefined): Program {
  return {
    startsFrom: 'empty',
    async run({ open, directory, rows }) {
      const side = await open({ directory, durability: 'write' })
      const columns = columnsOf(hostCountOf(rows), 0, rows)
      collectGarbage()
      const begunMs = performance.now()
      await insert(side, columns)
      await side.finishLoad?.()
      const durationMs = performance.now() - begunMs
      requireEqual('the number of rows after the load', await side.count(), rows)
      await side.close()
      return { value: perSecond(rows, durationMs) }
    },
  }
}

/** Row after row for a while, each acknowledged before the next. */
export const writeEach: Program = {
  startsFrom: 'empty',
  async run({ open, directory, rows }) {
    const side = await open({ directory, durability: 'write' })
    const hostCount = hostCountOf(rows)
    let count = 0
    let durationMs = 0
    while (durationMs < writeEachMs) {
      const chunk = rowsOf(columnsOf(hostCount, count, count + writeEachChunk), 0, writeEachChunk)
      const begunMs = performance.now()
      await side.insertEach(chunk)
      durationMs += performance.now() - begunMs
      count += writeEachChunk
    }
    requireEqual('the number of rows after the writes', await side.count(), count)
    await side.close()
    return { value: perSecond(count, durationMs) }
  },
}

async function insertInBatches(side: Side, columns: MetricColumns, rows: number): Promise<void> {
  for (let from = 0; from < rows; from += batchRows) await side.insertRows(rowsOf(columns, from, Math.min(rows, from + batchRows)))
  await side.finishLoad?.()
}

function perSecond(count: number, durationMs: number): number {
  return (count * 1000) / durationMs
}
