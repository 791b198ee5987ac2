import type { Measure } from '../alone/measure.ts'
import type { Line } from '../report/line.ts'
import { isMet } from '../workloads/workloads.ts'
import { median } from './median.ts'
import type { TaskFailed } from './run-task.ts'
import type { Workshop } from './workshop.ts'

export interface RunMeasuresOptions {
  readonly workshop: Workshop
  readonly measures: readonly Measure[]
  readonly rounds: number
  readonly progress: (text: string) => void
}

/** Runs what is measured of the product alone, each time in a fresh process; medians of the rounds. */
export async function runMeasures({ workshop, measures, rounds, progress }: RunMeasuresOptions): Promise<Line[]> {
  const lines: Line[] = []
  for (const measure of measures) {
    const runs: Readonly<Record<string, number>>[] = []
    let failure: string | undefined
    for (let round = 1; round <= rounds && failure === undefined; round++) {
      progress(`round ${round}/${rounds}: ${measure.name}`)
      try {
        runs.push(await workshop.run({ kind: 'measure', measure: measure.name }, await workshop.emptyDirectory('alone')))
      } catch (error) {
        const { message, stack, wrongAnswer } = error as TaskFailed
        if (wrongAnswer) throw new Error(`${measure.name}: ${message}`, { cause: error })
        process.stderr.write(`\n${measure.name}: ${message}\n${stack}\n`)
        failure = message
      }
    }
    lines.push(...linesOf(measure, runs, failure))
  }
  return lines
}

function linesOf(measure: Measure, runs: readonly Readonly<Record<string, number>>[], failure: string | undefined): Line[] {
  return measure.readings.map(({ figure, name, unit, goal }) => {
    const base = { name, unit, ...(goal && { goal }) }
    if (failure !== undefined) return { ...base, results: {}, missing: { varve: { word: 'failed', reason: failure } } }
    const value = median(runs.map((run) => run[figure] ?? Number.NaN))
    return { ...base, results: { varve: value }, missing: {}, ...(goal && { met: isMet(goal, value) }) }
  })
}
