import type { SeededRandom } from '../../../src/base/seeded-random.ts'
import type { FileMeta } from '../../../src/manifest/version-edit.ts'
import { ChunkPool } from '../../../src/rowset/chunk-pool.ts'
import { DeltaFile } from '../../../src/rowset/delta-file.ts'
import { DeltaMemStore } from '../../../src/rowset/delta-mem-store.ts'
import { deltaOps, deltaPositionOf } from '../../../src/rowset/delta-schema.ts'
import { DeltaStack } from '../../../src/rowset/delta-stack.ts'
import { DiskRowSet } from '../../../src/rowset/disk-rowset.ts'
import type { DeltaBlock, DeltaSource } from '../../../src/rowset/row-changes.ts'
import { deltaFileRows, type PlainChange, writeDeltaFile } from '../../../src/rowset/write-delta-file.ts'
import type { ColumnVector } from '../../../src/schema/column-vector.ts'
import { encodeKeys, hashKeys } from '../../../src/schema/key-encoding.ts'
import type { TableSchema } from '../../../src/schema/table-schema.ts'
import { sliceBlock } from '../../../src/schema/vector-ops.ts'
import type { BlockCache } from '../../../src/sstable/block-cache.ts'
import { FileHandles } from '../../../src/sstable/file-handles.ts'
import { SSTableWriter } from '../../../src/sstable/sstable-writer.ts'
import { MemoryVfs } from '../../../src/vfs/memory-vfs.ts'
import { byRowAndTime } from './random-changes.ts'
import type { SplitHistory } from './random-history.ts'
import { batchOf } from './random-table.ts'

export const rowsPerGroup = 32

/** Makes rowsets of plain rows and changes. */
export class RowSetMaker {
  readonly pool = new ChunkPool()
  readonly vfs = new MemoryVfs()
  readonly files = new FileHandles(this.vfs)
  private nextFile = 1

  /** The schema that rows are read with; `schema` of the calls is the one that they are written with. */
  readonly current: TableSchema
  readonly cache: BlockCache

  constructor(current: TableSchema, cache: BlockCache) {
    this.current = current
    this.cache = cache
  }

  /** A file of rows, which come in key order. */
  async rowset(schema: TableSchema, base: SplitHistory['base'], stack: DeltaStack): Promise<DiskRowSet> {
    const fileNumber = this.nextFile++
    const path = `${fileNumber}.sst`
    const writer = new SSTableWriter(await this.vfs.create(path), { schema, rowsPerGroup })
    const { block } = batchOf(
      schema,
      base.map(({ row }) => row.slice(0, schema.columns.length)),
    )
    for (let from = 0; from < base.length; from += rowsPerGroup) {
      const to = Math.min(base.length, from + rowsPerGroup)
      const rows = sliceBlock(block, from, to)
      const keys = encodeKeys(schema, rows)
      const timestamps = Float64Array.from(base.slice(from, to), ({ timestamp }) => timestamp)
      await writer.addGroup({ rows, keys, hashes: hashKeys(keys), timestamps })
    }
    const { minKey, maxKey, ...summary } = await writer.finish()
    const hex = (key: Uint8Array) => Buffer.from(key).toString('hex')
    const meta: FileMeta = {
      fileNumber,
      role: 'base',
      tableId: 1,
      tablet: 0,
      rowset: fileNumber,
      flushedThroughOp: 0,
      ...summary,
      minKeyHex: hex(minKey),
      maxKeyHex: hex(maxKey),
    }
    return new DiskRowSet({ meta, schema: this.current, path, cache: this.cache, files: this.files, deltas: stack })
  }

  async deltaFile(schema: TableSchema, role: 'undo' | 'redo', changes: readonly PlainChange[]): Promise<DeltaFile> {
    const fileNumber = this.nextFile++
    const path = `${fileNumber}.delta`
    const known = changes.map((change) => ({ ...change, values: change.values.slice(0, schema.columns.length) }))
    const rows = deltaFileRows(schema, known.sort(byRowAndTime))
    const { minKey, maxKey, ...summary } = await writeDeltaFile(await this.vfs.create(path), schema, [rows], { rowsPerGroup: 20 })
    const meta: FileMeta = {
      fileNumber,
      role,
      tableId: 1,
      tablet: 0,
      rowset: 1,
      flushedThroughOp: 0,
      ...summary,
      minKeyHex: Buffer.from(minKey).toString('hex'),
      maxKeyHex: Buffer.from(maxKey).toString('hex'),
    }
    return new DeltaFile({ meta, base: this.current, path, cache: this.cache, files: this.files })
  }

  store(changes: readonly PlainChange[] = []): DeltaMemStore {
    const store = new DeltaMemStore({ base: this.current, chunks: this.pool })
    for (const change of changes) appendChange(store, this.current, change)
    return store
  }
}

/** A stack that has the only reference to its sources. */
export function stackOf<S extends DeltaSource>(o: { undo?: readonly S[]; redo: readonly S[] }): DeltaStack<S> {
  const stack = new DeltaStack(o)
  for (const source of [...(o.undo ?? []), ...o.redo]) source.release()
  return stack
}

export function appendChange(store: DeltaMemStore, schema: TableSchema, change: PlainChange): void {
  const { columns } = deltaFileRows(schema, [change])
  const positions = change.values.flatMap((value, position) => (value === undefined ? [] : [position]))
  const op = (Object.keys(deltaOps) as DeltaBlock['op'][]).find((name) => deltaOps[name] === change.op) as DeltaBlock['op']
  store.append({
    op,
    timestamp: change.time,
    opId: change.time,
    rows: Int32Array.of(change.row),
    values: { rowCount: 1, columns: positions.map((position) => columns[deltaPositionOf(position)] as ColumnVector) },
    positions,
  })
}

/** Splits a list at random into so many, each in the same order. */
export function dealt<T>(list: readonly T[], count: number, random: SeededRandom): T[][] {
  const hands = Array.from({ length: count }, (): T[] => [])
  for (const item of list) hands[random.below(count)]?.push(item)
  return hands.filter((hand) => hand.length > 0)
}
