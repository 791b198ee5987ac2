import type { BlockCache, MemoryBudget, MemoryLevel } from '../../src/plugin.ts'

/** The share of `memory.limit` that the cache takes if nobody says otherwise. */
const defaultShare = 0.3

/** The capacity to begin with: as configured, but never so much that a calm database (below the pressure threshold) passes its limit. */
export function initialCapacityBytes(memory: MemoryBudget, configuredBytes: number | undefined): number {
  const wantedBytes = configuredBytes ?? Math.floor(memory.limitBytes * defaultShare)
  return Math.min(wantedBytes, memory.limitBytes - memory.pressureBytes)
}

/**
 * Gives room to write buffers when they need it and takes it back when they do not: at each level the cache has what is left of
 * the limit when the buffers reach the next one. At the hard limit that is nothing, so an eighth of the room above the soft
 * limit remains: without any key block each write would read from disk, and the buffers would not fall for that.
 */
export function fitToBudget(cache: BlockCache, memory: MemoryBudget): Disposable {
  const fullBytes = cache.capacityBytes
  const { limitBytes, softLimitBytes } = memory
  const leastBytes = Math.floor((limitBytes - softLimitBytes) / 8)
  const capacities: Readonly<Record<MemoryLevel, number>> = {
    normal: fullBytes,
    pressure: Math.min(fullBytes, limitBytes - softLimitBytes),
    'soft-limit': Math.min(fullBytes, leastBytes),
    'hard-limit': Math.min(fullBytes, leastBytes),
  }
  cache.resize(capacities[memory.level()])
  return memory.onLevel((level) => cache.resize(capacities[level]))
}
