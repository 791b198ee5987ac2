import { z } from 'zod'
import { all, byteSize, Codec, definePlugin, MaintenanceOpFactory, requireCodec } from '../../src/plugin.ts'
import { DeadRowSetOp } from './dead-rowset-op.ts'
import { UndoCollectionOp } from './undo-collection-op.ts'

export { DeadRowSetOp } from './dead-rowset-op.ts'
export { UndoCollectionOp } from './undo-collection-op.ts'

const options = z.strictObject({
  /** How often time is looked at, in milliseconds: history expires though nobody writes. 60,000. */
  intervalMs: z.number().int().positive().default(60_000),
  /** Bytes that a rowset which is rewritten should not exceed by much: '32MiB'. */
  rowsetSize: byteSize().default(32 * 1024 * 1024),
  /** Compression of blocks in what is rewritten: 'none', 'deflate', or a codec that a plugin contributes. */
  compression: z.string().default('none'),
})

/** Contributes the ops that let go of what nobody can ask for any more: expired undo history, and rowsets whose every row is deleted. */
export const garbageCollection = definePlugin({
  name: 'garbage-collection',
  options,
  contributes: [MaintenanceOpFactory],
  bind(module, { intervalMs, rowsetSize, compression }) {
    module.contribute(MaintenanceOpFactory, [all(Codec)], (codecs) => {
      requireCodec('garbage-collection: compression', compression, codecs)
      return {
        forTablet: (tablet) => [
          new UndoCollectionOp(tablet, { intervalMs }),
          new DeadRowSetOp(tablet, { intervalMs, rowsetBytesMax: rowsetSize, compression }),
        ],
      }
    })
  },
})

export default garbageCollection
