/**
 * Brings blocks of one file into memory: reads what lies close together at once, checks, decodes, and puts it into the
 * cache. Loads of one block under way at the same time share the read.
 */
import { systemCode, VarveError } from '../base/errors.ts'
import { type Block, type BlockPlace, blockCorruption, checkBlock, openBlock } from './block.ts'
import type { BlockCache } from './block-cache.ts'
import { blockEncodings } from './block-encoding.ts'
import { BloomFilter } from './bloom-filter.ts'
import type { Codec } from './codec.ts'
import { CachedColumn, decodeColumn } from './column-block.ts'
import type { FileHandle, FileHandles } from './file-handles.ts'
import { PayloadReader } from './payload-reader.ts'
import { type BorrowedRooms, takeRoom } from './read-rooms.ts'
import type { SSTableIndex } from './sstable-index.ts'
import { type DirectoryEntry, splitEncoding } from './sstable-metadata.ts'

/** Blocks with less than this between them are read together … */
const gapBytesMax = 16 * 1024
/** … up to this much. */
const readBytesMax = 4 * 1024 * 1024
/** One that is as large as this is read alone: of a read shared with others it would need a copy. */
const aloneBytesMin = 128 * 1024
/** Memory of smaller blocks is not worth using again. */
const roomBytesMin = 32 * 1024

/** A load that is under way. */
interface Loading {
  readonly column: Promise<CachedColumn>
  /** Others wait for it too. */
  isShared: boolean
}

/** A column's block as it lies in its file, checked, and what the directory says of it. */
export interface StoredBlock extends DirectoryEntry {
  readonly bytes: Uint8Array
}

export class BlockLoader {
  readonly #fileNumber: number
  readonly #path: string
  readonly #cache: BlockCache
  readonly #files: FileHandles
  readonly #index: SSTableIndex
  readonly #codec: Codec | undefined
  readonly #loading = new Map<number, Loading>()
  #loadingFilter: Promise<BloomFilter> | undefined

  constructor(o: {
    fileNumber: number
    path: string
    cache: BlockCache
    files: FileHandles
    index: SSTableIndex
    codec: Codec | undefined
  }) {
    this.#fileNumber = o.fileNumber
    this.#path = o.path
    this.#cache = o.cache
    this.#files = o.files
    this.#index = o.index
    this.#codec = o.codec
  }

  /** A column block, if it is in the cache. */
  cached(ordinal: number): CachedColumn | undefined {
    const block = this.#cache.get(this.#fileNumber, ordinal)
    return block instanceof CachedColumn ? block : undefined
  }

  /** Column blocks of any groups, in the order asked for. `rooms`: the caller gives back what of them the cache does not keep. */
  load(ordinals: readonly number[], rooms?: BorrowedRooms): Promise<CachedColumn[]> {
    const found = new Map<number, CachedColumn | Promise<CachedColumn>>()
    const missing: number[] = []
    for (const ordinal of ordinals) {
      const block = this.cached(ordinal) ?? this.#join(ordinal)
      if (block !== undefined) found.set(ordinal, block)
      else if (!missing.includes(ordinal)) missing.push(ordinal)
    }
    for (const run of this.#runs(missing)) {
      const reading = this.#read(run, rooms && this.#room(run))
      for (const ordinal of run) found.set(ordinal, this.#share(ordinal, reading, run, rooms))
    }
    return Promise.all(ordinals.map((ordinal) => found.get(ordinal) as CachedColumn | Promise<CachedColumn>))
  }

  /** As `load`, blocking. */
  loadSync(ordinals: readonly number[], rooms?: BorrowedRooms): CachedColumn[] {
    const found = new Map<number, CachedColumn>()
    const missing: number[] = []
    for (const ordinal of ordinals) {
      const block = this.cached(ordinal)
      if (block !== undefined) found.set(ordinal, block)
      else if (!missing.includes(ordinal)) missing.push(ordinal)
    }
    for (const run of this.#runs(missing)) {
      const bytes = this.#readSync(run, rooms && this.#room(run))
      for (const ordinal of run) {
        const { column, room } = this.#decode(ordinal, bytes, run)
        if (room !== undefined) rooms?.add(room)
        found.set(ordinal, column)
      }
    }
    return ordinals.map((ordinal) => found.get(ordinal) as CachedColumn)
  }

  /** The bloom filter, if it is in the cache. */
  cachedFilter(): BloomFilter | undefined {
    const block = this.#cache.get(this.#fileNumber, this.#index.filterOrdinal)
    return block instanceof BloomFilter ? block : undefined
  }

  loadFilter(): Promise<BloomFilter> {
    const filter = this.cachedFilter()
    if (filter !== undefined) return Promise.resolve(filter)
    this.#loadingFilter ??= this.#readFilter()
    return this.#loadingFilter
  }

  loadFilterSync(): BloomFilter {
    return this.cachedFilter() ?? this.#decodeFilter(this.#readSync([this.#index.filterOrdinal]))
  }

  /** A block of columns or the filter as it lies in the file, past the cache: for verification. */
  async readBlock(ordinal: number): Promise<Block> {
    return this.#open(ordinal, await this.#read([ordinal]), this.#index.blockOffset(ordinal))
  }

  /** Column blocks as they lie in the file, past the cache: for copies. In the order asked for, which must be that of the file. */
  async readStored(ordinals: readonly number[]): Promise<StoredBlock[]> {
    const stored: StoredBlock[] = []
    for (const run of this.#runs([...ordinals])) {
      const bytes = await this.#read(run)
      const origin = this.#index.blockOffset(run[0] as number)
      for (const ordinal of run) stored.push(this.#store(ordinal, this.#cut(ordinal, bytes, origin)))
    }
    return stored
  }

  async #readFilter(): Promise<BloomFilter> {
    try {
      return this.#decodeFilter(await this.#read([this.#index.filterOrdinal]))
    } finally {
      this.#loadingFilter = undefined
    }
  }

  #join(ordinal: number): Promise<CachedColumn> | undefined {
    const loading = this.#loading.get(ordinal)
    if (loading !== undefined) loading.isShared = true
    return loading?.column
  }

  #share(ordinal: number, reading: Promise<Uint8Array>, run: readonly number[], rooms?: BorrowedRooms): Promise<CachedColumn> {
    const decode = async () => {
      try {
        const bytes = await reading
        const { column, room } = this.#decode(ordinal, bytes, run)
        if (room !== undefined && !loading.isShared) rooms?.add(room)
        return column
      } finally {
        this.#loading.delete(ordinal)
      }
    }
    const loading: Loading = { column: decode(), isShared: false }
    this.#loading.set(ordinal, loading)
    return loading.column
  }

  /** Blocks to be read together, in the order of the file. */
  #runs(missing: number[]): number[][] {
    const runs: number[][] = []
    let start = 0
    let end = -Infinity
    for (const ordinal of missing.sort((a, b) => a - b)) {
      const offset = this.#index.blockOffset(ordinal)
      const blockEnd = this.#index.blockEnd(ordinal)
      const run = runs.at(-1)
      const isAlone = blockEnd - offset >= aloneBytesMin
      if (run !== undefined && !isAlone && offset - end <= gapBytesMax && blockEnd - start <= readBytesMax) {
        run.push(ordinal)
      } else {
        runs.push([ordinal])
        start = offset
      }
      end = isAlone ? -Infinity : blockEnd
    }
    return runs
  }

  #room(run: readonly number[]): ArrayBuffer | undefined {
    return run.length === 1 ? takeRoom(this.#range(run).length) : undefined
  }

  #range(run: readonly number[]): { offset: number; length: number } {
    const offset = this.#index.blockOffset(run[0] as number)
    return { offset, length: this.#index.blockEnd(run.at(-1) as number) - offset }
  }

  async #read(run: readonly number[], room?: ArrayBuffer): Promise<Uint8Array> {
    const { offset, length } = this.#range(run)
    const handle = await acquire(this.#files, this.#fileNumber, this.#path)
    try {
      return await handle.file.read(offset, length, room)
    } finally {
      handle.release()
    }
  }

  #readSync(run: readonly number[], room?: ArrayBuffer): Uint8Array {
    const { offset, length } = this.#range(run)
    const handle = acquireSync(this.#files, this.#fileNumber, this.#path)
    try {
      return handle.file.readSync(offset, length, room)
    } finally {
      handle.release()
    }
  }

  /** The bytes of one block in what was read from `origin` on. */
  #cut(ordinal: number, bytes: Uint8Array, origin: number): Uint8Array {
    const start = this.#index.blockOffset(ordinal) - origin
    return bytes.subarray(start, start + this.#index.blockEnd(ordinal) - this.#index.blockOffset(ordinal))
  }

  #open(ordinal: number, bytes: Uint8Array, origin: number): Block {
    // Of a read shared with others, a block takes a copy: else one in the cache would keep them all in memory.
    const own = this.#cut(ordinal, bytes, origin)
    const place = this.#place(ordinal)
    const block = openBlock(own.length === bytes.length ? own : own.slice(), place, this.#codec)
    if (ordinal !== this.#index.filterOrdinal) this.#checkDirectory(block)
    else if (block.encoding !== blockEncodings.filter) throw blockCorruption(place, 'it is not the filter')
    return block
  }

  #store(ordinal: number, bytes: Uint8Array): StoredBlock {
    const { encoding, compressed } = this.#checkDirectory(checkBlock(bytes, this.#place(ordinal)))
    return { bytes, sizeBytes: bytes.length, encoding, compressed, zoneMap: this.#index.metadata.zoneMaps.at(ordinal) }
  }

  #checkDirectory<B extends Omit<Block, 'payload'>>(block: B): B {
    const { ordinal } = block
    const { encoding, compressed } = splitEncoding(this.#index.metadata.encodings[ordinal] as number)
    const rows = this.#index.groupRowCount(Math.floor(ordinal / this.#index.stride))
    if (block.encoding !== encoding || block.compressed !== compressed || block.rows !== rows)
      throw blockCorruption(this.#place(ordinal), 'it is not what the directory says')
    return block
  }

  #place(ordinal: number): BlockPlace {
    return { path: this.#path, offset: this.#index.blockOffset(ordinal), ordinal }
  }

  /** `room`: what the column lies in, if that is worth using again once nobody looks at the column, which the cache does not keep. */
  #decode(ordinal: number, bytes: Uint8Array, run: readonly number[]): { column: CachedColumn; room: ArrayBuffer | undefined } {
    const block = this.#open(ordinal, bytes, this.#index.blockOffset(run[0] as number))
    const column = this.decode(ordinal, block)
    const isForgotten = this.#cache.set(this.#fileNumber, ordinal, column, 'data') === false
    const isItsOwn = run.length === 1 && bytes.length >= roomBytesMin
    // Rows that are copied out of a dictionary column go on referring to its dictionary.
    const isDictionary = column.vector.form === 'dictionary'
    return { column, room: isForgotten && isItsOwn && !isDictionary ? (bytes.buffer as ArrayBuffer) : undefined }
  }

  /** Decodes a block without keeping it. */
  decode(ordinal: number, block: Block): CachedColumn {
    const kind = this.#index.metadata.columns[ordinal % this.#index.stride]?.kind ?? 'timestamp'
    try {
      return new CachedColumn(
        decodeColumn(block.payload, { kind, encoding: block.encoding, rowCount: block.rows, hasNulls: block.hasNulls }),
      )
    } catch (cause) {
      throw blockCorruption(this.#place(ordinal), 'its content is malformed', cause)
    }
  }

  #decodeFilter(bytes: Uint8Array): BloomFilter {
    const ordinal = this.#index.filterOrdinal
    const { payload } = this.#open(ordinal, bytes, this.#index.blockOffset(ordinal))
    if (payload.length === 0 || payload.length % 64 !== 0) {
      throw blockCorruption(this.#place(ordinal), 'its size is not that of a filter')
    }
    const filter = new BloomFilter(new PayloadReader(payload).words(payload.length / 4))
    this.#cache.set(this.#fileNumber, ordinal, filter, 'filter')
    return filter
  }
}

/** Borrows an open file; one that is not there is CORRUPTION, as nothing removes a file that is in use. */
export async function acquire(files: FileHandles, fileNumber: number, path: string): Promise<FileHandle> {
  try {
    return await files.acquire(fileNumber, path)
  } catch (error) {
    return missingFile(error, path)
  }
}

/** As `acquire`, blocking. */
export function acquireSync(files: FileHandles, fileNumber: number, path: string): FileHandle {
  try {
    return files.acquireSync(fileNumber, path)
  } catch (error) {
    return missingFile(error, path)
  }
}

function missingFile(error: unknown, path: string): never {
  if (systemCode(error) !== 'ENOENT') throw error
  throw new VarveError('CORRUPTION', `${path} is missing, though the database needs it. Restore it from a checkpoint.`, {
    context: { path },
    cause: error,
  })
}
