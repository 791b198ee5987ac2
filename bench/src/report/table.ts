import Table from 'cli-table3'
import { sideNames } from '../sides/side.ts'
import { short } from './format.ts'
import { goalText, type Line } from './line.ts'

/** No lines between rows. */
const noRules = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' }

/** The comparison with peers. */
export function comparisonTable(lines: readonly Line[]): string {
  const table = new Table({
    head: ['workload', 'unit', ...sideNames, 'ratio ÷ best peer', 'goal', ''],
    colAligns: ['left', 'left', ...sideNames.map(() => 'right' as const), 'right', 'right', 'center'],
    style: { head: [], border: [] },
    chars: noRules,
  })
  for (const line of lines) {
    const figures = sideNames.map((side) => {
      const value = line.results[side]
      return value === undefined ? (line.missing[side]?.word ?? '') : short(value)
    })
    const ratio = line.ratio === undefined ? '' : `${line.ratio.toFixed(2)} × ${line.best}`
    table.push([line.name, line.unit, ...figures, ratio, line.goal ? goalText(line.goal) : '', mark(line)])
  }
  return table.toString()
}

/** What was measured of the product alone. */
export function aloneTable(lines: readonly Line[]): string {
  const table = new Table({
    head: ['of varve alone', 'unit', 'figure', 'goal', ''],
    colAligns: ['left', 'left', 'right', 'right', 'center'],
    style: { head: [], border: [] },
    chars: noRules,
  })
  for (const line of lines) {
    const value = line.results.varve
    const figure = value === undefined ? (line.missing.varve?.word ?? '') : short(value)
    table.push([line.name, line.unit, figure, line.goal ? goalText(line.goal) : '', mark(line)])
  }
  return table.toString()
}

function mark({ met }: Line): string {
  return met === undefined ? '' : met ? 'met' : 'MISSED'
}
