import { z } from 'zod'
import { Compactor, definePlugin, MaintenanceOpFactory, type Tablet } from '../../src/plugin.ts'
import { MajorCompactAll, MajorDeltaCompactionOp } from './major-delta-compaction-op.ts'

export { MajorDeltaCompactionOp } from './major-delta-compaction-op.ts'

const options = z.strictObject({
  /** Share of a rowset's rows in which a column must have changed before it is written anew: 0.1. */
  shareMin: z.number().gt(0).max(1).default(0.1),
  /** Compression of blocks in new files: 'none' or 'deflate'. */
  compression: z.enum(['none', 'deflate']).default('none'),
})

/** Contributes the op that applies changes to columns, column by column, and what `db.compact` does of that kind. */
export const majorDeltaCompaction = definePlugin({
  name: 'major-delta-compaction',
  options,
  contributes: [MaintenanceOpFactory, Compactor],
  bind(module, o) {
    module.contribute(MaintenanceOpFactory, [], () => ({
      forTablet: (tablet: unknown) => [new MajorDeltaCompactionOp(tablet as Tablet, o)],
    }))
    module.contribute(Compactor, [], () => new MajorCompactAll(o))
  },
})

export default majorDeltaCompaction
