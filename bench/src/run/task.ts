import type { SideName } from '../sides/side.ts'
import type { ProgramName } from '../workloads/programs.ts'

interface TaskBase {
  /** Exists; the task's own to fill. */
  readonly directory: string
  readonly rows: number
}

/** What one child process does. */
export type Task =
  | (TaskBase & { readonly kind: 'probe'; readonly side: SideName })
  | (TaskBase & { readonly kind: 'program'; readonly side: SideName; readonly program: ProgramName })
  | (TaskBase & { readonly kind: 'measure'; readonly measure: string })

export type Answer =
  | { readonly ok: true; readonly figures: Readonly<Record<string, number>> }
  | { readonly ok: false; readonly message: string; readonly stack: string }
