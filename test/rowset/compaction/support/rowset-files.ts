import type { DeltaStatistics, FileMeta } from '../../../../src/manifest/version-edit.ts'
import { DeltaFile } from '../../../../src/rowset/delta-file.ts'
import { type DeltaOp, deltaOps, deltaPositionOf, deltaPositions, deltaSchema } from '../../../../src/rowset/delta-schema.ts'
import { DeltaStack } from '../../../../src/rowset/delta-stack.ts'
import { DiskRowSet } from '../../../../src/rowset/disk-rowset.ts'
import { deltaFileRows, type PlainChange, writeDeltaFile } from '../../../../src/rowset/write-delta-file.ts'
import type { ColumnVector, FixedVector, RowBlock } from '../../../../src/schema/column-vector.ts'
import { valueAt } from '../../../../src/schema/row-decoder.ts'
import { rowEncoder } from '../../../../src/schema/row-encoder.ts'
import type { ColumnSchema, ColumnValue, TableSchema } from '../../../../src/schema/table-schema.ts'
import { sliceBlock } from '../../../../src/schema/vector-ops.ts'
import { FileHandles } from '../../../../src/sstable/file-handles.ts'
import type { SSTableSummary } from '../../../../src/sstable/sstable.ts'
import { SSTableReader } from '../../../../src/sstable/sstable-reader.ts'
import { SSTableWriter } from '../../../../src/sstable/sstable-writer.ts'
import { joinPath, type Vfs } from '../../../../src/vfs/vfs.ts'
import { rowGroup } from '../../../sstable/fixtures/tables.ts'
import { MapCache } from '../../support/caches.ts'
import { openRange, readBatches } from '../../support/random-table.ts'

export type PlainRow = readonly ColumnValue[]

/** A row of base data, as its file has it. */
export interface BaseRow {
  readonly insertedAt: number
  /** By position in the schema. */
  readonly values: PlainRow
}

/** An entry of a delta file. */
export interface FileChange extends PlainChange {
  /** By position in the base schema: whether the file has the column. */
  readonly knows: readonly boolean[]
}

/** The files of a rowset: numbers of files in the root of a file system. */
export interface RowSetFiles {
  readonly base: number
  readonly undo: readonly number[]
  /** Oldest first. */
  readonly redo: readonly number[]
}

/** Writes and reads the files of a rowset plainly, row by row. */
export class RowSetDisk {
  readonly vfs: Vfs
  private readonly directory: string | undefined
  private readonly metas = new Map<number, FileMeta>()
  private lastNumber = 0

  constructor(vfs: Vfs, directory?: string) {
    this.vfs = vfs
    this.directory = directory
  }

  pathOf(fileNumber: number): string {
    return this.directory === undefined ? pathOf(fileNumber) : joinPath(this.directory, pathOf(fileNumber))
  }

  nextNumber(): number {
    return ++this.lastNumber
  }

  async writeBase(schema: TableSchema, rows: readonly BaseRow[], rowsPerGroup: number): Promise<number> {
    const fileNumber = this.nextNumber()
    const writer = new SSTableWriter(await this.vfs.create(this.pathOf(fileNumber)), { schema, rowsPerGroup })
    const names = schema.columns.map(({ name }) => name)
    const block = rowEncoder(schema).encode(rows.map(({ values }) => Object.fromEntries(values.map((value, i) => [names[i], value]))))
    for (let from = 0; from < rows.length; from += rowsPerGroup) {
      const to = Math.min(rows.length, from + rowsPerGroup)
      const timestamps = Float64Array.from(rows.slice(from, to), ({ insertedAt }) => insertedAt)
      await writer.addGroup(rowGroup(schema, sliceBlock(block, from, to), timestamps))
    }
    this.note(fileNumber, 'base', await writer.finish())
    return fileNumber
  }

  writeDeltas(schema: TableSchema, changes: readonly PlainChange[], rowsPerGroup: number): Promise<number> {
    const sorted = changes.slice().sort((a, b) => a.row - b.row || a.time - b.time)
    return this.writeBlocks(schema, [deltaFileRows(schema, sorted)], rowsPerGroup)
  }

  /** Writes blocks of the delta schema that are in order. */
  async writeBlocks(schema: TableSchema, blocks: Iterable<RowBlock>, rowsPerGroup: number): Promise<number> {
    const fileNumber = this.nextNumber()
    this.note(fileNumber, 'redo', await writeDeltaFile(await this.vfs.create(this.pathOf(fileNumber)), schema, blocks, { rowsPerGroup }))
    return fileNumber
  }

  /** Keeps what is known of a file, as a manifest would. */
  note(fileNumber: number, role: FileMeta['role'], { minKey, maxKey, ...summary }: SSTableSummary & { deltas?: DeltaStatistics }): void {
    const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
    const place = { tableId: 1, tablet: 0, rowset: 1, flushedThroughOp: 0 }
    this.metas.set(fileNumber, { fileNumber, role, ...place, ...summary, minKeyHex: hex(minKey), maxKeyHex: hex(maxKey) })
  }

  /** The rows that the product sees at a time. */
  scan({ base, undo, redo }: RowSetFiles, schema: TableSchema, timestamp: number): PlainRow[] {
    const shared = { cache: new MapCache(), files: new FileHandles(this.vfs) }
    const fileOf = (fileNumber: number) => ({ meta: this.metas.get(fileNumber) as FileMeta, path: this.pathOf(fileNumber), ...shared })
    const deltaFiles = (numbers: readonly number[]) => numbers.map((number) => new DeltaFile({ ...fileOf(number), base: schema }))
    const deltas = new DeltaStack({ undo: deltaFiles(undo), redo: deltaFiles(redo) })
    const rowset = new DiskRowSet({ ...fileOf(base), schema, deltas })
    return readBatches(schema, rowset.batches({ timestamp, range: openRange, sorted: true })).map(({ row }) => row)
  }

  async open(fileNumber: number, schema: TableSchema): Promise<SSTableReader> {
    const files = new FileHandles(this.vfs)
    const reader = new SSTableReader({ fileNumber, path: this.pathOf(fileNumber), schema, cache: new MapCache(), files })
    await reader.open()
    return reader
  }

  async readBase(fileNumber: number, schema: TableSchema): Promise<BaseRow[]> {
    const reader = await this.open(fileNumber, schema)
    const rows: BaseRow[] = []
    for (let group = 0; group < reader.groupCount; group++) {
      const columns = await reader.loadColumns(group, allPositions(schema))
      const timestamps = await reader.loadTimestamps(group)
      timestamps.forEach((insertedAt, i) => {
        rows.push({ insertedAt, values: schema.columns.map((column, position) => valueAt(column, columns[position] as ColumnVector, i)) })
      })
    }
    return rows
  }

  /** `schema`: of the table whose rows change. */
  async readDeltas(fileNumber: number, schema: TableSchema): Promise<FileChange[]> {
    const delta = deltaSchema(schema)
    const reader = await this.open(fileNumber, delta.schema)
    const knows = schema.columns.map((_, position) => reader.hasColumn(deltaPositionOf(position)))
    const changes: FileChange[] = []
    for (let group = 0; group < reader.groupCount; group++) {
      const columns = await reader.loadColumns(group, allPositions(delta.schema))
      const numberAt = (position: number, i: number) => Number((columns[position] as FixedVector).values[i])
      const cellOf = (position: number, i: number): ColumnValue | undefined => {
        const vector = columns[deltaPositionOf(position)] as ColumnVector
        const setPosition = delta.setPositions[position] as number
        const decisive = setPosition < 0 ? vector : (columns[setPosition] as ColumnVector)
        return decisive.nulls?.[i] === 1 ? undefined : valueAt(schema.columns[position] as ColumnSchema, vector, i)
      }
      for (let i = 0; i < reader.groupRowCount(group); i++) {
        const values = schema.columns.map((_, position) => cellOf(position, i))
        const op = numberAt(deltaPositions.op, i) as DeltaOp
        changes.push({ row: numberAt(deltaPositions.row, i), time: numberAt(deltaPositions.time, i), op, values, knows })
      }
    }
    return changes
  }
}

export function pathOf(fileNumber: number): string {
  return `${fileNumber}.file`
}

export function allPositions(schema: TableSchema): number[] {
  return schema.columns.map((_, position) => position)
}

/** All that files say of a rowset, in the terms of a schema. */
export interface RowSetContent {
  readonly schema: TableSchema
  readonly base: readonly BaseRow[]
  readonly undo: readonly FileChange[]
  readonly redo: readonly FileChange[]
}

export async function readRowSet(disk: RowSetDisk, files: RowSetFiles, schema: TableSchema): Promise<RowSetContent> {
  const readAll = async (numbers: readonly number[]) => (await Promise.all(numbers.map((number) => disk.readDeltas(number, schema)))).flat()
  return { schema, base: await disk.readBase(files.base, schema), undo: await readAll(files.undo), redo: await readAll(files.redo) }
}

/** Each row as a reader at `time` sees it; undefined: it is not there. Base, then undo from the newest, then redo from the oldest. */
export function readAt({ schema, base, undo, redo }: RowSetContent, time: number): (PlainRow | undefined)[] {
  const values = base.map((row) => row.values.slice())
  const alive = base.map(({ insertedAt }) => insertedAt <= time)
  const backward = undo.filter((change) => change.time > time).sort((a, b) => b.time - a.time)
  const forward = redo.filter((change) => change.time <= time).sort((a, b) => a.time - b.time)
  for (const change of [...backward, ...forward]) {
    const row = values[change.row] as ColumnValue[]
    change.values.forEach((value, position) => {
      if (value !== undefined) row[position] = value
      else if (change.op === deltaOps.live && !change.knows[position]) row[position] = schema.columns[position]?.default ?? null
    })
    if (change.op !== deltaOps.update) alive[change.row] = change.op === deltaOps.live
  }
  return values.map((row, i) => (alive[i] && (base[i] as BaseRow).insertedAt <= time ? row : undefined))
}
