import type { OpenSide, SideName } from '../sides/side.ts'

/** What a program is given: one side, in a fresh process. */
export interface ProgramContext {
  readonly side: SideName
  readonly open: OpenSide
  readonly directory: string
  /** Rows of the full data. */
  readonly rows: number
}

/** `value` is the program's main figure; some measure more on the way. */
export type Figures = { readonly value: number } & Readonly<Record<string, number>>

export interface Program {
  /** `empty`: begins in an empty directory; `loaded`: reads what `load` left behind, settled and closed; `copy`: changes a copy of that. */
  readonly startsFrom: 'empty' | 'loaded' | 'copy'
  run(context: ProgramContext): Promise<Figures>
}
