/**
 * The bytes of an SSTable as they come into being: the header, blocks one after the other, then filter, metadata and
 * trailer. Whoever writes a table says what the blocks are; here they get their numbers and reach the file.
 */
import { ByteWriter } from '../base/byte-writer.ts'
import { invariant, systemCode, VarveError } from '../base/errors.ts'
import type { AppendFile } from '../vfs/vfs.ts'
import { isCompressed, sealBlock, sealBlockIn } from './block.ts'
import { blockEncodings, type EncodedColumn } from './block-encoding.ts'
import type { Codec } from './codec.ts'
import { fileHeader, fileTrailer } from './file-frame.ts'
import { PayloadWriter } from './payload-writer.ts'
import { type DirectoryEntry, type MetadataInput, writeMetadata } from './sstable-metadata.ts'

const appendBytesMin = 256 * 1024
/** The most that is kept of the buffer once it is written: more than usual row groups take. */
const pendingBytesKept = 2 * 1024 * 1024

/** A table whose metadata and trailer are still to be written. Plain data. */
export interface UnsealedTable {
  /** Of the metadata block. */
  readonly payload: Uint8Array
  readonly ordinal: number
  readonly rows: number
  /** Bytes of the file so far. */
  readonly sizeBytes: number
}

/** What an SSTable ends with, behind its filter: the metadata block and the trailer. */
function tableEnd({ payload, ordinal, rows, sizeBytes }: UnsealedTable): readonly [Uint8Array, Uint8Array] {
  const block = sealBlock(payload, { ordinal, encoding: blockEncodings.metadata, rows, hasNulls: false, codec: undefined })
  return [block, fileTrailer(sizeBytes, block.length)]
}

/**
 * Makes an unsealed file an SSTable all of whose rows were committed at a timestamp; writes and syncs it, and closes it in any
 * case. Its size.
 */
export async function sealTable(file: AppendFile, unsealed: UnsealedTable, commitTimestamp: number): Promise<number> {
  await using table = file
  invariant(
    table.sizeBytes === unsealed.sizeBytes,
    `${table.path} has ${table.sizeBytes} bytes, and was written with ${unsealed.sizeBytes}`,
  )
  const payload = new PayloadWriter()
  payload.bytes(unsealed.payload)
  payload.varint(commitTimestamp)
  const [block, trailer] = tableEnd({ ...unsealed, payload: payload.view() })
  const bytes = new Uint8Array(block.length + trailer.length)
  bytes.set(block)
  bytes.set(trailer, block.length)
  await table.append(bytes)
  await table.sync()
  return table.sizeBytes
}

/** Takes over the file, which must be new; `finish` or `abort` ends it. */
export class TableFile {
  readonly #file: AppendFile
  readonly #blocks: DirectoryEntry[] = []
  /** What is not in the file yet. Used again once it is: a table costs no memory for each block. */
  readonly #pending = new ByteWriter()
  #sizeBytes = 0
  #state: 'writing' | 'finished' | 'failed' = 'writing'

  constructor(file: AppendFile) {
    if (file.sizeBytes !== 0) throw new TypeError(`${file.path} is not empty: an SSTable is written to a new file.`)
    this.#file = file
    this.#put(fileHeader())
  }

  /** Bytes of the file so far, buffered ones included. */
  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** The number that the next block must be sealed with. */
  get nextOrdinal(): number {
    return this.#blocks.length
  }

  /** The newest block, as the directory has it. */
  get lastBlock(): DirectoryEntry {
    return this.#blocks.at(-1) as DirectoryEntry
  }

  /** TypeError once the file is finished, or has failed. */
  mustBeWriting(): void {
    if (this.#state !== 'writing') throw new TypeError(`The SSTable writer of ${this.#file.path} has ${this.#state}; make a new one.`)
  }

  /** Buffers a copy of the next block of a column or of insert timestamps, sealed with `nextOrdinal`. */
  putBlock(block: Uint8Array, entry: Omit<DirectoryEntry, 'sizeBytes'>): void {
    this.#put(block)
    this.#blocks.push({ ...entry, sizeBytes: block.length })
  }

  /** Buffers the next block, sealed here. */
  putColumn(payload: Uint8Array, { encoding, zoneMap }: EncodedColumn, o: { rows: number; codec: Codec | undefined }): void {
    const seal = { ...o, ordinal: this.nextOrdinal, encoding, hasNulls: zoneMap.nullCount > 0 }
    const block = sealBlockIn(payload, seal, (sizeBytes) => this.#pending.view(this.#pending.reserve(sizeBytes)))
    this.#sizeBytes += block.length
    this.#blocks.push({ encoding, compressed: isCompressed(block), zoneMap, sizeBytes: block.length })
  }

  /** Writes what is buffered, if it is enough. A failure makes the file worthless: `abort`, and remove it. */
  async settle(): Promise<void> {
    if (this.#pending.length >= appendBytesMin) await this.#append()
  }

  /** Adds filter (the words of a `BloomFilter`), metadata and trailer, writes, syncs and closes the file. Its size. */
  async finish(filterWords: Uint8Array, metadata: Omit<MetadataInput, 'filterBytes' | 'blocks'>): Promise<number> {
    for (const bytes of tableEnd(this.#putFilter(filterWords, metadata))) this.#put(bytes)
    await this.#end()
    return this.#sizeBytes
  }

  /** As `finish`, without metadata and trailer: nobody takes the file for a table until `sealTable` has added them. */
  async finishUnsealed(filterWords: Uint8Array, metadata: Omit<MetadataInput, 'filterBytes' | 'blocks'>): Promise<UnsealedTable> {
    const unsealed = this.#putFilter(filterWords, metadata)
    await this.#end()
    return unsealed
  }

  #putFilter(filterWords: Uint8Array, metadata: Omit<MetadataInput, 'filterBytes' | 'blocks'>): UnsealedTable {
    const { rows } = metadata
    const ordinal = this.#blocks.length
    const filter = sealBlock(filterWords, { ordinal, encoding: blockEncodings.filter, rows, hasNulls: false, codec: undefined })
    this.#put(filter)
    const payload = new PayloadWriter()
    writeMetadata(payload, { ...metadata, filterBytes: filter.length, blocks: this.#blocks })
    return { payload: payload.view().slice(), ordinal: ordinal + 1, rows, sizeBytes: this.#sizeBytes }
  }

  async #end(): Promise<void> {
    await this.#append()
    await this.#guard(this.#file.sync())
    await this.#guard(this.#file.close())
    this.#state = 'finished'
  }

  /** Closes the file unfinished; the caller removes it. Idempotent, and nothing after `finish`. */
  async abort(): Promise<void> {
    if (this.#state === 'finished') return
    this.#state = 'failed'
    this.#pending.reset(0)
    await this.#file.close()
  }

  #put(bytes: Uint8Array): void {
    this.#pending.bytes(bytes)
    this.#sizeBytes += bytes.length
  }

  async #append(): Promise<void> {
    await this.#guard(this.#file.append(this.#pending.view()))
    this.#pending.reset(pendingBytesKept)
  }

  async #guard(work: Promise<void>): Promise<void> {
    try {
      await work
    } catch (cause) {
      this.#state = 'failed'
      if (systemCode(cause) !== 'ENOSPC') throw cause
      throw new VarveError('DISK_FULL', `The disk is full: ${this.#file.path} could not be written. Make room and try again.`, {
        context: { path: this.#file.path },
        cause,
      })
    }
  }
}
