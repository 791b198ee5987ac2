import { asError } from '../../base/errors.ts'
import { dataFileName } from '../../manifest/database-files.ts'
import type { FileMeta } from '../../manifest/version-edit.ts'
import { deltaSchema } from '../../rowset/delta-schema.ts'
import type { TableSchema } from '../../schema/table-schema.ts'
import type { BlockCache } from '../../sstable/block-cache.ts'
import type { Codec } from '../../sstable/codec.ts'
import { FileHandles } from '../../sstable/file-handles.ts'
import { SSTableReader } from '../../sstable/sstable-reader.ts'
import { joinPath, type Vfs } from '../../vfs/vfs.ts'
import { countOf } from '../amounts.ts'
import { hexText } from '../cell.ts'
import type { DatabaseProblem } from './database-problem.ts'

/** Checks one data file against what the manifest says of it, then from end to end. */
export async function* verifyDataFile(
  vfs: Vfs,
  o: { directory: string; meta: FileMeta; schema: TableSchema | undefined; codecs: readonly Codec[] },
): AsyncGenerator<DatabaseProblem> {
  const { meta, schema, codecs } = o
  const file = dataFileName(meta)
  const path = joinPath(o.directory, file)
  const problem = (message: string, offset?: number): DatabaseProblem => ({ file, offset, message })
  const stat = await vfs.stat(path)
  if (!stat) {
    yield problem(`It is missing, yet the manifest has it, with ${countOf(meta.rows, 'row')}.`)
    return
  }
  if (stat.sizeBytes !== meta.sizeBytes)
    yield problem(`It has ${stat.sizeBytes} bytes, the manifest says ${meta.sizeBytes}.`, Math.min(stat.sizeBytes, meta.sizeBytes))
  if (!schema) {
    yield problem(`The manifest has no table ${meta.tableId}, to which it belongs.`)
    return
  }
  const files = new FileHandles(vfs, 1)
  const reader = new SSTableReader({
    fileNumber: meta.fileNumber,
    path,
    schema: meta.role === 'base' ? schema : deltaSchema(schema).schema,
    cache: noCache,
    files,
    codecs,
  })
  try {
    let opened = true
    for await (const found of reader.verify()) {
      if (!reader.isOpen) opened = false
      yield problem(found.message, found.offset)
    }
    if (opened) for (const message of differences(reader, meta)) yield problem(message)
  } catch (error) {
    yield problem(asError(error).message)
  } finally {
    files.close()
  }
}

function* differences(reader: SSTableReader, meta: FileMeta): Generator<string> {
  if (!reader.isOpen) return
  if (reader.rowCount !== meta.rows) yield `It has ${reader.rowCount} rows, the manifest says ${meta.rows}.`
  if (hexText(reader.minKey) !== meta.minKeyHex) yield 'Its first key is not the one that the manifest names.'
  if (hexText(reader.maxKey) !== meta.maxKeyHex) yield 'Its last key is not the one that the manifest names.'
}

/** Every block is looked at once: nothing is worth keeping. */
const noCache: BlockCache = {
  name: 'none',
  get: () => undefined,
  set: () => undefined,
  forgetFile: () => undefined,
  usedBytes: 0,
  capacityBytes: 0,
  resize: () => undefined,
  evict: () => 0,
  stats: () => ({ hits: 0, misses: 0, inserted: 0, evicted: 0, entries: 0 }),
}
