import type { TableSchema } from '../schema/table-schema.ts'
import type { AppendFile } from '../vfs/vfs.ts'
import { renumberBlock } from './block.ts'
import type { StoredBlock } from './block-loader.ts'
import { encodeColumn } from './column-block.ts'
import { PayloadWriter } from './payload-writer.ts'
import type { SSTableReader } from './sstable-reader.ts'
import { TableFile, type UnsealedTable } from './table-file.ts'

/**
 * Copies an SSTable that was written elsewhere, so that it becomes one of a table: column blocks keep their bytes, columns take
 * the ids of the table's. When its rows were committed is not known yet: the copy is left unsealed, and `sealTable` says it.
 * Takes over the file, which must be new; a failure makes it worthless.
 */
export class TableCopy {
  readonly #file: TableFile
  readonly #source: SSTableReader
  readonly #schema: TableSchema
  #group = 0

  /** `source` is read with columns at the same positions as in `schema`, and has all of them. */
  constructor(file: AppendFile, o: { readonly source: SSTableReader; readonly schema: TableSchema }) {
    this.#file = new TableFile(file)
    this.#source = o.source
    this.#schema = o.schema
  }

  /** Copies the next row group, checking its blocks. */
  async addGroup(): Promise<void> {
    const group = this.#group++
    const positions = this.#schema.columns.map((_, position) => position)
    const { columns } = await this.#source.loadStored(group, positions)
    for (const position of positions) {
      const stored = columns.get(position) as StoredBlock
      this.#file.putBlock(renumberBlock(stored.bytes, this.#file.nextOrdinal), stored)
    }
    this.#putNoTimestamps(this.#source.groupRowCount(group))
    await this.#file.settle()
  }

  /** Writes the rest but for what `sealTable` adds; syncs and closes the file. */
  async finish(): Promise<UnsealedTable> {
    const { rowCount: rows, rowsPerGroup, metadata } = this.#source
    const { words } = await this.#source.loadFilter()
    return this.#file.finishUnsealed(new Uint8Array(words.buffer, words.byteOffset, words.byteLength), {
      schema: this.#schema,
      codecName: metadata.codecName,
      rows,
      rowsPerGroup,
      firstKeys: metadata.firstKeys,
      maxKey: metadata.maxKey,
    })
  }

  /** The block of insert timestamps, which nobody will ask. */
  #putNoTimestamps(rows: number): void {
    const payload = new PayloadWriter()
    const values = new Float64Array(rows)
    const encoded = encodeColumn(payload, { form: 'fixed', length: rows, values, nulls: undefined }, 'timestamp')
    this.#file.putColumn(payload.view(), encoded, { rows, codec: undefined })
  }
}
