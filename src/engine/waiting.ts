import type { Write, WriteInTurn } from './write.ts'

/** A write that waits for its turn in the queue. */
export interface Waiting {
  /** Rises from write to write. */
  readonly ordinal: number
  readonly write: Write | Promise<Write> | WriteInTurn
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: unknown) => void
}

/** What takes an op of its own without being a batch: see `WriteQueue.alone`. */
export interface Slot {
  readonly opId: number
  readonly timestamp: number
}

/** Waits for its turn to run alone. */
export interface Alone extends Omit<Waiting, 'write'> {
  readonly perform: (slot: Slot) => Promise<() => void>
  readonly signal: AbortSignal | undefined
}
