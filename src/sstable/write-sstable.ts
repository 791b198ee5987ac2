import { requireOptions } from '../base/call-options.ts'
import { VarveError } from '../base/errors.ts'
import { fileError } from '../base/file-error.ts'
import { describeValue } from '../schema/column-value.ts'
import type { KeyBlock, RowBlock } from '../schema/column-vector.ts'
import { compareKeys, decodeKey, encodeKeys, gatherKeys, hashKeys, keyBytes, keyLayout } from '../schema/key-encoding.ts'
import { partitionRows } from '../schema/partitioner.ts'
import { type RowEncoder, rowEncoder } from '../schema/row-encoder.ts'
import { type InsertRow, schemaFromDefinition, type TableDefinition } from '../schema/table-definition.ts'
import type { TableSchema } from '../schema/table-schema.ts'
import { sliceBlock } from '../schema/vector-ops.ts'
import { diskVfs } from '../vfs/disk-vfs.ts'
import type { AppendFile, Vfs } from '../vfs/vfs.ts'
import type { Codec } from './codec.ts'
import { rowsPerGroupFor } from './rows-per-group.ts'
import { defaultRowsPerGroup } from './sstable.ts'
import { SSTableWriter } from './sstable-writer.ts'

export interface WriteSSTableOptions {
  /** Where the file goes; default: the disk. */
  readonly vfs?: Vfs
  /** Rows of each row group but the last; by default as many, up to 8192, as take half a MiB, but 128 at least. */
  readonly rowsPerGroup?: number
  /** Tried on every block on top of its encoding; none by default. */
  readonly codec?: Codec
}

export interface WrittenSSTable {
  readonly rows: number
  readonly sizeBytes: number
}

type Rows<T> = Iterable<InsertRow<T>> | AsyncIterable<InsertRow<T>>

/**
 * Writes rows to an SSTable outside of any database, for `table.ingest`. They come in ascending order of their keys, each key
 * once; defaults are applied as by an insert. The file must not exist; it is synced when the promise resolves.
 *
 * Rejects with INVALID_VALUE { table, column, rowIndex }, a TypeError for rows out of order, for a key that comes twice and for
 * no rows at all, DISK_FULL or IO_ERROR; then there is no file, but one that was there before.
 */
export async function writeSSTable<T extends TableDefinition>(
  path: string,
  definition: T,
  rows: Rows<T>,
  o: WriteSSTableOptions = {},
): Promise<WrittenSSTable> {
  requireArguments(path, definition, rows, o)
  const { vfs = diskVfs() } = o
  const schema = schemaFromDefinition(definition, { tableId: 0 })
  const file = await vfs.create(path).catch((thrown: unknown) => {
    throw creationError(path, fileError(thrown))
  })
  const groups = new GroupWriter(schema, file, o)
  try {
    let group: object[] = []
    for await (const row of rows as AsyncIterable<object>) {
      group.push(row)
      if (group.length < groups.rowsWanted) continue
      await groups.add(group)
      group = []
    }
    if (group.length > 0) await groups.add(group)
    return await groups.finish()
  } catch (thrown) {
    await groups.abort().catch(() => undefined)
    await vfs.remove(path).catch(() => undefined)
    throw fileError(thrown)
  }
}

function requireArguments(path: unknown, definition: unknown, rows: unknown, o: unknown): void {
  if (typeof path !== 'string' || path === '')
    throw new TypeError(`writeSSTable takes the path of a file first; got ${describeValue(path)}.`)
  const { columns } = (definition ?? {}) as { columns?: unknown }
  if (typeof columns !== 'object' || columns === null)
    throw new TypeError(`writeSSTable takes what defineTable(…) returns after the path; got ${describeValue(definition)}.`)
  const { [Symbol.iterator]: some, [Symbol.asyncIterator]: more } = Object(rows) as Partial<Iterable<unknown> & AsyncIterable<unknown>>
  if (typeof rows !== 'object' || (some ?? more) === undefined)
    throw new TypeError(`writeSSTable takes an array of rows, or another (asynchronous) iterable of them; got ${describeValue(rows)}.`)
  requireOptions('writeSSTable', o, ['vfs', 'rowsPerGroup', 'codec'])
  const { rowsPerGroup = 1 } = o as WriteSSTableOptions
  // Before rows are collected for the first group: there might be no end of them.
  if (!Number.isInteger(rowsPerGroup) || rowsPerGroup < 1 || rowsPerGroup > defaultRowsPerGroup)
    throw new TypeError(`rowsPerGroup is a whole number from 1 to ${defaultRowsPerGroup}; got ${describeValue(rowsPerGroup)}.`)
}

/** As the error of a file that cannot be made, but for what the caller can mend. */
function creationError(path: string, error: Error): Error {
  const { systemCode, call } = error instanceof VarveError ? error.context : {}
  if (systemCode !== 'EEXIST' && systemCode !== 'ENOENT') return error
  const problem =
    systemCode === 'EEXIST' ? 'it is there already. Choose another path, or remove it first' : 'there is no such directory. Make it first'
  return new VarveError('IO_ERROR', `${path} cannot be written: ${problem}.`, { context: { path, call, systemCode }, cause: error })
}

/** The tablet (partition) to which each of some rows belongs: a file to be ingested holds rows of one. */
export function partitionsOf<T extends TableDefinition>(definition: T, rows: readonly InsertRow<T>[]): number[] {
  const schema = schemaFromDefinition(definition, { tableId: 0 })
  const block = rowEncoder(schema).encode(rows as readonly object[])
  const partitions = partitionRows(schema, block, encodeKeys(schema, block))
  return partitions ? [...partitions] : rows.map(() => 0)
}

class GroupWriter {
  readonly #schema: TableSchema
  readonly #file: AppendFile
  readonly #o: WriteSSTableOptions
  readonly #encoder: RowEncoder
  /** There once the first rows have come: they say how many go into a row group. */
  #writer: SSTableWriter | undefined
  #rowsPerGroup: number
  #last: KeyBlock | undefined
  #rowCount = 0

  constructor(schema: TableSchema, file: AppendFile, o: WriteSSTableOptions) {
    this.#schema = schema
    this.#file = file
    this.#o = o
    this.#encoder = rowEncoder(schema)
    this.#rowsPerGroup = o.rowsPerGroup ?? defaultRowsPerGroup
  }

  /** How many rows to `add` at a time; fewer are the last. */
  get rowsWanted(): number {
    return this.#rowsPerGroup
  }

  async add(rows: readonly object[]): Promise<void> {
    const block = this.#encode(rows)
    this.#writer ??= this.#begin(block)
    for (let from = 0; from < block.rowCount; from += this.#rowsPerGroup)
      await this.#addGroup(this.#writer, sliceBlock(block, from, Math.min(block.rowCount, from + this.#rowsPerGroup)))
  }

  async finish(): Promise<WrittenSSTable> {
    if (!this.#writer) throw new TypeError(`An SSTable needs at least one row; ${this.#file.path} was given none.`)
    const { rows, sizeBytes } = await this.#writer.finish()
    return { rows, sizeBytes }
  }

  async abort(): Promise<void> {
    await (this.#writer ? this.#writer.abort() : this.#file.close())
  }

  #begin({ columns }: RowBlock): SSTableWriter {
    const { rowsPerGroup = rowsPerGroupFor(columns), codec } = this.#o
    this.#rowsPerGroup = rowsPerGroup
    return new SSTableWriter(this.#file, { schema: this.#schema, rowsPerGroup, ...(codec && { codec }) })
  }

  async #addGroup(writer: SSTableWriter, rows: RowBlock): Promise<void> {
    const keys = encodeKeys(this.#schema, rows)
    this.#checkOrder(keys)
    const timestamps = new Float64Array(rows.rowCount)
    await writer.addGroup({ rows, keys, hashes: hashKeys(keys), timestamps })
    this.#last = gatherKeys(keys, Int32Array.of(keys.count - 1))
    this.#rowCount += rows.rowCount
  }

  #encode(group: readonly object[]) {
    try {
      return this.#encoder.encode(group)
    } catch (error) {
      const { rowIndex } = error instanceof VarveError ? error.context : {}
      if (!(error instanceof VarveError) || typeof rowIndex !== 'number' || this.#rowCount === 0) throw error
      const index = this.#rowCount + rowIndex
      throw new VarveError(error.code, error.message.replace(`row ${rowIndex}`, `row ${index}`), {
        context: { ...error.context, rowIndex: index },
        cause: error,
      })
    }
  }

  #checkOrder(keys: KeyBlock): void {
    if (this.#last && compareKeys(this.#last, 0, keys, 0) >= 0) throw this.#disorder(keys, 0)
    for (let i = 1; i < keys.count; i++) if (compareKeys(keys, i - 1, keys, i) >= 0) throw this.#disorder(keys, i)
  }

  #disorder(keys: KeyBlock, i: number): TypeError {
    const key = decodeKey(this.#schema, keyBytes(keys, i, keyLayout(this.#schema)))
      .map(String)
      .join(', ')
    return new TypeError(
      `Row ${this.#rowCount + i}, with the key (${key}), does not come after the one before it. Give rows in ascending order of their keys, each key once.`,
    )
  }
}
