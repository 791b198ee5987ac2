import { ByteReader } from '../base/byte-reader.ts'
import { decodeRowBlock } from '../schema/row-block-codec.ts'
import { type LogBatch, type LogSection, type SectionKind, type SectionTarget, sectionHeaderBytes, sectionKinds } from './batch-format.ts'

const kindOf: ReadonlyMap<number, SectionKind> = new Map(
  (Object.keys(sectionKinds) as SectionKind[]).map((kind) => [sectionKinds[kind], kind]),
)

/** The batch in `bytes[start .. end)`; its columns are views of these bytes. CORRUPTION if it is not what an encoder writes. */
export function decodeBatch(bytes: Uint8Array, o: { start: number; end: number; path: string; offset: number }): LogBatch {
  const { path, offset } = o
  const reader = new ByteReader(bytes, { offset: o.start, end: o.end, what: `the batch at offset ${offset} of ${path}` })
  const opId = reader.u64()
  const timestamp = reader.u64()
  const sectionCount = reader.u32()
  reader.skip(4)
  const sections: LogSection[] = []
  for (let i = 0; i < sectionCount; i++) sections.push(decodeSection(bytes, reader))
  if (reader.remaining !== 0) throw reader.corruption('is longer than its sections')
  return { opId, timestamp, sections, path, offset }
}

function decodeSection(bytes: Uint8Array, reader: ByteReader): LogSection {
  const start = reader.offset
  const length = reader.u32()
  const kind = kindOf.get(reader.u8())
  if (kind === undefined) throw reader.corruption('has a section of an unknown kind')
  const disk = reader.u8() === 1
  const columnCount = reader.u16()
  const tableId = reader.u32()
  const tablet = reader.u32()
  const generation = reader.u64()
  const schemaVersion = reader.u32()
  const rowCount = reader.u32()
  const blockAt = reader.u32()
  reader.skip(4)
  const columnIds: number[] = []
  for (let i = 0; i < columnCount; i++) columnIds.push(reader.u32())
  if (blockAt < sectionHeaderBytes + 4 * columnCount || blockAt > length)
    throw reader.corruption('has a section whose rows lie outside of it')
  const rows = decodeRowBlock(bytes, start + blockAt)
  if (rows.rowCount !== rowCount || rows.columns.length !== columnCount)
    throw reader.corruption('has a section whose rows are not as many as it says')
  reader.skip(start + length - reader.offset)
  const target: SectionTarget = disk ? { target: 'disk' } : { target: 'memory', generation }
  return { kind, ...target, tableId, tablet, schemaVersion, columnIds, rows }
}
