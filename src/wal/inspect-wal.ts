import type { LogBatch, SectionKind } from './batch-format.ts'
import { type FrameTypeName, findSyncProof, framedFile, frameHeaderBytes, frameTypes, readFrame } from './frame.ts'
import { decodeSegmentHeader, parseSegmentFileName, type SegmentHeader, segmentHeaderBytes, segmentSeed } from './segment-header.ts'
import { readSegment } from './segment-reader.ts'
import { decodeSyncedMark, type SyncedMark } from './synced-mark.ts'

/** A record of a log segment, for people. */
export interface InspectedFrame {
  readonly offset: number
  readonly sizeBytes: number
  readonly type: FrameTypeName | `unknown ${number}`
  readonly syncedBytes: number
  readonly mark?: SyncedMark
}

/** A batch of a log segment, for people: rows are counted, not shown. */
export interface InspectedBatch {
  readonly offset: number
  readonly opId: number
  readonly timestamp: number
  readonly sections: readonly {
    readonly kind: SectionKind
    readonly tableId: number
    readonly tablet: number
    readonly target: string
    readonly generation: number | undefined
    readonly schemaVersion: number
    readonly columnIds: readonly number[]
    readonly rows: number
  }[]
}

/** All that can be told of a segment by itself; whether damage had been synced, its successor may know better. */
export interface InspectedSegment {
  readonly kind: 'wal'
  readonly sizeBytes: number
  /** Undefined: damaged, or cut short. */
  readonly header: SegmentHeader | undefined
  readonly frames: readonly InspectedFrame[]
  readonly batches: readonly InspectedBatch[]
  /** Through the last whole batch or mark. */
  readonly validBytes: number
  readonly problem: { readonly offset: number; readonly text: string; readonly synced: boolean } | undefined
}

/** Describes the bytes of a log segment, as far as they are whole. `name` is its file name. FORMAT_UNSUPPORTED if a newer version wrote it. */
export async function inspectWal(name: string, bytes: Uint8Array): Promise<InspectedSegment> {
  const fileNumber = parseSegmentFileName(name)
  if (fileNumber === undefined) throw new TypeError(`A log segment is named like 000004.wal, not ${name}.`)
  const sizeBytes = bytes.length
  const header = decodeSegmentHeader(bytes, fileNumber, name)
  if (!header) {
    const text = 'the header is not whole'
    return {
      kind: 'wal',
      sizeBytes,
      header,
      frames: [],
      batches: [],
      validBytes: 0,
      problem: { offset: 0, text, synced: sizeBytes > segmentHeaderBytes },
    }
  }
  // Joining the parts of large batches moves bytes: frames are listed, and proof is sought, on a copy.
  const file = framedFile(bytes.slice(), segmentSeed(fileNumber))
  const frames: InspectedFrame[] = []
  let position = segmentHeaderBytes
  for (let frame = readFrame(file, position); frame; frame = readFrame(file, position)) {
    const type = frame.type
    const typeName = (Object.keys(frameTypes) as FrameTypeName[]).find((key) => frameTypes[key] === type) ?? (`unknown ${type}` as const)
    const size = frameHeaderBytes + frame.payloadEnd - frame.payloadStart
    const described = { offset: position, sizeBytes: size, type: typeName, syncedBytes: frame.syncedBytes }
    frames.push(type === frameTypes.synced ? { ...described, mark: decodeSyncedMark(file.view, frame.payloadStart) } : described)
    position = frame.payloadEnd
  }
  const batches: InspectedBatch[] = []
  const content = await readSegment(framedFile(bytes.slice(), segmentSeed(fileNumber)), {
    path: name,
    firstOpId: header.firstOpId,
    lastOpId: 0,
    lastTimestamp: 0,
    onBatch: (batch) => {
      batches.push(describeBatch(batch))
    },
  })
  const problem = content.problem && {
    offset: content.problem.at,
    text: content.problem.text,
    synced: content.problem.kind === 'malformed' || findSyncProof(file, content.problem.at) !== undefined,
  }
  return { kind: 'wal', sizeBytes, header, frames, batches, validBytes: content.endBytes, problem }
}

function describeBatch({ offset, opId, timestamp, sections }: LogBatch): InspectedBatch {
  const described = sections.map((section) => ({
    kind: section.kind,
    tableId: section.tableId,
    tablet: section.tablet,
    target: section.target,
    generation: section.target === 'memory' ? section.generation : undefined,
    schemaVersion: section.schemaVersion,
    columnIds: section.columnIds,
    rows: section.rows.rowCount,
  }))
  return { offset, opId, timestamp, sections: described }
}
