import type { ColumnKind } from '../schema/column-vector.ts'
import type { Vfs } from '../vfs/vfs.ts'
import { blockEncodingName, elementBytes } from './block-encoding.ts'
import { sstableFormatVersion } from './file-frame.ts'
import { openMetadata } from './open-metadata.ts'
import type { ZoneMap } from './sstable.ts'
import { type SSTableMetadata, splitEncoding } from './sstable-metadata.ts'

/** A file's structure, as plain data for `varve inspect`. Needs no schema: the file describes itself. */
export interface SSTableDescription {
  readonly path: string
  readonly sizeBytes: number
  readonly formatVersion: number
  readonly tableId: number
  readonly tableName: string
  readonly codec: string
  readonly rows: number
  readonly rowsPerGroup: number
  readonly groupCount: number
  readonly bytesPerRow: number
  readonly minKeyHex: string
  readonly maxKeyHex: string
  readonly minTimestamp: number
  readonly maxTimestamp: number
  readonly filterBytes: number
  readonly metadataBytes: number
  /** The table's columns in order, then the hidden insert timestamps. */
  readonly columns: readonly ColumnDescription[]
}

export interface ColumnDescription {
  /** 0 for the insert timestamps. */
  readonly id: number
  readonly name: string
  readonly kind: ColumnKind
  readonly nullable: boolean
  readonly key: boolean
  readonly sizeBytes: number
  /** Against a plain array of the kind; undefined for strings and binary. */
  readonly ratio: number | undefined
  readonly nullCount: number
  /** How many blocks have each encoding. */
  readonly encodings: Readonly<Record<string, number>>
  readonly blocks: readonly BlockDescription[]
}

export interface BlockDescription {
  readonly group: number
  readonly offset: number
  readonly sizeBytes: number
  readonly encoding: string
  readonly compressed: boolean
  readonly zoneMap: ZoneMap
}

/** Reads header, trailer and metadata of a file and describes them. CORRUPTION and FORMAT_UNSUPPORTED as when opening it. */
export async function inspectSSTable(vfs: Vfs, path: string): Promise<SSTableDescription> {
  const file = await vfs.open(path)
  try {
    return describe(await openMetadata(file), path, await file.size())
  } finally {
    await file.close()
  }
}

function describe(metadata: SSTableMetadata, path: string, sizeBytes: number): SSTableDescription {
  const { rows, groupCount, blockOffsets, columns: stored, firstKeys } = metadata
  const timestamps = { id: 0, name: '(insert timestamp)', kind: 'timestamp', nullable: false, mode: 'number' } as const
  const columns = [...stored, timestamps].map((column, index): ColumnDescription => {
    const blocks = describeBlocks(metadata, index)
    const columnBytes = blocks.reduce((total, block) => total + block.sizeBytes, 0)
    const encodings: Record<string, number> = {}
    for (const { encoding } of blocks) encodings[encoding] = (encodings[encoding] ?? 0) + 1
    const plain = elementBytes(column.kind)
    return {
      id: column.id,
      name: column.name,
      kind: column.kind,
      nullable: column.nullable,
      key: metadata.keyColumns.includes(index),
      sizeBytes: columnBytes,
      ratio: plain === 0 ? undefined : (plain * rows) / columnBytes,
      nullCount: blocks.reduce((total, block) => total + block.zoneMap.nullCount, 0),
      encodings,
      blocks,
    }
  })
  const ranges = (columns.at(-1) as ColumnDescription).blocks.map((block) => block.zoneMap)
  const filter = groupCount * (stored.length + 1)
  return {
    path,
    sizeBytes,
    formatVersion: sstableFormatVersion,
    tableId: metadata.tableId,
    tableName: metadata.tableName,
    codec: metadata.codecName,
    rows,
    rowsPerGroup: metadata.rowsPerGroup,
    groupCount,
    bytesPerRow: sizeBytes / rows,
    minKeyHex: hex(firstKeys[0] as Uint8Array),
    maxKeyHex: hex(metadata.maxKey),
    minTimestamp: metadata.commitTimestamp ?? Math.min(...ranges.map(({ min }) => min as number)),
    maxTimestamp: metadata.commitTimestamp ?? Math.max(...ranges.map(({ max }) => max as number)),
    filterBytes: (blockOffsets[filter + 1] as number) - (blockOffsets[filter] as number),
    metadataBytes: sizeBytes - (blockOffsets[filter + 1] as number),
    columns,
  }
}

function describeBlocks({ groupCount, columns, blockOffsets, encodings, zoneMaps }: SSTableMetadata, index: number): BlockDescription[] {
  const stride = columns.length + 1
  return Array.from({ length: groupCount }, (_, group) => {
    const ordinal = group * stride + index
    const offset = blockOffsets[ordinal] as number
    const { encoding, compressed } = splitEncoding(encodings[ordinal] as number)
    return {
      group,
      offset,
      sizeBytes: (blockOffsets[ordinal + 1] as number) - offset,
      encoding: blockEncodingName(encoding),
      compressed,
      zoneMap: zoneMaps.at(ordinal),
    }
  })
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
}
