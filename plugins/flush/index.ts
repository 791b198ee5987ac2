import { z } from 'zod'
import { all, byteSize, Codec, definePlugin, MaintenanceOpFactory, requireCodec } from '../../src/plugin.ts'
import { FlushDeltaMemStoreOp } from './flush-delta-mem-store-op.ts'
import { FlushMemRowSetOp } from './flush-mem-rowset-op.ts'

export { FlushDeltaMemStoreOp } from './flush-delta-mem-store-op.ts'
export { FlushMemRowSetOp } from './flush-mem-rowset-op.ts'

const options = z.strictObject({
  /** Size of a MemRowSet past which it is flushed: '32MiB'. */
  threshold: byteSize().default(32 * 1024 * 1024),
  /** Size of the changes of one rowset past which they are flushed: '8MiB'. */
  deltaThreshold: byteSize().default(8 * 1024 * 1024),
  /** Age of the oldest rows or changes past which flushing them is worth more and more: 120,000. */
  maxAgeMs: z.number().int().positive().default(120_000),
  /** Bytes that one rowset on disk should not exceed by much: '32MiB'. */
  rowsetSize: byteSize().default(32 * 1024 * 1024),
  /** Compression of blocks in new SSTables: 'none', 'deflate', or a codec that a plugin contributes. */
  compression: z.string().default('none'),
})

/** Contributes the ops that write MemRowSets, and changes of rows on disk, to files: one of each for each tablet. */
export const flush = definePlugin({
  name: 'flush',
  options,
  contributes: [MaintenanceOpFactory],
  bind(module, { threshold, deltaThreshold, maxAgeMs, rowsetSize, compression }) {
    module.contribute(MaintenanceOpFactory, [all(Codec)], (codecs) => {
      requireCodec('flush: compression', compression, codecs)
      return {
        forTablet: (tablet) => [
          new FlushMemRowSetOp(tablet, { thresholdBytes: threshold, maxAgeMs, rowsetBytesMax: rowsetSize, compression }),
          new FlushDeltaMemStoreOp(tablet, { thresholdBytes: deltaThreshold, maxAgeMs, compression }),
        ],
      }
    })
  },
})

export default flush
