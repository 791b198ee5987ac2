import { z } from 'zod'
import {
  all,
  byteSize,
  Codec,
  Compactor,
  definePlugin,
  MaintenanceOpFactory,
  MergingCompactionPolicy,
  requireCodec,
} from '../../src/plugin.ts'
import { MergeAll } from './merge-all.ts'
import { MergingCompactionOp } from './merging-compaction-op.ts'
import { WindowKnapsackPolicy } from './policy/window-knapsack-policy.ts'

export { MergingCompactionOp } from './merging-compaction-op.ts'
export { WindowKnapsackPolicy } from './policy/window-knapsack-policy.ts'

const options = z.strictObject({
  /** Bytes that one merge may read: '128MiB'. */
  budget: byteSize().default(128 * 1024 * 1024),
  /** Bytes that one rowset on disk should not exceed by much: '32MiB'. */
  rowsetSize: byteSize().default(32 * 1024 * 1024),
  /** Compression of blocks in new SSTables: 'none', 'deflate', or a codec that a plugin contributes. */
  compression: z.string().default('none'),
})

/** Chooses which rowsets a merge takes in. */
export const windowKnapsackPolicy = definePlugin({
  name: 'window-knapsack-policy',
  provides: [MergingCompactionPolicy],
  bind(module) {
    module.provide(MergingCompactionPolicy, [], () => new WindowKnapsackPolicy())
  },
})

/** Contributes the op that merges rowsets whose keys overlap, and what `db.compact` does of that kind. */
export const mergingCompaction = definePlugin({
  name: 'merging-compaction',
  options,
  contributes: [MaintenanceOpFactory, Compactor],
  requires: [MergingCompactionPolicy],
  bind(module, { budget, rowsetSize, compression }) {
    const o = { budgetBytes: budget, rowsetBytesMax: rowsetSize, compression }
    module.contribute(MaintenanceOpFactory, [MergingCompactionPolicy, all(Codec)], (policy, codecs) => {
      requireCodec('merging-compaction: compression', compression, codecs)
      return { forTablet: (tablet) => [new MergingCompactionOp(tablet, policy, o)] }
    })
    module.contribute(Compactor, [], () => new MergeAll(o))
  },
})

export default mergingCompaction
