import { cp } from 'node:fs/promises'
import type { Line, Missing } from '../report/line.ts'
import { workloadLine } from '../report/line.ts'
import { type SideName, sideNames } from '../sides/side.ts'
import { type ProgramName, programs } from '../workloads/programs.ts'
import { canDo, type Workload } from '../workloads/workloads.ts'
import { median } from './median.ts'
import { TaskFailed } from './run-task.ts'
import type { Workshop } from './workshop.ts'

type Progress = (text: string) => void

export interface RunProgramsOptions {
  readonly workshop: Workshop
  readonly workloads: readonly Workload[]
  readonly rounds: number
  /** Sides that are not measured at all, and why. */
  readonly absent: ReadonlyMap<SideName, Missing>
  readonly progress: Progress
}

/**
 * Runs what the workloads need: round by round, program by program, the sides in turn. Every run is a fresh process;
 * programs that read, read what the side's load left behind; those that change it, change a copy. Rejects if any side gives a wrong answer.
 */
export async function runPrograms(o: RunProgramsOptions): Promise<Line[]> {
  const runs = new ProgramRuns(o)
  for (let round = 1; round <= o.rounds; round++) {
    for (const program of programsOf(o.workloads)) {
      for (const side of sideNames) {
        if (!o.absent.has(side) && needs(o.workloads, program, side)) await runs.run(side, program, `round ${round}/${o.rounds}`)
      }
    }
  }
  return o.workloads.map((workload) => runs.line(workload))
}

/** `load` first: the others read what it leaves. */
function programsOf(workloads: readonly Workload[]): ProgramName[] {
  return (Object.keys(programs) as ProgramName[]).filter((name) => workloads.some(({ program }) => program === name))
}

function needs(workloads: readonly Workload[], program: ProgramName, side: SideName): boolean {
  return workloads.some((workload) => workload.program === program && canDo(workload, side))
}

class ProgramRuns {
  readonly #o: RunProgramsOptions
  /** By side and program: the figures of each round. */
  readonly #figures = new Map<string, Readonly<Record<string, number>>[]>()
  readonly #failures = new Map<string, string>()
  readonly #loaded = new Map<SideName, string>()

  constructor(o: RunProgramsOptions) {
    this.#o = o
  }

  async run(side: SideName, program: ProgramName, label: string): Promise<void> {
    const key = keyOf(side, program)
    if (this.#failures.has(key)) return
    this.#o.progress(`${label}: ${program}, ${side}`)
    try {
      const figures = await this.#perform(side, program)
      this.#figures.set(key, [...(this.#figures.get(key) ?? []), figures])
    } catch (error) {
      if (!(error instanceof TaskFailed) || error.wrongAnswer)
        throw new Error(`${side}, ${program}: ${(error as Error).message}`, { cause: error })
      process.stderr.write(`\n${side}, ${program}: ${error.message}\n${error.stack}\n`)
      this.#failures.set(key, error.message)
    }
  }

  line(workload: Workload): Line {
    const results: Partial<Record<SideName, number>> = {}
    const missing: Partial<Record<SideName, Missing>> = {}
    for (const side of sideNames) {
      const key = keyOf(side, workload.program)
      const absent = this.#o.absent.get(side)
      const cannot = workload.cannot?.[side]
      const failure = this.#failures.get(key)
      if (cannot !== undefined) missing[side] = { word: 'cannot', reason: cannot }
      else if (absent) missing[side] = absent
      else if (failure !== undefined) missing[side] = { word: 'failed', reason: failure }
      else results[side] = median((this.#figures.get(key) ?? []).map((figures) => figures[workload.figure ?? 'value'] ?? Number.NaN))
    }
    return workloadLine(workload, { results, missing })
  }

  async #perform(side: SideName, program: ProgramName): Promise<Readonly<Record<string, number>>> {
    const { workshop } = this.#o
    const { startsFrom } = programs[program]
    if (startsFrom !== 'empty') {
      const loaded = this.#loaded.get(side) ?? (await this.#load(side))
      if (startsFrom === 'loaded') return workshop.run({ kind: 'program', side, program }, loaded)
      const copy = await workshop.emptyDirectory(`${side}-copy`)
      await cp(loaded, copy, { recursive: true })
      return workshop.run({ kind: 'program', side, program }, copy)
    }
    if (program === 'load') this.#loaded.delete(side)
    const directory = await workshop.emptyDirectory(`${side}-${program}`)
    const figures = await workshop.run({ kind: 'program', side, program }, directory)
    if (program === 'load') this.#loaded.set(side, directory)
    return figures
  }

  /** For reads alone: the load is then not measured. */
  async #load(side: SideName): Promise<string> {
    const directory = await this.#o.workshop.emptyDirectory(`${side}-load`)
    await this.#o.workshop.run({ kind: 'program', side, program: 'load' }, directory)
    this.#loaded.set(side, directory)
    return directory
  }
}

function keyOf(side: SideName, program: ProgramName): string {
  return `${side} ${program}`
}
