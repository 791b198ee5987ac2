import { type SideName, sideNames } from '../sides/side.ts'
import { goalText, type Line } from './line.ts'

export interface JsonLine {
  readonly workload: string
  readonly unit: string
  /** null: the side cannot do it, or failed. */
  readonly results: Readonly<Record<SideName, number | null>>
  /** Product ÷ best peer; null for figures of the product alone. */
  readonly ratio: number | null
  /** Such as `≥ 1.5`: of the ratio, or of the product's own figure where there is no ratio; null: none. */
  readonly goal: string | null
}

export function jsonLines(lines: readonly Line[]): JsonLine[] {
  return lines.map(({ name, unit, results, ratio, goal }) => {
    const figures = Object.fromEntries(sideNames.map((side) => [side, results[side] ?? null])) as Record<SideName, number | null>
    return { workload: name, unit, results: figures, ratio: ratio ?? null, goal: goal ? goalText(goal) : null }
  })
}
