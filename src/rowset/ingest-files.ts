/**
 * The work of an ingest that runs on a worker: SSTables that were written elsewhere are checked against a table and copied.
 *   1. each must be an SSTable with the columns and the key of the table, undamaged, its keys in order, all of one tablet
 *   2. no key may be in two of them, nor have a row, alive or dead, in what the tablet holds
 *   3. its blocks are copied to a file of the database, which is left unsealed: when its rows are committed is not known yet
 * What is written to the tablet meanwhile is held against the files afterwards, in further rounds without 1 and 3.
 * INGEST_REJECTED { table, path, problem, … } says what is wrong with which file.
 */
import { VarveError } from '../base/errors.ts'
import type { ColumnVector, KeyBlock } from '../schema/column-vector.ts'
import { decodeKey, encodeKeys, hashKeys, keyBytes, keyLayout } from '../schema/key-encoding.ts'
import { partitionRows } from '../schema/partitioner.ts'
import type { ColumnSchema, TableSchema } from '../schema/table-schema.ts'
import type { SSTableMetadata } from '../sstable/sstable-metadata.ts'
import type { SSTableReader } from '../sstable/sstable-reader.ts'
import { TableCopy } from '../sstable/table-copy.ts'
import type { UnsealedTable } from '../sstable/table-file.ts'
import { type JobFile, type JobFiles, type JobFilesOptions, withJobFiles } from './compaction/job-files.ts'
import { KeyProbe } from './key-probe.ts'
import { RowGather } from './mem-gather.ts'
import { type FrozenMemRowSet, MemRows } from './mem-rows.ts'
import { sortRows } from './sort-rows.ts'

/** What a tablet holds, or has come to hold since the round before. */
export interface HeldKeys {
  readonly tablet: number
  readonly rowsets: readonly JobFile[]
  /** Stores in memory, and the first of their rows that is new. */
  readonly stores: readonly { readonly rows: FrozenMemRowSet; readonly from: number }[]
}

/** What the job is given: plain data over shared memory. */
export interface IngestInput extends JobFilesOptions {
  readonly schema: TableSchema
  readonly sources: readonly string[]
  /** In the first round: the file to copy each source to, which must not exist. */
  readonly targets?: readonly string[]
  /** In later rounds: the tablet of each source. */
  readonly tablets?: readonly number[]
  readonly held: readonly HeldKeys[]
}

/** A source, as it was found and copied. */
export interface IngestedFile {
  readonly tablet: number
  readonly minKey: Uint8Array
  readonly maxKey: Uint8Array
  /** Only of the first round. */
  readonly copy: UnsealedTable | undefined
}

const rowsPerSlice = 8192

/** Copies are synced when it resolves, their directory is not. If it rejects, it has removed them. */
export function ingestFiles(input: IngestInput, signal?: AbortSignal): Promise<IngestedFile[]> {
  return withJobFiles(input, { signal }, async (files) => {
    const sources: Source[] = []
    for (const [i, path] of input.sources.entries()) {
      const source = await Source.open(files, { path, number: -1 - i, schema: input.schema })
      source.tablet = input.tablets?.[i] ?? (await source.check())
      sources.push(source)
    }
    if (input.targets) await compareSources(sources)
    for (const held of input.held) {
      const placed = sources.filter(({ tablet }) => tablet === held.tablet)
      if (placed.length > 0) await compareWithHeld(files, input.schema, held, placed)
    }
    const ingested: IngestedFile[] = []
    for (const [i, source] of sources.entries()) {
      const { minKey, maxKey } = source.reader
      const target = input.targets?.[i]
      const copy = target === undefined ? undefined : await source.copyTo(target)
      ingested.push({ tablet: source.tablet, minKey, maxKey, copy })
    }
    return ingested
  })
}

/** A file to be ingested, open. */
class Source {
  tablet = 0
  readonly path: string
  readonly reader: SSTableReader
  readonly probe: KeyProbe
  readonly #files: JobFiles
  readonly #schema: TableSchema

  private constructor(files: JobFiles, o: { path: string; reader: SSTableReader; schema: TableSchema }) {
    this.#files = files
    this.path = o.path
    this.reader = o.reader
    this.#schema = o.schema
    this.probe = new KeyProbe(o.reader)
  }

  static async open(files: JobFiles, { path, number, schema }: { path: string; number: number; schema: TableSchema }): Promise<Source> {
    const metadata = await orReject(schema, path, () => files.metadataOf(path))
    const differences = differencesOf(metadata, schema)
    if (differences.length > 0)
      throw rejected(schema, path, `its columns are not those of the table (${differences.join('; ')})`, { problem: 'schema', differences })
    const own = { ...schema, columns: schema.columns.map((column) => ({ ...column, id: storedColumn(metadata, column)?.id ?? -1 })) }
    const reader = await orReject(schema, path, () => files.openTable({ fileNumber: number, path }, own))
    return new Source(files, { path, reader, schema })
  }

  /** Reads all of it. The tablet that its keys belong to. */
  async check(): Promise<number> {
    const schema = this.#schema
    for await (const { message, offset, block } of this.reader.verify({ turn: () => this.#files.turn() }))
      throw rejected(schema, this.path, `it is damaged: ${message.replace(/\.$/, '')}`, { problem: 'damaged', offset, block })
    let tablet: number | undefined
    for (let group = 0; group < this.reader.groupCount; group++) {
      await this.#files.turn()
      this.#checkNulls(group)
      tablet = await this.#tabletOf(group, tablet)
    }
    return tablet ?? 0
  }

  /** The keys of a group, and their hashes. */
  async keys(group: number): Promise<{ keys: KeyBlock; hashes: Uint32Array }> {
    await this.#files.turn()
    const keys = await this.reader.loadKeys(group)
    return { keys, hashes: hashKeys(keys) }
  }

  async copyTo(path: string): Promise<UnsealedTable> {
    const copy = new TableCopy(await this.#files.create(path), { source: this.reader, schema: this.#schema })
    for (let group = 0; group < this.reader.groupCount; group++) {
      await this.#files.turn()
      await copy.addGroup()
    }
    return copy.finish()
  }

  /** INGEST_REJECTED for the key i of `keys`. */
  keyRejected(keys: KeyBlock, i: number, where: string): VarveError {
    const schema = this.#schema
    const values = decodeKey(schema, keyBytes(keys, i, keyLayout(schema)))
    const key = Object.fromEntries(schema.keyColumns.map((position, k) => [schema.columns[position]?.name, values[k]]))
    const shown = Object.entries(key).map(([name, value]) => `${name} = ${String(value)}`)
    return rejected(schema, this.path, `its key (${shown.join(', ')}) ${where}`, { problem: 'key', key })
  }

  #checkNulls(group: number): void {
    this.#schema.columns.forEach(({ name, nullable }, position) => {
      if (nullable || this.reader.zoneMap(group, position).nullCount === 0) return
      throw rejected(this.#schema, this.path, `column ${name} has a null, which the table does not allow`, {
        problem: 'schema',
        column: name,
      })
    })
  }

  async #tabletOf(group: number, before: number | undefined): Promise<number> {
    const schema = this.#schema
    if (schema.partition.scheme === 'none') return 0
    const vectors = await this.reader.loadColumns(group, schema.keyColumns)
    const columns = new Array<ColumnVector>(schema.columns.length)
    schema.keyColumns.forEach((position, i) => {
      columns[position] = vectors[i] as ColumnVector
    })
    const rows = { rowCount: this.reader.groupRowCount(group), columns }
    const keys = encodeKeys(schema, rows)
    const tablets = partitionRows(schema, rows, keys) ?? new Uint16Array(keys.count)
    const first = before ?? (tablets[0] as number)
    const other = tablets.findIndex((tablet) => tablet !== first)
    if (other < 0) return first
    const where = `belongs to tablet ${tablets[other]}, and those before it to tablet ${first}; write a file for each tablet (partitionsOf says which is whose)`
    throw this.keyRejected(keys, other, where)
  }
}

/** No key may be in two files. */
async function compareSources(sources: readonly Source[]): Promise<void> {
  for (const [i, source] of sources.entries()) {
    const others = sources.slice(i + 1).filter(({ tablet }) => tablet === source.tablet)
    for (let group = 0; others.length > 0 && group < source.reader.groupCount; group++) {
      const { keys, hashes } = await source.keys(group)
      for (const other of others) {
        const found = await other.probe.first(keys, hashes)
        if (found >= 0) throw source.keyRejected(keys, found, `is in ${other.path} as well`)
      }
    }
  }
}

const hasRow = 'has a row in the table already, or had one whose history is kept'

/** No key may have a row in a tablet. */
async function compareWithHeld(files: JobFiles, schema: TableSchema, held: HeldKeys, sources: readonly Source[]): Promise<void> {
  const { rowsets, stores } = held
  for (const rowset of rowsets) {
    const probe = new KeyProbe(await files.openTable(rowset, schema))
    for (const source of sources) {
      for (let group = 0; group < source.reader.groupCount; group++) {
        const { keys, hashes } = await source.keys(group)
        const found = await probe.first(keys, hashes)
        if (found >= 0) throw source.keyRejected(keys, found, hasRow)
      }
    }
  }
  for (const { rows: frozen, from } of stores) {
    const rows = MemRows.thaw(frozen)
    const ids = sortRows(rows, from, rows.rowCount)
    for (let at = 0; at < ids.length; at += rowsPerSlice) {
      await files.turn()
      const keys = new RowGather(rows, ids, at, Math.min(ids.length, at + rowsPerSlice)).keys()
      const hashes = hashKeys(keys)
      for (const source of sources) {
        const found = await source.probe.first(keys, hashes)
        if (found >= 0) throw source.keyRejected(keys, found, hasRow)
      }
    }
  }
}

function storedColumn({ columns }: SSTableMetadata, { name }: ColumnSchema) {
  return columns.find((column) => column.name === name)
}

/** How a file differs from the table that it is to be part of. */
function differencesOf(metadata: SSTableMetadata, schema: TableSchema): string[] {
  const differences: string[] = []
  const words = (column: Pick<ColumnSchema, 'kind' | 'nullable' | 'mode'>) =>
    `${column.kind}${column.kind === 'int64' ? ` (${column.mode})` : ''}${column.nullable ? ', nullable' : ''}`
  for (const column of schema.columns) {
    const stored = storedColumn(metadata, column)
    if (!stored) differences.push(`${column.name} is missing`)
    else if (words(stored) !== words(column)) differences.push(`${column.name} is ${words(stored)} and should be ${words(column)}`)
  }
  const names = new Set(schema.columns.map(({ name }) => name))
  for (const { name } of metadata.columns) if (!names.has(name)) differences.push(`the table has no ${name}`)
  const key = schema.keyColumns.map((position) => schema.columns[position]?.name).join(', ')
  const storedKey = metadata.keyColumns.map((index) => metadata.columns[index]?.name).join(', ')
  if (key !== storedKey) differences.push(`its key is (${storedKey}) and should be (${key})`)
  return differences
}

/** What a file cannot be read for, as its rejection. */
async function orReject<R>(schema: TableSchema, path: string, open: () => Promise<R>): Promise<R> {
  try {
    return await open()
  } catch (cause) {
    const code = (cause as { code?: unknown }).code
    if (code === 'ENOENT') throw rejected(schema, path, 'there is no such file', { problem: 'missing' }, cause)
    if (code === 'EISDIR') throw rejected(schema, path, 'it is a directory', { problem: 'missing' }, cause)
    if (code !== 'CORRUPTION' && code !== 'FORMAT_UNSUPPORTED') throw cause
    const { offset, block } = (cause as VarveError).context
    throw rejected(schema, path, sentenceOf((cause as VarveError).message, path), { problem: 'damaged', offset, block }, cause)
  }
}

/** What another error says of a file, to be put behind its name: without the name, and without its full stop. */
function sentenceOf(message: string, path: string): string {
  return `it${message.startsWith(`${path} `) ? message.slice(path.length) : ` cannot be read: ${message}`}`.replace(/\.$/, '')
}

function rejected(schema: TableSchema, path: string, what: string, context: Record<string, unknown>, cause?: unknown): VarveError {
  return new VarveError('INGEST_REJECTED', `${path} cannot be ingested into table ${schema.name}: ${what}. Nothing was ingested.`, {
    context: { table: schema.name, path, ...context },
    cause,
  })
}
