/**
 * The metadata block of an SSTable: everything there is to know before a row is read. Its payload, fields end to end:
 *
 *   varint rows · varint rows per group · varint groups · text codec
 *   varint table id · text table name
 *   varint columns, each: varint id · text name · u8 kind · u8 flags (1 nullable, 2 mode number)
 *   varint key columns, each: varint index of the column
 *   varint size of the filter block ÷ 8
 *   text last key · per group: text first key
 *   per column, then for the insert timestamps, per group: varint size of the block ÷ 8 · u8 encoding (+ 128:
 *   compressed) · zone map
 *   of a file that was ingested: varint commit timestamp of all its rows, whatever the timestamp blocks say
 *
 * A text is a varint length and that many bytes (names UTF-8). Kinds are numbered as in `kinds`.
 */

import type { ColumnKind } from '../schema/column-vector.ts'
import type { TableSchema } from '../schema/table-schema.ts'
import { fileHeaderBytes } from './file-frame.ts'
import type { PayloadReader } from './payload-reader.ts'
import type { PayloadWriter } from './payload-writer.ts'
import type { ZoneMap } from './sstable.ts'
import { writeZoneMap, ZoneMapStore } from './zone-map-store.ts'

const kinds: readonly ColumnKind[] = ['bool', 'int8', 'int16', 'int32', 'int64', 'float', 'double', 'timestamp', 'string', 'binary']
const compressedFlag = 128

/** A column as the file knows it. */
export interface StoredColumn {
  readonly id: number
  readonly name: string
  readonly kind: ColumnKind
  readonly nullable: boolean
  readonly mode: 'bigint' | 'number'
}

/** A block in the directory, as the writer collects it. */
export interface DirectoryEntry {
  readonly sizeBytes: number
  readonly encoding: number
  readonly compressed: boolean
  readonly zoneMap: ZoneMap
}

/** What the writer has at the end. */
export interface MetadataInput {
  readonly schema: TableSchema
  readonly codecName: string
  readonly rows: number
  readonly rowsPerGroup: number
  readonly filterBytes: number
  readonly firstKeys: readonly Uint8Array[]
  readonly maxKey: Uint8Array
  /** By ordinal: group by group, the columns in order and then the timestamps. */
  readonly blocks: readonly DirectoryEntry[]
}

/** What the reader keeps. Block ordinals: group × (columns + 1) + column; the timestamps come after the columns. */
export interface SSTableMetadata {
  readonly rows: number
  readonly rowsPerGroup: number
  readonly groupCount: number
  readonly codecName: string
  readonly tableId: number
  readonly tableName: string
  readonly columns: readonly StoredColumn[]
  /** Indices in `columns`. */
  readonly keyColumns: readonly number[]
  readonly firstKeys: readonly Uint8Array[]
  readonly maxKey: Uint8Array
  /** Of every block of a column, of the filter, and of the metadata itself. */
  readonly blockOffsets: Float64Array
  /** By ordinal; `compressed` is the top bit. */
  readonly encodings: Uint8Array
  readonly zoneMaps: ZoneMapStore
  /** Of a file that was ingested: when all of its rows were, whatever the timestamp blocks say. */
  readonly commitTimestamp: number | undefined
}

export function writeMetadata(out: PayloadWriter, input: MetadataInput): void {
  const { schema, firstKeys, blocks } = input
  const groupCount = firstKeys.length
  const stride = schema.columns.length + 1
  out.reset()
  out.varint(input.rows)
  out.varint(input.rowsPerGroup)
  out.varint(groupCount)
  writeText(out, input.codecName)
  out.varint(schema.tableId)
  writeText(out, schema.name)
  out.varint(schema.columns.length)
  for (const column of schema.columns) {
    out.varint(column.id)
    writeText(out, column.name)
    out.u8(kinds.indexOf(column.kind))
    out.u8((column.nullable ? 1 : 0) | (column.mode === 'number' ? 2 : 0))
  }
  out.varint(schema.keyColumns.length)
  for (const position of schema.keyColumns) out.varint(position)
  out.varint(input.filterBytes / 8)
  writeBytes(out, input.maxKey)
  for (const key of firstKeys) writeBytes(out, key)
  for (let column = 0; column < stride; column++) {
    for (let group = 0; group < groupCount; group++) {
      const block = blocks[group * stride + column] as DirectoryEntry
      out.varint(block.sizeBytes / 8)
      out.u8(block.encoding | (block.compressed ? compressedFlag : 0))
      writeZoneMap(out, block.zoneMap)
    }
  }
}

/** The reverse. A malformed payload is a RangeError. */
export function readMetadata(reader: PayloadReader): SSTableMetadata {
  const rows = reader.varint()
  const rowsPerGroup = reader.varint()
  const groupCount = reader.varint()
  if (rows === 0 || rowsPerGroup === 0 || groupCount !== Math.ceil(rows / rowsPerGroup))
    throw new RangeError('row and group counts disagree')
  const codecName = readText(reader)
  const tableId = reader.varint()
  const tableName = readText(reader)
  const columns: StoredColumn[] = []
  for (let left = reader.varint(); left > 0; left--) columns.push(readColumn(reader))
  const keyColumns: number[] = []
  for (let left = reader.varint(); left > 0; left--) keyColumns.push(reader.varint())
  const filterBytes = reader.varint() * 8
  const maxKey = readBytes(reader)
  const firstKeys: Uint8Array[] = []
  for (let group = 0; group < groupCount; group++) firstKeys.push(readBytes(reader))
  const directory = readDirectory(reader, groupCount, columns.length + 1, filterBytes)
  const commitTimestamp = reader.remaining === 0 ? undefined : reader.varint()
  if (reader.remaining !== 0) throw new RangeError(`${reader.remaining} bytes are left over`)
  return {
    rows,
    rowsPerGroup,
    groupCount,
    codecName,
    tableId,
    tableName,
    columns,
    keyColumns,
    firstKeys,
    maxKey,
    commitTimestamp,
    ...directory,
  }
}

function readColumn(reader: PayloadReader): StoredColumn {
  const id = reader.varint()
  const name = readText(reader)
  const kind = kinds[reader.u8()]
  if (kind === undefined) throw new RangeError(`column ${name} is of an unknown kind`)
  const flags = reader.u8()
  return { id, name, kind, nullable: (flags & 1) !== 0, mode: (flags & 2) !== 0 ? 'number' : 'bigint' }
}

function readDirectory(
  reader: PayloadReader,
  groupCount: number,
  stride: number,
  filterBytes: number,
): Pick<SSTableMetadata, 'blockOffsets' | 'encodings' | 'zoneMaps'> {
  const blockCount = groupCount * stride
  const sizes = new Float64Array(blockCount)
  const encodings = new Uint8Array(blockCount)
  const zoneMaps = new ZoneMapStore(blockCount)
  for (let column = 0; column < stride; column++) {
    for (let group = 0; group < groupCount; group++) {
      const ordinal = group * stride + column
      sizes[ordinal] = reader.varint() * 8
      encodings[ordinal] = reader.u8()
      zoneMaps.read(reader, ordinal)
    }
  }
  const blockOffsets = new Float64Array(blockCount + 2)
  blockOffsets[0] = fileHeaderBytes
  for (let i = 0; i < blockCount; i++) blockOffsets[i + 1] = (blockOffsets[i] as number) + (sizes[i] as number)
  blockOffsets[blockCount + 1] = (blockOffsets[blockCount] as number) + filterBytes
  return { blockOffsets, encodings, zoneMaps }
}

/** Splits an entry of `encodings`. */
export function splitEncoding(entry: number): { encoding: number; compressed: boolean } {
  return { encoding: entry & 127, compressed: (entry & compressedFlag) !== 0 }
}

function writeText(out: PayloadWriter, text: string): void {
  writeBytes(out, new TextEncoder().encode(text))
}

function writeBytes(out: PayloadWriter, bytes: Uint8Array): void {
  out.varint(bytes.length)
  out.bytes(bytes)
}

function readText(reader: PayloadReader): string {
  return new TextDecoder().decode(reader.view(reader.varint()))
}

function readBytes(reader: PayloadReader): Uint8Array {
  return reader.view(reader.varint()).slice()
}
