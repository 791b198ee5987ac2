import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ChangedRows, randomRows } from '../data/changed-rows.ts'
import { median } from '../run/median.ts'
import { compareTurns } from '../run/repeat-for.ts'
import { openVarveWith, type VarveSide } from '../sides/varve.ts'
import { changeRows, filterOf, groupsOf } from '../workloads/change-programs.ts'
import type { Measure } from './measure.ts'

const goal = { atLeast: 0.8 }

/** Rows that change between one scan and the next. */
const changedBetween = 1000
const scansBetween = 30

/**
 * What scans lose by changes that nobody has compacted: their rate over that of the same scans of the same rows in a second
 * database, where all is compacted, turn by turn. They are scans of the same changes again and again, as the rest of the
 * bench has them; the first scan of changes applies them, and so does one after each of which rows have changed: both are shown.
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
    const changed = await loaded(join(directory, 'changed'), rows)
    const compacted = await loaded(join(directory, 'compacted'), rows)
    const filter = ({ side, model }: Loaded) => filterOf(side, model)
    const groups = ({ side, model }: Loaded) => groupsOf(side, model)
    await filter(changed)()
    const places = randomRows(rows, Math.floor(rows / 10))
    for (const { side, model } of [changed, compacted]) await changeRows(side, model, places)
    await compacted.side.compact()
    const firstMs = await duration(filter(changed))
    const firstCompactedMs = await duration(filter(compacted))
    const filterInMemory = await compareTurns(filter(compacted), filter(changed))
    const groupsInMemory = await compareTurns(groups(compacted), groups(changed))
    const between: number[] = []
    for (let i = 0; i < scansBetween; i++) {
      const some = randomRows(rows, Math.min(rows, changedBetween))
      for (const { side, model } of [changed, compacted]) await changeRows(side, model, some)
      between.push(await duration(filter(changed)))
    }
    await changed.side.settle()
    await compacted.side.compact()
    const filterFlushed = await compareTurns(filter(compacted), filter(changed))
    const groupsFlushed = await compareTurns(groups(compacted), groups(changed))
    for (const { side } of [changed, compacted]) await side.close()
    return {
      filterInMemory: filterInMemory.ratio,
      filterFlushed: filterFlushed.ratio,
      groupsInMemory: groupsInMemory.ratio,
      groupsFlushed: groupsFlushed.ratio,
      firstMs,
      firstCompactedMs,
      betweenMs: median(between),
      compactedMs: filterFlushed.workMs,
    }
  },
}

interface Loaded {
  readonly side: VarveSide
  readonly model: ChangedRows
}

/** All rows, flushed; nothing compacts them unless it is told to. */
async function loaded(directory: string, rows: number): Promise<Loaded> {
  await mkdir(directory)
  const side = await openVarveWith({ directory })
  const model = new ChangedRows(rows)
  await side.insertColumns(model.columns)
  await side.settle()
  side.pauseMaintenance()
  return { side, model }
}

async function duration(work: () => Promise<unknown>): Promise<number> {
  const begunMs = performance.now()
  await work()
  return performance.now() - begunMs
}
