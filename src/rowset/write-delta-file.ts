import { invariant } from '../base/errors.ts'
import { type ByteScratch, columnBuilder } from '../schema/column-builder.ts'
import type { ColumnVector, RowBlock } from '../schema/column-vector.ts'
import type { ColumnSchema, ColumnValue, TableSchema } from '../schema/table-schema.ts'
import type { AppendFile } from '../vfs/vfs.ts'
import { type DeltaFileSummary, type DeltaFileWriteOptions, DeltaFileWriter } from './delta-file-writer.ts'
import { type DeltaOp, deltaPositionOf, deltaPositions, deltaSchema } from './delta-schema.ts'

/**
 * Takes over the file, which must be new, and writes the blocks, of the delta schema and of any size, in order of row and
 * time: TypeError if they are not, or if there is none at all. Synced and closed when it resolves. If it rejects (ABORTED by the
 * signal, DISK_FULL, what the file system throws), the file is closed, and the caller removes it.
 */
export async function writeDeltaFile(
  file: AppendFile,
  base: TableSchema,
  blocks: AsyncIterable<RowBlock> | Iterable<RowBlock>,
  o: DeltaFileWriteOptions = {},
): Promise<DeltaFileSummary> {
  const writer = new DeltaFileWriter(file, base, o)
  try {
    for await (const block of blocks) await writer.add(block)
    return await writer.finish()
  } catch (thrown) {
    await writer.abort().catch(() => undefined)
    throw thrown
  }
}

/** A change as plain values. */
export interface PlainChange {
  readonly row: number
  readonly time: number
  readonly op: DeltaOp
  /** By position in the base schema, as rows show them; undefined: not set. Those of key columns are always there. */
  readonly values: readonly (ColumnValue | undefined)[]
}

/** Changes as a block of the delta schema, in the order given. */
export function deltaFileRows(base: TableSchema, changes: readonly PlainChange[]): RowBlock {
  const { schema, setPositions } = deltaSchema(base)
  const scratch: ByteScratch = { bytes: new Uint8Array(0) }
  const build = (position: number, value: (change: PlainChange) => ColumnValue | undefined): ColumnVector => {
    const builder = columnBuilder(schema.name, schema.columns[position] as ColumnSchema, changes.length, scratch)
    for (let i = 0; i < changes.length; i++) builder.put(i, value(changes[i] as PlainChange), i)
    return builder.finish()
  }
  const columns = new Array<ColumnVector>(schema.columns.length)
  columns[deltaPositions.row] = build(deltaPositions.row, ({ row }) => row)
  columns[deltaPositions.time] = build(deltaPositions.time, ({ time }) => time)
  columns[deltaPositions.op] = build(deltaPositions.op, ({ op }) => op)
  for (let position = 0; position < setPositions.length; position++) {
    const isKey = base.keyColumns.includes(position)
    columns[deltaPositionOf(position)] = build(deltaPositionOf(position), ({ values }) => {
      const value = values[position]
      invariant(value !== undefined || !isKey, 'a change lacks a key column')
      return value
    })
    const setPosition = setPositions[position] as number
    if (setPosition >= 0) columns[setPosition] = build(setPosition, ({ values }) => (values[position] === undefined ? null : true))
  }
  return { rowCount: changes.length, columns }
}
