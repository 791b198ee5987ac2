const mebibyte = 1 << 20

export interface FlushThresholds {
  readonly thresholdBytes: number
  readonly maxAgeMs: number
}

/** A store in memory, as the score sees it. */
export interface FlushableStore {
  readonly bytes: number
  readonly ageMs: number
  /** An attempt to flush it has failed and left it frozen. */
  readonly isFrozen: boolean
}

/**
 * What flushing a store is worth. Past the size threshold, the MiB above it, plus one; below it, once it is older than
 * `maxAgeMs`, up to 1, by age or by size, whichever is nearer to its bound (Kudu's FlushOpPerfImprovementPolicy). What
 * memory and log it frees speaks for itself under pressure.
 */
export function flushScore({ bytes, ageMs, isFrozen }: FlushableStore, { thresholdBytes, maxAgeMs }: FlushThresholds): number {
  // A store that an attempt left frozen takes nothing more, so that nothing is gained by waiting.
  if (isFrozen) return 1
  if (bytes >= thresholdBytes) return 1 + (bytes - thresholdBytes) / mebibyte
  if (ageMs < maxAgeMs) return 0
  return Math.min(1, Math.max(bytes / thresholdBytes, (ageMs - maxAgeMs) / maxAgeMs + 0.01))
}

/** When a store's score may have risen by age alone, in milliseconds from now. */
export function scoreAgainInMs(ageMs: number, maxAgeMs: number): number {
  return ageMs < maxAgeMs ? maxAgeMs - ageMs : maxAgeMs / 4
}
