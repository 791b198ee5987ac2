import { asError, InvariantError } from '../base/errors.ts'
import type { ColumnVector, FixedVector, KeyBlock } from '../schema/column-vector.ts'
import { type EncodedKeyRange, encodeKeys } from '../schema/key-encoding.ts'
import type { ColumnSchema, TableSchema } from '../schema/table-schema.ts'
import { sealBlock } from './block.ts'
import type { BlockCache } from './block-cache.ts'
import { acquire, acquireSync, BlockLoader, type StoredBlock } from './block-loader.ts'
import type { BloomFilter } from './bloom-filter.ts'
import { CachedKeys } from './cached-keys.ts'
import { type Codec, findCodec } from './codec.ts'
import { type CachedColumn, encodeColumn } from './column-block.ts'
import { defaultVector, defaultZoneMap } from './default-vector.ts'
import { frameCorruption } from './file-frame.ts'
import type { FileHandles } from './file-handles.ts'
import { openMetadata, openMetadataSync } from './open-metadata.ts'
import { PayloadWriter } from './payload-writer.ts'
import type { BorrowedRooms } from './read-rooms.ts'
import type { ZoneMap } from './sstable.ts'
import { SSTableIndex } from './sstable-index.ts'
import type { SSTableMetadata } from './sstable-metadata.ts'
import { type SSTableProblem, verifySSTable } from './verify.ts'

export interface SSTableReaderOptions {
  /** Names the file in the cache and among the open files. */
  readonly fileNumber: number
  readonly path: string
  /** The current schema of the table: positions are its positions, whatever the file was written with. */
  readonly schema: TableSchema
  readonly cache: BlockCache
  readonly files: FileHandles
  /** Codecs beside the built-in ones. */
  readonly codecs?: readonly Codec[]
}

/**
 * Reads one SSTable. Opened lazily: everything but `isOpen`, `open`, `openSync` and `close` needs it to be open
 * (InvariantError). What is asked for by a plain name (`column`, `keys` …) comes from the cache or is undefined; `load…`
 * reads what is missing, `load…Sync` blocks for it. Vectors are immutable and stay valid after the cache forgot them, unless rooms were borrowed.
 *
 * Loads reject with CORRUPTION { path, offset, block } for damage, and with the Vfs's error if a read fails.
 */
export class SSTableReader {
  readonly #options: SSTableReaderOptions
  #index: SSTableIndex | undefined
  #loader: BlockLoader | undefined
  #opening: Promise<void> | undefined

  constructor(options: SSTableReaderOptions) {
    this.#options = options
  }

  /** A reader of the same file in terms of another schema of its table: open if this one is, so that nothing is read. */
  withSchema(schema: TableSchema): SSTableReader {
    const reader = new SSTableReader({ ...this.#options, schema })
    if (this.#index !== undefined) reader.#use(this.#index.metadata)
    return reader
  }

  get fileNumber(): number {
    return this.#options.fileNumber
  }

  get path(): string {
    return this.#options.path
  }

  get isOpen(): boolean {
    return this.#index !== undefined
  }

  /** Reads and checks header, trailer and metadata, which then stay in memory. Calls at the same time share the work. */
  open(): Promise<void> {
    if (this.#index !== undefined) return Promise.resolve()
    this.#opening ??= this.#open()
    return this.#opening
  }

  /** As `open`, blocking. */
  openSync(): void {
    if (this.#index !== undefined) return
    const handle = acquireSync(this.#options.files, this.fileNumber, this.path)
    try {
      this.#use(openMetadataSync(handle.file))
    } finally {
      handle.release()
    }
  }

  get rowCount(): number {
    return this.#opened.metadata.rows
  }

  get groupCount(): number {
    return this.#opened.metadata.groupCount
  }

  /** Rows in every group but the last. */
  get rowsPerGroup(): number {
    return this.#opened.metadata.rowsPerGroup
  }

  /** Encoded; so is every key here. */
  get minKey(): Uint8Array {
    return this.firstKeyOf(0)
  }

  get maxKey(): Uint8Array {
    return this.#opened.metadata.maxKey
  }

  /** Memory that the open file holds beside the cache, in bytes. */
  get residentBytes(): number {
    return this.#index?.byteLength ?? 0
  }

  /** What the file says of itself. */
  get metadata(): SSTableMetadata {
    return this.#opened.metadata
  }

  /** Whether the file has the column at a position of the schema; it lacks one that was added to the table later. */
  hasColumn(position: number): boolean {
    return this.#opened.columnIndexes[position] !== -1
  }

  /** What blocks were compressed with; undefined: nothing. */
  get codec(): Codec | undefined {
    const name = this.#opened.metadata.codecName
    return name === 'none' ? undefined : findCodec(name, this.#options.codecs)
  }

  firstKeyOf(group: number): Uint8Array {
    return this.#opened.metadata.firstKeys[group] as Uint8Array
  }

  /** The groups that may hold keys of a range: `from` inclusive, `to` exclusive; equal if none. */
  groupsInRange(range: Pick<EncodedKeyRange, 'lower' | 'upper'>): { from: number; to: number } {
    return this.#opened.groupsInRange(range)
  }

  /** The one group that may hold key i of `keys`; −1 if it lies below the first or above the last key. */
  locateGroup(keys: KeyBlock, i: number): number {
    return this.#opened.locateGroup(keys, i)
  }

  groupRowCount(group: number): number {
    return this.#opened.groupRowCount(group)
  }

  /** Of a column by its position in the schema. Reads nothing; makes an object. */
  zoneMap(group: number, position: number): ZoneMap {
    const index = this.#opened
    const stored = index.columnIndexes[position] as number
    if (stored === -1) return defaultZoneMap(this.#column(position), index.groupRowCount(group))
    return index.metadata.zoneMaps.at(group * index.stride + stored)
  }

  /** Least and greatest insert timestamp of a group. Reads nothing. */
  timestampRange(group: number): { min: number; max: number } {
    const { commitTimestamp } = this.#opened.metadata
    if (commitTimestamp !== undefined) return { min: commitTimestamp, max: commitTimestamp }
    const { min, max } = this.#opened.metadata.zoneMaps.at(this.#timestampOrdinal(group))
    return { min: min as number, max: max as number }
  }

  /** A column of a group, if it is in the cache. */
  column(group: number, position: number): ColumnVector | undefined {
    const ordinal = this.#ordinal(group, position)
    return ordinal === -1 ? this.#default(group, position) : this.#loading.cached(ordinal)?.vector
  }

  async loadColumn(group: number, position: number): Promise<ColumnVector> {
    return (await this.loadColumns(group, [position]))[0] as ColumnVector
  }

  loadColumnSync(group: number, position: number): ColumnVector {
    return this.loadColumnsSync(group, [position])[0] as ColumnVector
  }

  /**
   * Several columns of a group, in the order of `positions`; those that lie side by side are read at once. With `rooms`, those that
   * the cache does not keep are valid until the rooms are given back.
   */
  async loadColumns(group: number, positions: readonly number[], rooms?: BorrowedRooms): Promise<ColumnVector[]> {
    const ordinals = positions.map((position) => this.#ordinal(group, position))
    const loaded = await this.#loading.load(
      ordinals.filter((ordinal) => ordinal !== -1),
      rooms,
    )
    return this.#assemble(group, positions, ordinals, loaded)
  }

  /** Bytes in the file of several columns of a group. */
  storedBytes(group: number, positions: readonly number[]): number {
    let bytes = 0
    for (const position of positions) bytes += this.#blockBytes(this.#ordinal(group, position))
    return bytes
  }

  /** The same of what the keys of a group are worked out from. */
  storedKeyBytes(group: number): number {
    return this.storedBytes(group, this.#options.schema.keyColumns)
  }

  /** The same of the insert timestamps of a group. */
  storedTimestampBytes(group: number): number {
    return this.#blockBytes(this.#timestampOrdinal(group))
  }

  loadColumnsSync(group: number, positions: readonly number[], rooms?: BorrowedRooms): ColumnVector[] {
    const ordinals = positions.map((position) => this.#ordinal(group, position))
    const loaded = this.#loading.loadSync(
      ordinals.filter((ordinal) => ordinal !== -1),
      rooms,
    )
    return this.#assemble(group, positions, ordinals, loaded)
  }

  /** The commit timestamps at which the rows of a group were inserted, if they are in the cache. */
  timestamps(group: number): Float64Array | undefined {
    const ingested = this.#commitTimestamps(group)
    if (ingested !== undefined) return ingested
    const block = this.#loading.cached(this.#timestampOrdinal(group))
    return block === undefined ? undefined : timestampsOf(block)
  }

  async loadTimestamps(group: number): Promise<Float64Array> {
    const ingested = this.#commitTimestamps(group)
    if (ingested !== undefined) return ingested
    const [block] = await this.#loading.load([this.#timestampOrdinal(group)])
    return timestampsOf(block as CachedColumn)
  }

  loadTimestampsSync(group: number): Float64Array {
    return this.#commitTimestamps(group) ?? timestampsOf(this.#loading.loadSync([this.#timestampOrdinal(group)])[0] as CachedColumn)
  }

  /**
   * Blocks of a group as they lie in the file, checked but not decoded, past the cache: of the columns at `positions`, those
   * that the file has, and of the insert timestamps. For copies.
   */
  async loadStored(group: number, positions: readonly number[]): Promise<{ columns: Map<number, StoredBlock>; timestamps: StoredBlock }> {
    const places = positions
      .map((position) => ({ position, ordinal: this.#ordinal(group, position) }))
      .filter(({ ordinal }) => ordinal !== -1)
      .sort((a, b) => a.ordinal - b.ordinal)
    const blocks = await this.#loading.readStored([...places.map(({ ordinal }) => ordinal), this.#timestampOrdinal(group)])
    const columns = new Map(places.map(({ position }, i) => [position, blocks[i] as StoredBlock]))
    const ingested = this.#commitTimestamps(group)
    return { columns, timestamps: ingested === undefined ? (blocks.at(-1) as StoredBlock) : storedTimestamps(ingested) }
  }

  /** The encoded keys of a group, if they are in the cache. */
  keys(group: number): KeyBlock | undefined {
    return this.searchableKeys(group)?.keys
  }

  /** The same, with an index over them. */
  searchableKeys(group: number): CachedKeys | undefined {
    const block = this.#options.cache.get(this.fileNumber, this.#opened.keysOrdinal(group))
    return block instanceof CachedKeys ? block : undefined
  }

  /** They are worked out from the key columns. */
  async loadKeys(group: number): Promise<KeyBlock> {
    return this.keys(group) ?? this.#deriveKeys(group, await this.loadColumns(group, this.#options.schema.keyColumns))
  }

  loadKeysSync(group: number): KeyBlock {
    return this.keys(group) ?? this.#deriveKeys(group, this.loadColumnsSync(group, this.#options.schema.keyColumns))
  }

  /** The bloom filter, if it is in the cache: for probing many hashes. */
  filter(): BloomFilter | undefined {
    return this.#loading.cachedFilter()
  }

  /** False: no key of this hash (`hashKeys`) is in the file. Undefined: the filter is not in the cache. */
  mayContain(hash: number): boolean | undefined {
    return this.#loading.cachedFilter()?.mayContain(hash)
  }

  loadFilter(): Promise<BloomFilter> {
    return this.#loading.loadFilter()
  }

  loadFilterSync(): BloomFilter {
    return this.#loading.loadFilterSync()
  }

  /**
   * Reads the whole file past the cache and yields what is wrong with it; nothing, if all is well. Opens it if need be. `turn`
   * is awaited before each row group, and ends it by throwing: where reads block, nothing else would let an abort be heard.
   */
  verify(o: { readonly turn?: () => Promise<void> } = {}): AsyncIterable<SSTableProblem> {
    const open = async () => {
      await this.open()
      return { index: this.#opened, loader: this.#loading, schema: this.#options.schema }
    }
    return verifySSTable(this, open, o.turn)
  }

  /** Lets go of the metadata and of the open file. Blocks in the cache stay: `BlockCache.forgetFile` is for deletion. */
  close(): void {
    this.#index = undefined
    this.#loader = undefined
    this.#options.files.forget(this.fileNumber)
  }

  get #opened(): SSTableIndex {
    if (this.#index === undefined) throw new InvariantError(`${this.path} was read before it was opened.`)
    return this.#index
  }

  get #loading(): BlockLoader {
    if (this.#loader === undefined) throw new InvariantError(`${this.path} was read before it was opened.`)
    return this.#loader
  }

  async #open(): Promise<void> {
    try {
      const handle = await acquire(this.#options.files, this.fileNumber, this.path)
      try {
        this.#use(await openMetadata(handle.file))
      } finally {
        handle.release()
      }
    } finally {
      this.#opening = undefined
    }
  }

  #use(metadata: SSTableMetadata): void {
    const { schema, path, fileNumber, cache, files, codecs } = this.#options
    const codec = metadata.codecName === 'none' ? undefined : findCodec(metadata.codecName, codecs)
    let index: SSTableIndex
    try {
      index = new SSTableIndex(metadata, schema)
    } catch (cause) {
      throw frameCorruption(path, 0, `it does not fit table ${schema.name}: ${asError(cause).message}`, cause)
    }
    this.#loader = new BlockLoader({ fileNumber, path, cache, files, index, codec })
    this.#index = index
  }

  #column(position: number): ColumnSchema {
    const column = this.#options.schema.columns[position]
    if (column === undefined) throw new TypeError(`Table ${this.#options.schema.name} has no column at position ${position}.`)
    return column
  }

  /** The block of a column; −1 if the file lacks the column. */
  #ordinal(group: number, position: number): number {
    const index = this.#opened
    const stored = index.columnIndexes[position] as number
    return stored === -1 ? -1 : group * index.stride + stored
  }

  #blockBytes(ordinal: number): number {
    return ordinal === -1 ? 0 : this.#opened.blockEnd(ordinal) - this.#opened.blockOffset(ordinal)
  }

  #timestampOrdinal(group: number): number {
    const { stride } = this.#opened
    return group * stride + stride - 1
  }

  /** Of a file that was ingested: the one timestamp, for each row of a group. */
  #commitTimestamps(group: number): Float64Array | undefined {
    const { commitTimestamp } = this.#opened.metadata
    return commitTimestamp === undefined ? undefined : new Float64Array(this.groupRowCount(group)).fill(commitTimestamp)
  }

  #default(group: number, position: number): ColumnVector {
    return defaultVector(this.#column(position), this.groupRowCount(group))
  }

  #assemble(group: number, positions: readonly number[], ordinals: readonly number[], loaded: readonly CachedColumn[]): ColumnVector[] {
    let next = 0
    return positions.map((position, i) => (ordinals[i] === -1 ? this.#default(group, position) : (loaded[next++] as CachedColumn).vector))
  }

  #deriveKeys(group: number, vectors: readonly ColumnVector[]): KeyBlock {
    const { schema, cache } = this.#options
    const columns = new Array<ColumnVector>(schema.columns.length)
    schema.keyColumns.forEach((position, i) => {
      columns[position] = vectors[i] as ColumnVector
    })
    const keys = encodeKeys(schema, { rowCount: this.groupRowCount(group), columns })
    cache.set(this.fileNumber, this.#opened.keysOrdinal(group), new CachedKeys(keys), 'key')
    return keys
  }
}

function timestampsOf(block: CachedColumn): Float64Array {
  return (block.vector as FixedVector).values as Float64Array
}

/** A block of insert timestamps as it would lie in a file, as its first. */
function storedTimestamps(values: Float64Array): StoredBlock {
  const payload = new PayloadWriter()
  const { encoding, zoneMap } = encodeColumn(payload, { form: 'fixed', length: values.length, values, nulls: undefined }, 'timestamp')
  const bytes = sealBlock(payload.view(), { ordinal: 0, rows: values.length, encoding, hasNulls: false, codec: undefined })
  return { bytes, encoding, compressed: false, sizeBytes: bytes.length, zoneMap }
}
