import { systemCode, throwIfAborted, VarveError } from '../base/errors.ts'
import { nextTurn } from '../base/event-loop-gate.ts'
import { hashKeys } from '../schema/key-encoding.ts'
import { type Codec, findCodec } from '../sstable/codec.ts'
import { defaultRowsPerGroup, type SSTableSummary } from '../sstable/sstable.ts'
import { SSTableWriter } from '../sstable/sstable-writer.ts'
import type { AppendFile, Vfs, VfsHandle } from '../vfs/vfs.ts'
import { openVfsHandle } from '../vfs/vfs-handle.ts'
import { RowGather } from './mem-gather.ts'
import { type FrozenMemRowSet, MemRows } from './mem-rows.ts'
import { sortRows } from './sort-rows.ts'

/** What a flush job is given: plain data over shared memory. */
export interface FlushInput {
  readonly frozen: FrozenMemRowSet
  /** Rows of each SSTable but the last. */
  readonly rowsPerOutput: number
  /** The files to write, in key order: as many as the rows need, or more. None of them exists. */
  readonly outputs: readonly { readonly path: string }[]
  readonly vfs: VfsHandle
  /** Compresses blocks: a codec's name, and the module that exports it as `codec` if it is not built in. Default: none. */
  readonly codec?: { readonly name: string; readonly module?: string }
  /** Rows of each row group but the last. Default: 8192. */
  readonly rowsPerGroup?: number
}

/** What is known of an SSTable that was written; of the outputs, in their order. */
export type FlushOutput = SSTableSummary

/**
 * Sorts the frozen rows by key and writes them to SSTables, which are synced when it resolves; their directory is not.
 * If it rejects (ABORTED by the signal, DISK_FULL, what the file system throws), it has removed its files. Runs on a
 * worker: it sorts without letting the event loop through, and lets it through before every row group.
 */
export async function flushRows(input: FlushInput, signal?: AbortSignal): Promise<FlushOutput[]> {
  const rows = MemRows.thaw(input.frozen)
  const needed = Math.ceil(rows.rowCount / input.rowsPerOutput)
  if (!(needed <= input.outputs.length))
    throw new TypeError(
      `A flush of ${rows.rowCount} rows needs ${needed} outputs of ${input.rowsPerOutput} rows, and was given ${input.outputs.length}.`,
    )
  throwIfAborted(signal)
  const vfs = await openVfsHandle(input.vfs)
  const codec = await codecOf(input)
  const ids = sortRows(rows, 0, rows.rowCount)

  const summaries: FlushOutput[] = []
  const created: string[] = []
  try {
    for (let i = 0; i < needed; i++) {
      const { path } = input.outputs[i] as FlushInput['outputs'][number]
      const file = await create(vfs, path)
      created.push(path)
      const from = i * input.rowsPerOutput
      const to = Math.min(rows.rowCount, from + input.rowsPerOutput)
      summaries.push(await writeTable(file, rows, ids.subarray(from, to), { ...input, codec, signal }))
    }
    return summaries
  } catch (thrown) {
    await Promise.allSettled(created.map((path) => vfs.remove(path)))
    throw thrown
  }
}

async function codecOf({ codec }: FlushInput): Promise<Codec | undefined> {
  if (codec === undefined) return undefined
  if (codec.module === undefined) return findCodec(codec.name)
  const module = (await import(codec.module)) as { codec?: Codec }
  if (module.codec?.name !== codec.name) throw new TypeError(`${codec.module} does not export the codec '${codec.name}' as codec.`)
  return module.codec
}

async function create(vfs: Vfs, path: string): Promise<AppendFile> {
  try {
    return await vfs.create(path)
  } catch (cause) {
    if (systemCode(cause) !== 'ENOSPC') throw cause
    throw new VarveError('DISK_FULL', `The disk is full: ${path} could not be created. Make room and try again.`, {
      context: { path },
      cause,
    })
  }
}

interface TableOptions {
  readonly frozen: FrozenMemRowSet
  readonly codec: Codec | undefined
  readonly signal: AbortSignal | undefined
  readonly rowsPerGroup?: number
}

async function writeTable(file: AppendFile, rows: MemRows, ids: Int32Array, o: TableOptions): Promise<SSTableSummary> {
  const { schema } = o.frozen
  const rowsPerGroup = o.rowsPerGroup ?? defaultRowsPerGroup
  const writer = new SSTableWriter(file, { schema, rowsPerGroup, ...(o.codec === undefined ? {} : { codec: o.codec }) })
  try {
    for (let from = 0; from < ids.length; from += rowsPerGroup) {
      await nextTurn()
      throwIfAborted(o.signal)
      const gather = new RowGather(rows, ids, from, Math.min(ids.length, from + rowsPerGroup))
      const keys = gather.keys()
      const columns = schema.columns.map((_, position) => gather.column(position))
      await writer.addGroup({ rows: { rowCount: gather.count, columns }, keys, hashes: hashKeys(keys), timestamps: gather.timestamps() })
    }
    return await writer.finish()
  } catch (thrown) {
    await writer.abort().catch(() => undefined)
    throw thrown
  }
}

/** Lets messages through, or an abort would not be heard. */
