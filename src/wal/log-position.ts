/** Where the log is needed from. Whatever comes before is in files, and its segments may be gone. */
export interface LogPosition {
  /** The oldest op that is not in files, or may come: one more than the last op if nothing is in memory only. */
  readonly opId: number
  /** Number of the segment that holds it, or will, or comes before the one that will. */
  readonly segment: number
}

/** The later of two, as far as there are any: what was let go does not come back. */
export function laterPosition(a: LogPosition | undefined, b: LogPosition): LogPosition
export function laterPosition(a: LogPosition | undefined, b: LogPosition | undefined): LogPosition | undefined
export function laterPosition(a: LogPosition | undefined, b: LogPosition | undefined): LogPosition | undefined {
  if (!a || !b) return a ?? b
  return { opId: Math.max(a.opId, b.opId), segment: Math.max(a.segment, b.segment) }
}
