import { z } from 'zod'
import { Compactor, definePlugin, MaintenanceOpFactory, type Tablet } from '../../src/plugin.ts'
import { MinorCompactAll, MinorDeltaCompactionOp } from './minor-delta-compaction-op.ts'

export { MinorDeltaCompactionOp } from './minor-delta-compaction-op.ts'

const options = z.strictObject({
  /** Delta files of one kind that a rowset must have before they are made one: 4. */
  filesMin: z.number().int().min(2).default(4),
  /** Compression of blocks in new delta files: 'none' or 'deflate'. */
  compression: z.enum(['none', 'deflate']).default('none'),
})

/** Contributes the op that makes one delta file of several, and what `db.compact` does of that kind. */
export const minorDeltaCompaction = definePlugin({
  name: 'minor-delta-compaction',
  options,
  contributes: [MaintenanceOpFactory, Compactor],
  bind(module, o) {
    module.contribute(MaintenanceOpFactory, [], () => ({
      forTablet: (tablet: unknown) => [new MinorDeltaCompactionOp(tablet as Tablet, o)],
    }))
    module.contribute(Compactor, [], () => new MinorCompactAll(o))
  },
})

export default minorDeltaCompaction
