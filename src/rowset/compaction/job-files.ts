/**
 * The files of a compaction job, which runs on a worker: inputs are read once, from first to last, past every cache; outputs
 * vanish unless the job succeeds.
 */
import { systemCode, throwIfAborted, VarveError } from '../../base/errors.ts'
import { nextTurn } from '../../base/event-loop-gate.ts'
import type { JobContext } from '../../maintenance/worker-pool.ts'
import type { TableSchema } from '../../schema/table-schema.ts'
import type { BlockCache, BlockCacheStats } from '../../sstable/block-cache.ts'
import { type Codec, findCodec } from '../../sstable/codec.ts'
import { FileHandles } from '../../sstable/file-handles.ts'
import { openMetadata } from '../../sstable/open-metadata.ts'
import type { SSTableMetadata } from '../../sstable/sstable-metadata.ts'
import { SSTableReader } from '../../sstable/sstable-reader.ts'
import { SSTableWriter } from '../../sstable/sstable-writer.ts'
import type { AppendFile, Vfs, VfsHandle } from '../../vfs/vfs.ts'
import { openVfsHandle } from '../../vfs/vfs-handle.ts'

/** An SSTable or delta file that a job reads. */
export interface JobFile {
  readonly fileNumber: number
  readonly path: string
}

/** A codec as plain data: its name, and the module that exports it as `codec` if it is not built in. */
export interface CodecSource {
  readonly name: string
  readonly module?: string
}

/** What every compaction job is given beside its own input; plain data. */
export interface JobFilesOptions {
  readonly vfs: VfsHandle
  /** Compresses blocks of the outputs; none by default. */
  readonly codec?: CodecSource
  /** Codecs that the inputs may have been written with, beside the built-in ones and `codec`. */
  readonly codecs?: readonly CodecSource[]
}

/** What a job hears of between its row groups: that it should stop, or rest (only if nobody waits for it). */
export interface JobTurns {
  readonly signal?: AbortSignal | undefined
  readonly rest?: JobContext['rest'] | undefined
}

/** Files open at once; more inputs than this are reopened as their turn comes. */
const openFilesMax = 64

/**
 * Runs a job on its files. When it rejects, or the context's signal fires (ABORTED), every file that it created is closed and
 * removed; inputs are closed in any case. What succeeds has synced its files itself (`SSTableWriter.finish` does); their
 * directory is the caller's to sync.
 */
export async function withJobFiles<R>(o: JobFilesOptions, context: JobTurns, run: (files: JobFiles) => Promise<R>): Promise<R> {
  throwIfAborted(context.signal)
  const files = await JobFiles.open(o, context)
  try {
    return await run(files)
  } catch (thrown) {
    await files.discard()
    throw thrown
  } finally {
    files.close()
  }
}

export class JobFiles {
  /** Compresses blocks of the outputs; undefined: nothing does. */
  readonly codec: Codec | undefined
  readonly #vfs: Vfs
  readonly #handles: FileHandles
  readonly #codecs: readonly Codec[]
  readonly #turns: JobTurns
  readonly #created: AppendFile[] = []

  private constructor(o: { vfs: Vfs; codec: Codec | undefined; codecs: readonly Codec[]; turns: JobTurns }) {
    this.#vfs = o.vfs
    this.codec = o.codec
    this.#codecs = o.codecs
    this.#turns = o.turns
    this.#handles = new FileHandles(o.vfs, openFilesMax)
  }

  static async open(o: JobFilesOptions, turns: JobTurns): Promise<JobFiles> {
    const vfs = await openVfsHandle(o.vfs)
    const codec = o.codec === undefined || o.codec.name === 'none' ? undefined : await loadCodec(o.codec)
    const codecs = await Promise.all((o.codecs ?? []).map(loadCodec))
    return new JobFiles({ vfs, codec, codecs: codec === undefined ? codecs : [...codecs, codec], turns })
  }

  /**
   * Opens an SSTable, or a delta file (with `deltaSchema(…).schema`). Its columns are decoded anew each time they are
   * loaded and kept by nobody, so that memory is what the job itself holds.
   */
  async openTable({ fileNumber, path }: JobFile, schema: TableSchema): Promise<SSTableReader> {
    const reader = new SSTableReader({ fileNumber, path, schema, cache: noCache, files: this.#handles, codecs: this.#codecs })
    await reader.open()
    return reader
  }

  /** What an SSTable says of itself, whatever table it is of. Rejects with what `openMetadata` does. */
  async metadataOf(path: string): Promise<SSTableMetadata> {
    await using file = await this.#vfs.open(path)
    return await openMetadata(file)
  }

  /** Creates an output, which must not exist. DISK_FULL if there is no room for it. */
  async create(path: string): Promise<AppendFile> {
    try {
      const file = await this.#vfs.create(path)
      this.#created.push(file)
      return file
    } catch (cause) {
      if (systemCode(cause) !== 'ENOSPC') throw cause
      throw new VarveError('DISK_FULL', `The disk is full: ${path} could not be created. Make room and try again.`, {
        context: { path },
        cause,
      })
    }
  }

  /** Creates an SSTable or delta file to write, with the job's codec. */
  async createTable(path: string, o: { schema: TableSchema; rowsPerGroup?: number }): Promise<SSTableWriter> {
    const file = await this.create(path)
    return new SSTableWriter(file, this.codec === undefined ? o : { ...o, codec: this.codec })
  }

  /** To be awaited between row groups: lets messages through, or an abort would not be heard, and rests if it should. Throws ABORTED. */
  async turn(): Promise<void> {
    const { signal, rest } = this.#turns
    await nextTurn()
    await rest?.()
    throwIfAborted(signal)
  }

  /** Closes and removes every output. */
  async discard(): Promise<void> {
    await Promise.allSettled(
      this.#created.map(async (file) => {
        await file.close().catch(() => undefined)
        await this.#vfs.remove(file.path)
      }),
    )
  }

  /** Closes the inputs. */
  close(): void {
    this.#handles.close()
  }
}

/** The codec that plain data names. TypeError if its module exports another one, FORMAT_UNSUPPORTED if none is built in. */
async function loadCodec({ name, module }: CodecSource): Promise<Codec> {
  if (module === undefined) return findCodec(name)
  const exported = (await import(module)) as { codec?: Codec }
  if (exported.codec?.name !== name) throw new TypeError(`${module} does not export the codec '${name}' as codec.`)
  return exported.codec
}

const noStats: BlockCacheStats = { hits: 0, misses: 0, inserted: 0, evicted: 0, entries: 0 }

/** Remembers nothing: a job reads each block once. */
const noCache: BlockCache = {
  name: 'none',
  usedBytes: 0,
  capacityBytes: 0,
  get: () => undefined,
  set: () => false,
  forgetFile: () => undefined,
  resize: () => undefined,
  evict: () => 0,
  stats: () => noStats,
}
