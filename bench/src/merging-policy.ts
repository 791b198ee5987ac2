/** Prints what the merging policy chooses for a real tablet, by budget: `npm --prefix bench run merging-policy`. */
import Table from 'cli-table3'
import { decisions } from './alone/merging-policy.ts'

const table = new Table({
  head: ['budget, MiB', 'rowsets', 'MiB', 'height removed', 'for each MiB', 'decision, ms', 'the first, ms', ''],
  colAligns: ['right', 'right', 'right', 'right', 'right', 'right', 'right', 'left'],
  style: { head: [], border: [] },
})
const all = decisions()
for (const d of all) {
  table.push([
    d.budgetMiB,
    d.rowsets,
    d.chosenMiB.toFixed(0),
    d.heightRemoved.toFixed(4),
    d.heightRemovedPerMiB.toFixed(6),
    d.decisionMs.toFixed(1),
    d.firstMs.toFixed(1),
    d.met ? 'met' : 'MISSED',
  ])
}
process.stdout.write(`Average height, weighted by data: ${all[0]?.averageHeight.toFixed(2)}\n${table.toString()}\n`)
