import { basename } from 'node:path'
import {
  type AsyncBuffer,
  asyncBufferFromFile,
  type FileMetaData,
  parquetMetadataAsync,
  parquetRead,
  parquetSchema,
  type SchemaElement,
} from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { asError } from '../../base/errors.ts'
import { columnCollector } from './column-collector.ts'
import { InputError } from './input-error.ts'
import { type ParquetColumn, parquetColumn, physicalElement } from './parquet-schema.ts'
import { type SlicedColumn, sliceColumn } from './parquet-slices.ts'
import type { BatchOptions, InputBatch, InputColumn, ProgressListener, TableInput, TargetColumn } from './table-input.ts'
import { fileBytes } from './text-file.ts'
import { misfitError, missingError, rowError } from './value-error.ts'

type Decoded = ArrayLike<unknown>

/** A Parquet file, read one row group and in it one column at a time: a row group in Varve's own form is the most that is in memory. */
export class ParquetInput implements TableInput {
  readonly format = 'parquet'
  readonly unit = 'rows'
  readonly total: number
  readonly names: readonly string[]
  readonly firstNames: readonly string[]
  readonly roundedToMs = new Map<string, number>()
  readonly #path: string
  readonly #file: AsyncBuffer
  readonly #metadata: FileMetaData
  readonly #columns: ReadonlyMap<string, ParquetColumn | undefined>

  private constructor(path: string, file: AsyncBuffer, metadata: FileMetaData) {
    this.#path = path
    this.#file = file
    const children = parquetSchema(metadata).children
    const isNested = (element: SchemaElement, childCount: number) => childCount > 0 || element.repetition_type === 'REPEATED'
    this.#columns = new Map(
      children.map((child) => [
        child.element.name,
        isNested(child.element, child.children.length) ? undefined : parquetColumn(child.element),
      ]),
    )
    this.#metadata = { ...metadata, schema: metadata.schema.map(physicalElement) }
    this.names = [...this.#columns.keys()]
    this.firstNames = this.names
    this.total = Number(metadata.num_rows)
  }

  /** Reads the footer. InputError for what is no Parquet file, or one that is cut short. */
  static async open(path: string): Promise<ParquetInput> {
    if ((await fileBytes(path)) === 0) throw new InputError(`${path} is empty: it is no Parquet file.`, { path })
    const file = await asyncBufferFromFile(path)
    try {
      return new ParquetInput(path, file, await parquetMetadataAsync(file, { geoparquet: false }))
    } catch (cause) {
      throw new InputError(`${path} is no Parquet file, or a damaged one: ${reason(cause)}.`, { path }, cause)
    }
  }

  async describe(o: { columns?: readonly string[] | undefined }): Promise<InputColumn[]> {
    const chosen = this.names.filter((name) => o.columns === undefined || o.columns.includes(name))
    return chosen.map((name) => {
      const { kind, nullable, mode } = this.#leaf(name)
      return { name, kind, nullable, mode }
    })
  }

  async *batches(columns: readonly TargetColumn[], o: BatchOptions & { onProgress: ProgressListener }): AsyncGenerator<InputBatch> {
    let groupStart = 0
    for (const { num_rows: rows } of this.#metadata.row_groups) {
      const groupEnd = groupStart + Number(rows)
      if (groupEnd > o.skipRows) yield* this.#group(columns, Math.max(groupStart, o.skipRows), groupEnd, o)
      groupStart = groupEnd
    }
    if (groupStart !== this.total) throw this.#damaged(`its row groups hold ${groupStart} rows, the footer says ${this.total}`)
  }

  async *#group(
    columns: readonly TargetColumn[],
    from: number,
    to: number,
    o: BatchOptions & { onProgress: ProgressListener },
  ): AsyncGenerator<InputBatch> {
    const gathered: SlicedColumn[] = []
    for (const column of columns) gathered.push(await this.#gather(column, from, to))
    for (let at = from; at < to; ) {
      let rowCount = Math.min(o.rowsMax, to - at)
      const sizeOf = (count: number) => gathered.reduce((sum, { bytesOf }) => sum + bytesOf(at - from, at - from + count), 0)
      while (rowCount > 1 && sizeOf(rowCount) > o.bytesMax) rowCount = Math.ceil(rowCount / 2)
      const slices = columns.map(({ name }, i) => [name, (gathered[i] as SlicedColumn).slice(at - from, at - from + rowCount)] as const)
      o.onProgress(at + rowCount)
      yield { firstRow: at + 1, rowCount, columns: Object.fromEntries(slices), lineOf: () => undefined }
      at += rowCount
    }
  }

  /** One column of the rows [from, to), which lie in one row group. */
  async #gather(target: TargetColumn, from: number, to: number): Promise<SlicedColumn> {
    const { kind, name, nullable } = target
    const source = this.#leaf(name)
    const path = basename(this.#path)
    const collector = columnCollector(kind, to - from)
    let row = from
    let rounded = 0
    const counts = kind === 'timestamp' && source.kind === 'timestamp'
    for (const chunk of await this.#decode(name, from, to)) {
      for (let i = 0; i < chunk.length; i++, row++) {
        const raw = chunk[i]
        if (raw === undefined) throw this.#damaged(`column ${name} has no value in row ${row + 1}`)
        if (raw === null) {
          if (!nullable) throw missingError({ path, row: row + 1, column: name })
          collector.putNull(row - from)
          continue
        }
        const value = source.read(raw, kind)
        if (value === undefined) throw misfitError({ path, row: row + 1, column: name }, kind, raw)
        if (typeof value === 'string' && !value.isWellFormed())
          throw rowError({ path, row: row + 1, column: name }, 'the text is not well-formed.')
        if (counts && source.isFiner(raw)) rounded++
        collector.put(row - from, value)
      }
    }
    if (row !== to) throw this.#damaged(`column ${name} ends after row ${row} of ${to}`)
    if (rounded > 0) this.roundedToMs.set(name, (this.roundedToMs.get(name) ?? 0) + rounded)
    return sliceColumn(kind, collector.finish(to - from))
  }

  async #decode(name: string, rowStart: number, rowEnd: number): Promise<Decoded[]> {
    const chunks: { readonly from: number; readonly data: Decoded }[] = []
    try {
      await parquetRead({
        file: this.#file,
        metadata: this.#metadata,
        columns: [name],
        rowStart,
        rowEnd,
        compressors,
        parsers: { stringFromBytes: decodeText, timestampFromNanoseconds: (nanoseconds) => nanoseconds },
        utf8: false,
        geoparquet: false,
        onChunk: ({ columnData, rowStart: at }) => chunks.push({ from: at, data: columnData as Decoded }),
      })
    } catch (cause) {
      throw this.#damaged(`rows ${rowStart + 1} to ${rowEnd} of column ${name} cannot be read: ${reason(cause)}`, cause)
    }
    // Chunks are whole pages, and may reach beyond the rows asked for.
    return chunks
      .sort((a, b) => a.from - b.from)
      .map(({ from, data }) => cut(data, Math.max(0, rowStart - from), Math.max(0, Math.min(data.length, rowEnd - from))))
  }

  #leaf(name: string): ParquetColumn {
    const column = this.#columns.get(name)
    if (column) return column
    const flat = [...this.#columns].flatMap(([each, leaf]) => (leaf ? [each] : []))
    const advice = flat.length > 0 ? `Choose the others with --columns ${flat.join(',')}.` : ''
    throw new InputError(`${this.#path}: column ${name} is nested (a list, map or struct), which Varve has no type for. ${advice}`.trim(), {
      path: this.#path,
      column: name,
    })
  }

  #damaged(problem: string, cause?: unknown): InputError {
    return new InputError(`${this.#path} is damaged, or of a kind that cannot be read: ${problem}.`, { path: this.#path }, cause)
  }
}

function cut(data: Decoded, from: number, to: number): Decoded {
  if (from === 0 && to === data.length) return data
  return (data as unknown as { slice(from: number, to: number): Decoded }).slice(from, to)
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decodeText(bytes: Uint8Array | undefined): string | undefined {
  return bytes && utf8.decode(bytes)
}

function reason(thrown: unknown): string {
  return asError(thrown)
    .message.replace(/^parquet /, '')
    .replace(/\.$/, '')
}
