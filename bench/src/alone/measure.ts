import type { Goal } from '../workloads/workloads.ts'

export interface MeasureContext {
  /** Exists; empty. */
  readonly directory: string
  /** Rows of the full data. */
  readonly rows: number
}

/** One figure of a measure, with the figure's own goal. */
export interface Reading {
  /** The key in what `run` returns. */
  readonly figure: string
  /** The line's name in the table. */
  readonly name: string
  readonly unit: string
  readonly goal?: Goal
}

/** Something measured of the product alone, in a fresh process. */
export interface Measure {
  readonly name: string
  readonly readings: readonly Reading[]
  run(context: MeasureContext): Promise<Readonly<Record<string, number>>>
}
