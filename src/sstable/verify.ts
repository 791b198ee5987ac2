import { asError, VarveError } from '../base/errors.ts'
import type { ColumnVector, KeyBlock } from '../schema/column-vector.ts'
import { compareBytes, compareKeys, encodeKeys, hashKeys, keyBytes, keyLayout } from '../schema/key-encoding.ts'
import type { TableSchema } from '../schema/table-schema.ts'
import type { BlockLoader } from './block-loader.ts'
import type { BloomFilter } from './bloom-filter.ts'
import type { SSTableIndex } from './sstable-index.ts'

/** Something wrong with an SSTable. `block` is undefined for damage outside of the blocks. */
export interface SSTableProblem {
  readonly path: string
  readonly offset: number | undefined
  readonly block: number | undefined
  readonly message: string
}

interface OpenTable {
  readonly index: SSTableIndex
  readonly loader: BlockLoader
  readonly schema: TableSchema
}

/**
 * Checks a file from end to end: frame, metadata, every block's checksum and content, null counts, that keys ascend and
 * are where the index says, and that the filter knows them all. Goes on after a damaged block. `turn` is awaited before each
 * row group, and ends it by throwing.
 */
export async function* verifySSTable(
  file: { readonly path: string },
  open: () => Promise<OpenTable>,
  turn?: () => Promise<void>,
): AsyncGenerator<SSTableProblem> {
  let table: OpenTable
  try {
    table = await open()
  } catch (error) {
    yield problemOf(error, file.path)
    return
  }
  let filter: BloomFilter | undefined
  try {
    filter = await table.loader.loadFilter()
    await table.loader.readBlock(table.index.filterOrdinal)
  } catch (error) {
    yield problemOf(error, file.path)
  }
  let last: KeyBlock | undefined
  for (let group = 0; group < table.index.metadata.groupCount; group++) {
    await turn?.()
    const columns: (ColumnVector | undefined)[] = []
    for (let column = 0; column < table.index.stride; column++) {
      try {
        columns.push(await verifyColumn(table, group * table.index.stride + column))
      } catch (error) {
        columns.push(undefined)
        yield problemOf(error, file.path)
      }
    }
    const keys = keysOf(table, group, columns)
    if (keys === undefined) continue
    for (const message of keyProblems(table, group, keys, last, filter))
      yield { path: file.path, offset: undefined, block: undefined, message }
    last = keys
  }
}

async function verifyColumn({ index, loader }: OpenTable, ordinal: number): Promise<ColumnVector> {
  const { vector } = loader.decode(ordinal, await loader.readBlock(ordinal))
  let nullCount = 0
  if (vector.nulls !== undefined) for (const flag of vector.nulls) nullCount += flag
  const expected = index.metadata.zoneMaps.at(ordinal).nullCount
  if (nullCount !== expected) throw new Error(`Block ${ordinal} has ${nullCount} nulls, its zone map says ${expected}.`)
  return vector
}

function keysOf({ index, schema }: OpenTable, group: number, stored: readonly (ColumnVector | undefined)[]): KeyBlock | undefined {
  const columns = new Array<ColumnVector>(schema.columns.length)
  for (const position of schema.keyColumns) {
    const vector = stored[index.columnIndexes[position] as number]
    if (vector === undefined) return undefined
    columns[position] = vector
  }
  return encodeKeys(schema, { rowCount: index.groupRowCount(group), columns })
}

function* keyProblems(
  { index, schema }: OpenTable,
  group: number,
  keys: KeyBlock,
  last: KeyBlock | undefined,
  filter: BloomFilter | undefined,
): Generator<string> {
  const layout = keyLayout(schema)
  const { firstKeys, maxKey, groupCount } = index.metadata
  if (compareBytes(keyBytes(keys, 0, layout), firstKeys[group] as Uint8Array) !== 0)
    yield `The first key of group ${group} is not that of the index.`
  if (group === groupCount - 1 && compareBytes(keyBytes(keys, keys.count - 1, layout), maxKey) !== 0)
    yield 'The last key is not that of the index.'
  if (last !== undefined && compareKeys(last, last.count - 1, keys, 0) >= 0)
    yield `Group ${group} does not follow the one before in key order.`
  for (let i = 1; i < keys.count; i++) {
    if (compareKeys(keys, i - 1, keys, i) < 0) continue
    yield `Keys ${i - 1} and ${i} of group ${group} are not in ascending order.`
    break
  }
  if (filter === undefined) return
  for (const hash of hashKeys(keys)) {
    if (filter.mayContain(hash)) continue
    yield `The bloom filter lacks a key of group ${group}.`
    break
  }
}

function problemOf(thrown: unknown, path: string): SSTableProblem {
  const error = asError(thrown)
  const { offset, block } = error instanceof VarveError ? error.context : {}
  return {
    path,
    offset: typeof offset === 'number' ? offset : undefined,
    block: typeof block === 'number' ? block : undefined,
    message: error.message,
  }
}
