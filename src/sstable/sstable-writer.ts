import { systemCode, VarveError } from '../base/errors.ts'
import type { ColumnKind, ColumnVector, KeyBlock } from '../schema/column-vector.ts'
import { compareKeys, keyBytes, keyLayout, keysFromBytes } from '../schema/key-encoding.ts'
import type { TableSchema } from '../schema/table-schema.ts'
import type { AppendFile } from '../vfs/vfs.ts'
import { sealBlock } from './block.ts'
import { blockEncodings } from './block-encoding.ts'
import { BloomFilter } from './bloom-filter.ts'
import type { Codec } from './codec.ts'
import { encodeColumn } from './column-block.ts'
import { fileHeader, fileTrailer } from './file-frame.ts'
import { PayloadWriter } from './payload-writer.ts'
import { defaultRowsPerGroup, type RowGroup, type SSTableSummary } from './sstable.ts'
import { type DirectoryEntry, writeMetadata } from './sstable-metadata.ts'

export interface SSTableWriterOptions {
  readonly schema: TableSchema
  /** Rows in each group but the last; 8192 by default. */
  readonly rowsPerGroup?: number
  /** Tried on every block on top of its encoding; none by default. */
  readonly codec?: Codec
  /** Size of the bloom filter; 10 by default, where about 1 in 100 absent keys pass. */
  readonly bloomBitsPerKey?: number
}

const appendBytesMin = 256 * 1024

/**
 * Writes one SSTable: row groups in key order, then the filter, the metadata and the trailer. Takes over the file,
 * which must be new; `finish` or `abort` ends it. A failed append makes the file worthless: `abort`, and remove it.
 * Row groups are checked for shape and strict key order (TypeError); values are trusted to have been validated.
 */
export class SSTableWriter {
  readonly #file: AppendFile
  readonly #schema: TableSchema
  readonly #rowsPerGroup: number
  readonly #codec: Codec | undefined
  readonly #bloomBitsPerKey: number
  readonly #payload = new PayloadWriter()
  readonly #blocks: DirectoryEntry[] = []
  readonly #firstKeys: Uint8Array[] = []
  readonly #hashes: Uint32Array[] = []
  #pending: Uint8Array[] = []
  #pendingBytes = 0
  #sizeBytes = 0
  #rows = 0
  /** The greatest key so far, as a block of one. */
  #lastKey: KeyBlock | undefined
  #minTimestamp = Infinity
  #maxTimestamp = -Infinity
  #state: 'writing' | 'finished' | 'failed' = 'writing'

  constructor(file: AppendFile, o: SSTableWriterOptions) {
    this.#file = file
    this.#schema = o.schema
    this.#rowsPerGroup = o.rowsPerGroup ?? defaultRowsPerGroup
    this.#codec = o.codec?.name === 'none' ? undefined : o.codec
    this.#bloomBitsPerKey = o.bloomBitsPerKey ?? 10
    if (!Number.isSafeInteger(this.#rowsPerGroup) || this.#rowsPerGroup < 1 || this.#rowsPerGroup > 1 << 20)
      throw new TypeError('rowsPerGroup must be a whole number from 1 to 1,048,576.')
    if (!(this.#bloomBitsPerKey > 0 && this.#bloomBitsPerKey <= 64)) throw new TypeError('bloomBitsPerKey must be above 0 and at most 64.')
    if (file.sizeBytes !== 0) throw new TypeError(`${file.path} is not empty: an SSTable is written to a new file.`)
    this.#put(fileHeader())
  }

  /** Rows taken so far. */
  get rows(): number {
    return this.#rows
  }

  /** Bytes of the file so far, buffered ones included, without what `finish` adds. */
  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** Encodes and buffers a row group, and writes once enough is buffered. Its arrays may be used again afterwards. */
  async addGroup(group: RowGroup): Promise<void> {
    this.#mustBeWriting()
    this.#check(group)
    const { rows, timestamps } = group
    this.#schema.columns.forEach((column, position) => {
      this.#putColumn(rows.columns[position] as ColumnVector, column.kind)
    })
    this.#putColumn({ form: 'fixed', length: rows.rowCount, values: timestamps, nulls: undefined }, 'timestamp')
    this.#noteTimestamps()
    this.#firstKeys.push(keyBytes(group.keys, 0, keyLayout(this.#schema)))
    this.#hashes.push(group.hashes.slice(0, rows.rowCount))
    this.#lastKey = keysFromBytes(this.#schema, [keyBytes(group.keys, rows.rowCount - 1, keyLayout(this.#schema))])
    this.#rows += rows.rowCount
    if (this.#pendingBytes >= appendBytesMin) await this.#append()
  }

  /** Writes the rest, syncs and closes the file. A table without rows is a TypeError: it needs no file. */
  async finish(): Promise<SSTableSummary> {
    this.#mustBeWriting()
    if (this.#lastKey === undefined) throw new TypeError('An SSTable needs at least one row; abort the writer instead.')
    const maxKey = keyBytes(this.#lastKey, 0, keyLayout(this.#schema))
    const filterBytes = this.#putFilter()
    writeMetadata(this.#payload, {
      schema: this.#schema,
      codecName: this.#codec?.name ?? 'none',
      rows: this.#rows,
      rowsPerGroup: this.#rowsPerGroup,
      filterBytes,
      firstKeys: this.#firstKeys,
      maxKey,
      blocks: this.#blocks,
    })
    const offset = this.#sizeBytes
    const metadata = sealBlock(this.#payload.view(), {
      ordinal: this.#blocks.length + 1,
      rows: this.#rows,
      encoding: blockEncodings.metadata,
      hasNulls: false,
      codec: undefined,
    })
    this.#put(metadata)
    this.#put(fileTrailer(offset, metadata.length))
    await this.#append()
    await this.#guard(this.#file.sync())
    await this.#guard(this.#file.close())
    this.#state = 'finished'
    return {
      rows: this.#rows,
      sizeBytes: this.#sizeBytes,
      minKey: this.#firstKeys[0] as Uint8Array,
      maxKey,
      minTimestamp: this.#minTimestamp,
      maxTimestamp: this.#maxTimestamp,
    }
  }

  /** Closes the file unfinished; the caller removes it. Idempotent, and nothing after `finish`. */
  async abort(): Promise<void> {
    if (this.#state === 'finished') return
    this.#state = 'failed'
    this.#pending = []
    await this.#file.close()
  }

  #mustBeWriting(): void {
    if (this.#state !== 'writing') throw new TypeError(`The SSTable writer of ${this.#file.path} has ${this.#state}; make a new one.`)
  }

  #check({ rows, keys, hashes, timestamps }: RowGroup): void {
    const count = rows.rowCount
    if (this.#rows % this.#rowsPerGroup !== 0)
      throw new TypeError(`Only the last row group may have fewer than ${this.#rowsPerGroup} rows.`)
    if (count < 1 || count > this.#rowsPerGroup) throw new TypeError(`A row group has 1 to ${this.#rowsPerGroup} rows, not ${count}.`)
    if (keys.count !== count || hashes.length < count || timestamps.length !== count)
      throw new TypeError(`Keys, hashes and timestamps of a row group must be as many as its ${count} rows.`)
    if (rows.columns.length !== this.#schema.columns.length)
      throw new TypeError(`A row group of ${this.#schema.name} has ${this.#schema.columns.length} columns, not ${rows.columns.length}.`)
    this.#schema.columns.forEach(({ name, kind }, position) => {
      const vector = rows.columns[position] as ColumnVector
      const fixed = kind !== 'string' && kind !== 'binary'
      if (vector.length !== count || (vector.form === 'fixed') !== fixed)
        throw new TypeError(`Column ${name} of a row group must be a ${fixed ? 'fixed' : 'bytes or dictionary'} vector of ${count} rows.`)
    })
    if (this.#lastKey !== undefined && compareKeys(this.#lastKey, 0, keys, 0) >= 0)
      throw new TypeError('Row groups must be added in ascending key order.')
    for (let i = 1; i < count; i++)
      if (compareKeys(keys, i - 1, keys, i) >= 0) throw new TypeError(`Keys ${i - 1} and ${i} of a row group are not in ascending order.`)
  }

  #putColumn(vector: ColumnVector, kind: ColumnKind): void {
    const { encoding, zoneMap } = encodeColumn(this.#payload, vector, kind)
    const block = sealBlock(this.#payload.view(), {
      ordinal: this.#blocks.length,
      rows: vector.length,
      encoding,
      hasNulls: zoneMap.nullCount > 0,
      codec: this.#codec,
    })
    this.#put(block)
    this.#blocks.push({ sizeBytes: block.length, encoding, compressed: block[21] === 1, zoneMap })
  }

  #noteTimestamps(): void {
    const { min, max } = (this.#blocks.at(-1) as DirectoryEntry).zoneMap
    this.#minTimestamp = Math.min(this.#minTimestamp, min as number)
    this.#maxTimestamp = Math.max(this.#maxTimestamp, max as number)
  }

  #putFilter(): number {
    const filter = BloomFilter.sized(this.#rows, this.#bloomBitsPerKey)
    for (const hashes of this.#hashes) filter.add(hashes)
    const words = new Uint8Array(filter.words.buffer)
    const block = sealBlock(words, {
      ordinal: this.#blocks.length,
      rows: this.#rows,
      encoding: blockEncodings.filter,
      hasNulls: false,
      codec: undefined,
    })
    this.#put(block)
    return block.length
  }

  #put(bytes: Uint8Array): void {
    this.#pending.push(bytes)
    this.#pendingBytes += bytes.length
    this.#sizeBytes += bytes.length
  }

  async #append(): Promise<void> {
    const bytes = new Uint8Array(this.#pendingBytes)
    let at = 0
    for (const part of this.#pending) {
      bytes.set(part, at)
      at += part.length
    }
    this.#pending = []
    this.#pendingBytes = 0
    await this.#guard(this.#file.append(bytes))
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
