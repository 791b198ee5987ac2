import { z } from 'zod'
import { all, Codec, Compactor, definePlugin, MaintenanceOpFactory, requireCodec } from '../../src/plugin.ts'
import { MajorCompactAll, MajorDeltaCompactionOp } from './major-delta-compaction-op.ts'

export { MajorDeltaCompactionOp } from './major-delta-compaction-op.ts'

const options = z.strictObject({
  /** Share of a rowset's rows in which a column must have changed before it is written anew: 0.1. */
  shareMin: z.number().gt(0).max(1).default(0.1),
  /** Compression of blocks in new files: 'none', 'deflate', or a codec that a plugin contributes. */
  compression: z.string().default('none'),
})

/** Contributes the op that applies changes to columns, column by column, and what `db.compact` does of that kind. */
export const majorDeltaCompaction = definePlugin({
  name: 'major-delta-compaction',
  options,
  contributes: [MaintenanceOpFactory, Compactor],
  bind(module, o) {
    module.contribute(MaintenanceOpFactory, [all(Codec)], (codecs) => {
      requireCodec('major-delta-compaction: compression', o.compression, codecs)
      return { forTablet: (tablet) => [new MajorDeltaCompactionOp(tablet, o)] }
    })
    module.contribute(Compactor, [], () => new MajorCompactAll(o))
  },
})

export default majorDeltaCompaction
