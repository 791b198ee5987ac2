import { ChangedRows, randomRows } from '../data/changed-rows.ts'
import { cpuThreshold } from '../data/metrics-data.ts'
import { median } from '../run/median.ts'
import { openVarveWith } from '../sides/varve.ts'
import { changeRows, measureFilter, measureGroups } from '../workloads/change-programs.ts'
import type { Measure } from './measure.ts'

const goal = { atLeast: 0.8 }

/** Rows that change between one scan and the next. */
const changedBetween = 1000
const scansBetween = 30

/**
 * What scans lose by changes that nobody has compacted: their rate over that of the same scans once all is compacted. The
 * medians are of scans of the same changes again and again, as the rest of the bench has them; the first scan of changes
 * applies them, and so does one after each of which rows have changed: both are shown.
 */
export const changedScans: Measure = {
  name: 'scans after 10 % changed ÷ compacted',
  readings: [
    { figure: 'filterInMemory', name: 'filter + sum + avg, 10 % changed in memory ÷ compacted', unit: '×', goal },
    { figure: 'filterFlushed', name: 'filter + sum + avg, 10 % changed in delta files ÷ compacted', unit: '×', goal },
    { figure: 'groupsInMemory', name: 'group by, 10 % changed in memory ÷ compacted', unit: '×', goal },
    { figure: 'groupsFlushed', name: 'group by, 10 % changed in delta files ÷ compacted', unit: '×', goal },
    { figure: 'firstMs', name: 'filter + sum + avg, first scan after 10 % changed in memory', unit: 'ms' },
    { figure: 'firstCompactedMs', name: 'filter + sum + avg, first scan after compaction', unit: 'ms' },
    { figure: 'betweenMs', name: `filter + sum + avg, each after ${changedBetween} rows changed`, unit: 'ms' },
    { figure: 'compactedMs', name: 'filter + sum + avg, compacted', unit: 'ms' },
  ],
  async run({ directory, rows }) {
    const side = await openVarveWith({ directory })
    const model = new ChangedRows(rows)
    await side.insertColumns(model.columns)
    await side.settle()
    side.pauseMaintenance()
    const scan = async () => {
      const firstMs = await duration(() => side.filterAggregate(cpuThreshold))
      const [filter, groups] = [await measureFilter(side, model), await measureGroups(side, model)]
      return { firstMs, filterMs: filter.medianMs, groupsMs: groups.medianMs }
    }
    await scan()
    await changeRows(side, model, randomRows(rows, Math.floor(rows / 10)))
    const inMemory = await scan()
    const between: number[] = []
    for (let i = 0; i < scansBetween; i++) {
      await changeRows(side, model, randomRows(rows, Math.min(rows, changedBetween)))
      between.push(await duration(() => side.filterAggregate(cpuThreshold)))
    }
    await side.settle()
    const flushed = await scan()
    await side.compact()
    const compacted = await scan()
    await side.close()
    return {
      filterInMemory: compacted.filterMs / inMemory.filterMs,
      filterFlushed: compacted.filterMs / flushed.filterMs,
      groupsInMemory: compacted.groupsMs / inMemory.groupsMs,
      groupsFlushed: compacted.groupsMs / flushed.groupsMs,
      firstMs: inMemory.firstMs,
      firstCompactedMs: compacted.firstMs,
      betweenMs: median(between),
      compactedMs: compacted.filterMs,
    }
  },
}

async function duration(work: () => Promise<unknown>): Promise<number> {
  const begunMs = performance.now()
  await work()
  return performance.now() - begunMs
}
