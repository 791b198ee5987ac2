import type { ColumnKind, ColumnVector, KeyBlock } from '../schema/column-vector.ts'
import { compareKeys, keyBytes, keyLayout, keysFromBytes } from '../schema/key-encoding.ts'
import type { TableSchema } from '../schema/table-schema.ts'
import type { AppendFile } from '../vfs/vfs.ts'
import { BloomFilter } from './bloom-filter.ts'
import type { Codec } from './codec.ts'
import { encodeColumn } from './column-block.ts'
import { PayloadWriter } from './payload-writer.ts'
import { defaultRowsPerGroup, type RowGroup, type SSTableSummary } from './sstable.ts'
import { TableFile } from './table-file.ts'

export interface SSTableWriterOptions {
  readonly schema: TableSchema
  /** Rows in each group but the last; 8192 by default. */
  readonly rowsPerGroup?: number
  /** Tried on every block on top of its encoding; none by default. */
  readonly codec?: Codec
  /** Size of the bloom filter; 10 by default, where about 1 in 100 absent keys pass. Below 1 all do, and hashes are not kept. */
  readonly bloomBitsPerKey?: number
}

/**
 * Writes one SSTable: row groups in key order, then the filter, the metadata and the trailer. Takes over the file,
 * which must be new; `finish` or `abort` ends it. A failed append makes the file worthless: `abort`, and remove it.
 * Row groups are checked for shape and strict key order (TypeError); values are trusted to have been validated.
 */
export class SSTableWriter {
  readonly #file: TableFile
  readonly #schema: TableSchema
  readonly #rowsPerGroup: number
  readonly #codec: Codec | undefined
  readonly #bloomBitsPerKey: number
  readonly #payload = new PayloadWriter()
  readonly #firstKeys: Uint8Array[] = []
  readonly #hashes: Uint32Array[] = []
  #rows = 0
  /** The greatest key so far, as a block of one. */
  #lastKey: KeyBlock | undefined
  #minTimestamp = Infinity
  #maxTimestamp = -Infinity

  constructor(file: AppendFile, o: SSTableWriterOptions) {
    this.#schema = o.schema
    this.#rowsPerGroup = o.rowsPerGroup ?? defaultRowsPerGroup
    this.#codec = o.codec?.name === 'none' ? undefined : o.codec
    this.#bloomBitsPerKey = o.bloomBitsPerKey ?? 10
    if (!Number.isSafeInteger(this.#rowsPerGroup) || this.#rowsPerGroup < 1 || this.#rowsPerGroup > 1 << 20)
      throw new TypeError('rowsPerGroup must be a whole number from 1 to 1,048,576.')
    if (!(this.#bloomBitsPerKey > 0 && this.#bloomBitsPerKey <= 64)) throw new TypeError('bloomBitsPerKey must be above 0 and at most 64.')
    this.#file = new TableFile(file)
  }

  /** Rows taken so far. */
  get rows(): number {
    return this.#rows
  }

  /** Bytes of the file so far, buffered ones included, without what `finish` adds. */
  get sizeBytes(): number {
    return this.#file.sizeBytes
  }

  /** Encodes and buffers a row group, and writes once enough is buffered. Its arrays may be used again afterwards. */
  async addGroup(group: RowGroup): Promise<void> {
    this.#file.mustBeWriting()
    this.#check(group)
    const { rows, timestamps } = group
    this.#schema.columns.forEach((column, position) => {
      this.#putColumn(rows.columns[position] as ColumnVector, column.kind)
    })
    this.#putColumn({ form: 'fixed', length: rows.rowCount, values: timestamps, nulls: undefined }, 'timestamp')
    this.#noteTimestamps()
    this.#firstKeys.push(keyBytes(group.keys, 0, keyLayout(this.#schema)))
    if (this.#bloomBitsPerKey >= 1) this.#hashes.push(group.hashes.slice(0, rows.rowCount))
    this.#lastKey = keysFromBytes(this.#schema, [keyBytes(group.keys, rows.rowCount - 1, keyLayout(this.#schema))])
    this.#rows += rows.rowCount
    await this.#file.settle()
  }

  /** Writes the rest, syncs and closes the file. A table without rows is a TypeError: it needs no file. */
  async finish(): Promise<SSTableSummary> {
    this.#file.mustBeWriting()
    if (this.#lastKey === undefined) throw new TypeError('An SSTable needs at least one row; abort the writer instead.')
    const maxKey = keyBytes(this.#lastKey, 0, keyLayout(this.#schema))
    const filter = BloomFilter.sized(this.#rows, this.#bloomBitsPerKey)
    if (this.#bloomBitsPerKey < 1) filter.words.fill(0xffffffff)
    for (const hashes of this.#hashes) filter.add(hashes)
    const sizeBytes = await this.#file.finish(new Uint8Array(filter.words.buffer), {
      schema: this.#schema,
      codecName: this.#codec?.name ?? 'none',
      rows: this.#rows,
      rowsPerGroup: this.#rowsPerGroup,
      firstKeys: this.#firstKeys,
      maxKey,
    })
    return {
      rows: this.#rows,
      sizeBytes,
      minKey: this.#firstKeys[0] as Uint8Array,
      maxKey,
      minTimestamp: this.#minTimestamp,
      maxTimestamp: this.#maxTimestamp,
    }
  }

  /** Closes the file unfinished; the caller removes it. Idempotent, and nothing after `finish`. */
  abort(): Promise<void> {
    return this.#file.abort()
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
    const encoded = encodeColumn(this.#payload, vector, kind)
    this.#file.putColumn(this.#payload.view(), encoded, { rows: vector.length, codec: this.#codec })
  }

  #noteTimestamps(): void {
    const { min, max } = this.#file.lastBlock.zoneMap
    this.#minTimestamp = Math.min(this.#minTimestamp, min as number)
    this.#maxTimestamp = Math.max(this.#maxTimestamp, max as number)
  }
}
