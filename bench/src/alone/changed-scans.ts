import { ChangedRows, randomRows } from '../data/changed-rows.ts'
import { openVarveWith } from '../sides/varve.ts'
import { changeRows, measureFilter, measureGroups } from '../workloads/change-programs.ts'
import type { Measure } from './measure.ts'

const goal = { atLeast: 0.8 }

/** What scans lose by changes that nobody has compacted: their rate over that of the same scans of the table as it was loaded. */
export const changedScans: Measure = {
  name: 'scans after 10 % changed ÷ freshly loaded',
  readings: [
    { figure: 'filterInMemory', name: 'filter + sum + avg, 10 % changed in memory ÷ fresh', unit: '×', goal },
    { figure: 'filterFlushed', name: 'filter + sum + avg, 10 % changed in delta files ÷ fresh', unit: '×', goal },
    { figure: 'groupsInMemory', name: 'group by, 10 % changed in memory ÷ fresh', unit: '×', goal },
    { figure: 'groupsFlushed', name: 'group by, 10 % changed in delta files ÷ fresh', unit: '×', goal },
  ],
  async run({ directory, rows }) {
    const side = await openVarveWith({ directory })
    const model = new ChangedRows(rows)
    await side.insertColumns(model.columns)
    await side.settle()
    side.pauseMaintenance()
    const scan = async () => {
      const [filter, groups] = [await measureFilter(side, model), await measureGroups(side, model)]
      return { filterMs: filter.medianMs, groupsMs: groups.medianMs }
    }
    const fresh = await scan()
    await changeRows(side, model, randomRows(rows, Math.floor(rows / 10)))
    const inMemory = await scan()
    await side.settle()
    const flushed = await scan()
    await side.close()
    return {
      filterInMemory: fresh.filterMs / inMemory.filterMs,
      filterFlushed: fresh.filterMs / flushed.filterMs,
      groupsInMemory: fresh.groupsMs / inMemory.groupsMs,
      groupsFlushed: fresh.groupsMs / flushed.groupsMs,
    }
  },
}
