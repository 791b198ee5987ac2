import { z } from 'zod'
import { byteSize, definePlugin, MaintenanceOpFactory, type Tablet } from '../../src/plugin.ts'
import { FlushMemRowSetOp } from './flush-mem-rowset-op.ts'

export { FlushMemRowSetOp } from './flush-mem-rowset-op.ts'

const options = z.strictObject({
  /** Size of a MemRowSet past which it is flushed: '32MiB'. */
  threshold: byteSize().default(32 * 1024 * 1024),
  /** Age of its oldest rows past which flushing it is worth more and more: 120,000. */
  maxAgeMs: z.number().int().positive().default(120_000),
  /** Bytes that one rowset on disk should not exceed by much: '32MiB'. */
  rowsetSize: byteSize().default(32 * 1024 * 1024),
  /** Compression of blocks in new SSTables: 'none' or 'deflate'. */
  compression: z.enum(['none', 'deflate']).default('none'),
})

/** Contributes the op that writes MemRowSets to disk: one for each tablet. */
export const flush = definePlugin({
  name: 'flush',
  options,
  contributes: [MaintenanceOpFactory],
  bind(module, { threshold, maxAgeMs, rowsetSize, compression }) {
    module.contribute(MaintenanceOpFactory, [], () => ({
      forTablet: (tablet: unknown) => [
        new FlushMemRowSetOp(tablet as Tablet, { thresholdBytes: threshold, maxAgeMs, rowsetBytesMax: rowsetSize, compression }),
      ],
    }))
  },
})

export default flush
