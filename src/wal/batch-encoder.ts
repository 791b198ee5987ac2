import { ByteWriter } from '../base/byte-writer.ts'
import { crc32 } from '../base/crc32.ts'
import { invariant } from '../base/errors.ts'
import type { RowBlock } from '../schema/column-vector.ts'
import { encodeRowBlock } from '../schema/row-block-codec.ts'
import { type SectionKind, type SectionPlace, sectionHeaderBytes, sectionKinds } from './batch-format.ts'
import { frameHeaderBytes, frameTypes, frameWord, sealFrame } from './frame.ts'

/** Where sealed frames are about to be written. */
export interface SealPlace {
  readonly seed: number
  readonly position: number
  readonly syncedBytes: number
  /** Number of the segment's predecessor: goes into every frame, so that the chain survives a damaged header. */
  readonly predecessor: number
}

/** Payload of a commit frame: op id, total payload, number of fragments, checksum of their checksums. */
export const commitPayloadBytes = 24

/** The buffer of a large group is given back; one of this size is kept. */
const keptBytesMax = 8 * 1024 * 1024

/**
 * The batches that wait for the next write, as frames in one growing buffer that is used again and again. A batch
 * larger than a fragment is split: fragments, each a frame, then a commit frame that binds them; without it they
 * count for nothing.
 */
export class BatchEncoder {
  readonly #writer = new ByteWriter(64 * 1024)
  readonly #fragmentBytes: number
  /** Where the batch being encoded begins; −1: none is. */
  #batchStart = -1
  #sectionCount = 0
  #opId = 0

  /** `fragmentBytes`: a multiple of 8. */
  constructor(fragmentBytes: number) {
    this.#fragmentBytes = fragmentBytes
  }

  /** Length of what waits, not counting a batch that has not ended. */
  get sizeBytes(): number {
    return this.#batchStart < 0 ? this.#writer.length : this.#batchStart
  }

  begin(opId: number, timestamp: number): void {
    invariant(this.#batchStart < 0, `Batch ${opId} was begun before batch ${this.#opId} had ended.`)
    this.#batchStart = this.#writer.reserve(frameHeaderBytes)
    this.#sectionCount = 0
    this.#opId = opId
    this.#writer.u64(opId)
    this.#writer.u64(timestamp)
    this.#writer.u64(0)
  }

  section(kind: SectionKind, place: SectionPlace, rows: RowBlock): void {
    invariant(this.#batchStart >= 0, 'A section was added outside of a batch.')
    const writer = this.#writer
    const start = writer.length
    writer.u32(0)
    writer.u8(sectionKinds[kind])
    writer.u8(place.target === 'disk' ? 1 : 0)
    writer.u16(place.columnIds.length)
    writer.u32(place.tableId)
    writer.u32(place.tablet)
    writer.u64(place.target === 'memory' ? place.generation : 0)
    writer.u32(place.schemaVersion)
    writer.u32(rows.rowCount)
    writer.u32(alignUp(sectionHeaderBytes + 4 * place.columnIds.length))
    writer.u32(0)
    for (const id of place.columnIds) writer.u32(id)
    writer.align(8)
    encodeRowBlock(rows, writer)
    writer.align(8)
    writer.setU32(start, writer.length - start)
    this.#sectionCount++
  }

  end(): void {
    invariant(this.#batchStart >= 0, 'A batch was ended that had not begun.')
    const start = this.#batchStart
    this.#writer.setU32(start + frameHeaderBytes + 16, this.#sectionCount)
    const payloadBytes = this.#writer.length - start - frameHeaderBytes
    if (payloadBytes <= this.#fragmentBytes) this.#frame(start, frameTypes.record, 0, payloadBytes)
    else this.#split(start, payloadBytes)
    this.#batchStart = -1
  }

  /** Forgets the batch that has not ended, and says whether there was one; those that have ended stay. */
  abandon(): boolean {
    if (this.#batchStart < 0) return false
    this.#writer.truncate(this.#batchStart)
    this.#batchStart = -1
    return true
  }

  /** Completes every frame for its place in the file. The bytes are valid until the next call of anything here. */
  seal(place: SealPlace): Uint8Array {
    invariant(this.#batchStart < 0, `The log was written before batch ${this.#opId} had ended.`)
    const bytes = this.#writer.view()
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    let fragments = 0
    for (let offset = 0; offset < bytes.length; ) {
      const type = view.getUint8(offset + 8)
      if (type === frameTypes.record) view.setUint32(offset + 12, place.predecessor % 0x1_0000_0000, true)
      if (type === frameTypes.commit) view.setUint32(offset + frameHeaderBytes + 20, fragments, true)
      const checksum = sealFrame(bytes, view, offset, {
        seed: place.seed,
        position: place.position + offset,
        syncedBytes: place.syncedBytes,
      })
      fragments = type === frameTypes.fragment ? foldChecksum(fragments, checksum) : 0
      offset += frameHeaderBytes + view.getUint32(offset, true)
    }
    return bytes
  }

  /** Forgets everything. */
  reset(): void {
    this.#writer.reset(keptBytesMax)
    this.#batchStart = -1
  }

  #frame(offset: number, type: number, sequence: number, payloadBytes: number): void {
    this.#writer.setU32(offset, payloadBytes)
    this.#writer.setU32(offset + 8, frameWord(type))
    this.#writer.setU32(offset + 12, sequence)
  }

  /** Makes room for the headers of all fragments but the first, from the last one back, and adds the commit frame. */
  #split(start: number, payloadBytes: number): void {
    const size = this.#fragmentBytes
    const count = Math.ceil(payloadBytes / size)
    const payloadStart = start + frameHeaderBytes
    this.#writer.reserve((count - 1) * frameHeaderBytes)
    const bytes = this.#writer.view()
    for (let i = count - 1; i >= 0; i--) {
      const from = payloadStart + i * size
      const to = Math.min(from + size, payloadStart + payloadBytes)
      if (i > 0) bytes.copyWithin(from + i * frameHeaderBytes, from, to)
      this.#frame(start + i * (size + frameHeaderBytes), frameTypes.fragment, i, to - from)
    }
    const commit = this.#writer.reserve(frameHeaderBytes)
    this.#frame(commit, frameTypes.commit, count, commitPayloadBytes)
    this.#writer.u64(this.#opId)
    this.#writer.u64(payloadBytes)
    this.#writer.u32(count)
    this.#writer.u32(0)
  }
}

const checksumWord = new Uint8Array(4)
const checksumView = new DataView(checksumWord.buffer)

/** The checksum of fragment checksums: CRC-32 of each, end to end. */
export function foldChecksum(folded: number, checksum: number): number {
  checksumView.setUint32(0, checksum, true)
  return crc32(checksumWord, folded)
}

function alignUp(bytes: number): number {
  return bytes + ((8 - (bytes % 8)) % 8)
}
