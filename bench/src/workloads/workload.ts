import type { SideName } from '../sides/side.ts'
import type { ProgramName } from './programs.ts'

/** What a figure is to reach. */
export type Goal = { readonly atLeast: number } | { readonly atMost: number }

/** One line of the table: a figure that each side gets by running a program in a fresh process. */
export interface Workload {
  readonly name: string
  readonly program: ProgramName
  /** Which of the program's figures; `value` if absent. */
  readonly figure?: string
  readonly unit: 'rows/s' | 'calls/s' | 'operations/s' | 'bytes'
  readonly better: 'higher' | 'lower'
  /** Of the product's figure ÷ the best peer's, … */
  readonly goal?: Goal
  /** … or of the one that is named here. */
  readonly against?: SideName
  /** Sides that cannot do it, and why, in a few words. */
  readonly cannot?: Partial<Record<SideName, string>>
  /** What a reader must know to judge the comparison. */
  readonly note?: string
}
