import { z } from 'zod'
import { byteSize, definePlugin, MemoryBudget, RowCache } from '../../src/plugin.ts'
import { ClockRowCache } from './clock-row-cache.ts'

export { ClockRowCache } from './clock-row-cache.ts'

/** Of the memory limit, if no capacity is given. */
const defaultShare = 1 / 4

const options = z.strictObject({
  /** The most that cached rows may take: '64MiB'. If absent: a quarter of `memory.limit`. */
  capacity: byteSize(0).optional(),
})

/** Provides the row cache: point reads of the same rows, again and again, need not put them together from their columns. */
export const clockRowCache = definePlugin({
  name: 'clock-row-cache',
  options,
  provides: [RowCache],
  bind(module, { capacity }) {
    module.provide(
      RowCache,
      [MemoryBudget],
      (memory) =>
        new ClockRowCache({ capacityBytes: Math.min(capacity ?? Math.floor(memory.limitBytes * defaultShare), memory.limitBytes) }),
    )
  },
})

export default clockRowCache
