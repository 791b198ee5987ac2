import { z } from 'zod'
import { all, Codec, Compactor, definePlugin, MaintenanceOpFactory, requireCodec } from '../../src/plugin.ts'
import { MinorCompactAll, MinorDeltaCompactionOp } from './minor-delta-compaction-op.ts'

export { MinorDeltaCompactionOp } from './minor-delta-compaction-op.ts'

const options = z.strictObject({
  /** Delta files of one kind that a rowset must have before they are made one: 4. */
  filesMin: z.number().int().min(2).default(4),
  /** Compression of blocks in new delta files: 'none', 'deflate', or a codec that a plugin contributes. */
  compression: z.string().default('none'),
})

/** Contributes the op that makes one delta file of several, and what `db.compact` does of that kind. */
export const minorDeltaCompaction = definePlugin({
  name: 'minor-delta-compaction',
  options,
  contributes: [MaintenanceOpFactory, Compactor],
  bind(module, o) {
    module.contribute(MaintenanceOpFactory, [all(Codec)], (codecs) => {
      requireCodec('minor-delta-compaction: compression', o.compression, codecs)
      return { forTablet: (tablet) => [new MinorDeltaCompactionOp(tablet, o)] }
    })
    module.contribute(Compactor, [], () => new MinorCompactAll(o))
  },
})

export default minorDeltaCompaction
