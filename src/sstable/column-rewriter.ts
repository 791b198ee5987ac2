import type { ColumnVector } from '../schema/column-vector.ts'
import type { TableSchema } from '../schema/table-schema.ts'
import { defaultVector } from '../schema/vector-ops.ts'
import type { AppendFile } from '../vfs/vfs.ts'
import { renumberBlock } from './block.ts'
import type { Codec } from './codec.ts'
import { encodeColumn } from './column-block.ts'
import { PayloadWriter } from './payload-writer.ts'
import type { SSTableSummary } from './sstable.ts'
import type { SSTableReader } from './sstable-reader.ts'
import { TableFile } from './table-file.ts'

export interface ColumnRewriterOptions {
  /** The table to be copied; open. */
  readonly source: SSTableReader
  /** The one that the source is read with: columns that it lacks are written with their default, others left out. */
  readonly schema: TableSchema
  /** For new blocks. A source that was written with a codec keeps it, as blocks are copied as they are. */
  readonly codec?: Codec
}

/**
 * Writes a copy of an SSTable in which some columns have other values. Rows, their ids and keys, insert timestamps and
 * the bloom filter are the source's, and so are the bytes of every column block that is not replaced; they are checked on
 * the way. Takes over the file, which must be new; `finish` or `abort` ends it, and a failure makes it worthless.
 */
export class ColumnRewriter {
  readonly #file: TableFile
  readonly #source: SSTableReader
  readonly #schema: TableSchema
  readonly #codec: Codec | undefined
  readonly #payload = new PayloadWriter()
  #group = 0
  #minTimestamp = Number.POSITIVE_INFINITY
  #maxTimestamp = Number.NEGATIVE_INFINITY

  constructor(file: AppendFile, { source, schema, codec }: ColumnRewriterOptions) {
    this.#source = source
    this.#schema = schema
    this.#codec = source.codec ?? (codec?.name === 'none' ? undefined : codec)
    this.#file = new TableFile(file)
  }

  /** Copies the next row group; `replaced` has, by position in the schema, whole columns of it. Key columns must stay (TypeError). */
  async addGroup(replaced: ReadonlyMap<number, ColumnVector>): Promise<void> {
    this.#file.mustBeWriting()
    const group = this.#group
    const rowCount = this.#source.groupRowCount(group)
    this.#check(replaced, rowCount)
    this.#group++
    const kept = this.#schema.columns.map((_, position) => position).filter((position) => !replaced.has(position))
    const { columns, timestamps } = await this.#source.loadStored(group, kept)
    this.#schema.columns.forEach((column, position) => {
      const stored = columns.get(position)
      if (stored === undefined) this.#encode(replaced.get(position) ?? defaultVector(column, rowCount), position)
      else this.#file.putBlock(renumberBlock(stored.bytes, this.#file.nextOrdinal), stored)
    })
    this.#file.putBlock(renumberBlock(timestamps.bytes, this.#file.nextOrdinal), timestamps)
    const { min, max } = this.#source.timestampRange(group)
    this.#minTimestamp = Math.min(this.#minTimestamp, min)
    this.#maxTimestamp = Math.max(this.#maxTimestamp, max)
    await this.#file.settle()
  }

  /** Writes the rest, syncs and closes the file. Every group must have been copied (TypeError). */
  async finish(): Promise<SSTableSummary> {
    this.#file.mustBeWriting()
    const { groupCount, rowCount: rows, rowsPerGroup, metadata, minKey, maxKey } = this.#source
    if (this.#group !== groupCount) throw new TypeError(`Only ${this.#group} of ${groupCount} row groups were copied.`)
    const { words } = await this.#source.loadFilter()
    const sizeBytes = await this.#file.finish(new Uint8Array(words.buffer, words.byteOffset, words.byteLength), {
      schema: this.#schema,
      codecName: this.#codec?.name ?? 'none',
      rows,
      rowsPerGroup,
      firstKeys: metadata.firstKeys,
      maxKey,
    })
    return { rows, sizeBytes, minKey, maxKey, minTimestamp: this.#minTimestamp, maxTimestamp: this.#maxTimestamp }
  }

  /** Closes the file unfinished; the caller removes it. Idempotent, and nothing after `finish`. */
  abort(): Promise<void> {
    return this.#file.abort()
  }

  #check(replaced: ReadonlyMap<number, ColumnVector>, rowCount: number): void {
    for (const [position, vector] of replaced) {
      const column = this.#schema.columns[position]
      if (column === undefined) throw new TypeError(`Table ${this.#schema.name} has no column at position ${position}.`)
      if (this.#schema.keyColumns.includes(position)) throw new TypeError(`Key column ${column.name} cannot be rewritten.`)
      const fixed = column.kind !== 'string' && column.kind !== 'binary'
      if (vector.length !== rowCount || (vector.form === 'fixed') !== fixed)
        throw new TypeError(`Column ${column.name} must be a ${fixed ? 'fixed' : 'bytes or dictionary'} vector of ${rowCount} rows.`)
    }
  }

  #encode(vector: ColumnVector, position: number): void {
    const { kind } = this.#schema.columns[position] as TableSchema['columns'][number]
    const encoded = encodeColumn(this.#payload, vector, kind)
    this.#file.putColumn(this.#payload.view(), encoded, { rows: vector.length, codec: this.#codec })
  }
}
