import { VarveError } from '../base/errors.ts'
import { eventLoopGate } from '../base/event-loop-gate.ts'
import { memoryBytesOf } from '../rowset/row-memory.ts'
import { type ColumnInput, columnInput } from '../schema/column-input.ts'
import type { RowBlock } from '../schema/column-vector.ts'
import { encodeKeys, hashKeys } from '../schema/key-encoding.ts'
import { partitionRows } from '../schema/partitioner.ts'
import { type RowEncoder, rowEncoder } from '../schema/row-encoder.ts'
import type { TableSchema } from '../schema/table-schema.ts'
import { gatherBlock } from '../schema/vector-ops.ts'
import type { Tablet } from '../tablet/tablet.ts'
import type { Durability, WriteOptions } from './api.ts'
import { sliceRows, type Write, type WriteSection } from './write.ts'

export interface TableWriterOptions {
  readonly schema: TableSchema
  readonly tablets: readonly Tablet[]
  readonly durability: Durability
  /** A quarter of the memory limit. */
  readonly batchBytesMax: number
  submit(write: Write | Promise<Write>, signal: AbortSignal | undefined): Promise<number>
}

/**
 * What a part of an `insertColumns` takes in memory: large enough that its log record is one write, small enough that
 * buffers are used again, other writes get their turn, and nothing waits for long.
 */
const columnsPartBytes = 4 * 1024 * 1024

/** Turns what a caller hands in into writes: validates, lays out as columns, encodes keys, finds each row's tablet. */
export class TableWriter {
  readonly #o: TableWriterOptions
  readonly #encoder: RowEncoder

  constructor(o: TableWriterOptions) {
    this.#o = o
    this.#encoder = rowEncoder(o.schema)
  }

  /** Inserts rows, atomically. Rows past the first few thousand are read while the call waits: do not change them before it resolves. */
  insert(input: object | readonly object[], o: WriteOptions): Promise<number> {
    const rows: readonly object[] = Array.isArray(input) ? input : [input as object]
    if (rows.length === 0) return eventLoopGate.resolve(0)
    if (rows.length > sliceRows) return this.#o.submit(this.#encodeInSlices(rows, o), o.signal)
    return this.#o.submit(this.#write(this.#sections(this.#encoder.encode(rows), 0), o), o.signal)
  }

  /** Inserts columns in parts of about `columnsPartBytes`, each atomic, one after the other; an error says in its context how many rows went before it (`insertedRows`). */
  async insertColumns(input: object, o: WriteOptions): Promise<number> {
    const columns = columnInput(this.#o.schema, input)
    let inserted = 0
    try {
      while (inserted < columns.rowCount) inserted += await this.#o.submit(this.#nextPart(columns, inserted, o), o.signal)
    } catch (error) {
      throw inserted > 0 && error instanceof VarveError ? this.#afterParts(error, inserted) : error
    }
    return inserted
  }

  /** What a call is rejected with whose first batches were applied. */
  #afterParts(error: VarveError, insertedRows: number): VarveError {
    const { name } = this.#o.schema
    const message = `Table ${name}: the first ${insertedRows} rows of this call were inserted, in batches of their own, and stay; the next batch was refused. ${error.message}`
    return new VarveError(error.code, message, { context: { ...error.context, table: name, insertedRows }, cause: error })
  }

  /** As many rows as one batch may hold; at once if few are left. */
  #nextPart(columns: ColumnInput, from: number, o: WriteOptions): Write | Promise<Write> {
    if (columns.rowCount - from > sliceRows) return this.#layOutPart(columns, from, o)
    const sections = this.#sections(columns.slice(from, columns.rowCount), from)
    return bytesOf(sections) <= this.#o.batchBytesMax ? this.#write(sections, o) : this.#layOutPart(columns, from, o)
  }

  async #layOutPart(columns: ColumnInput, from: number, o: WriteOptions): Promise<Write> {
    const { batchBytesMax } = this.#o
    const partBytesMax = Math.min(batchBytesMax, columnsPartBytes)
    const part: WriteSection[] = []
    let partBytes = 0
    let rows = sliceRows
    for (let at = from; at < columns.rowCount; ) {
      const to = Math.min(columns.rowCount, at + rows)
      const sections = this.#sections(columns.slice(at, to), at)
      const sizeBytes = bytesOf(sections)
      if (partBytes + sizeBytes <= (part.length > 0 ? partBytesMax : batchBytesMax)) {
        part.push(...sections)
        partBytes += sizeBytes
        at = to
      } else if (part.length > 0) {
        break
      } else if (to - at > 1) {
        // Rows so large that a slice of them is more than a batch.
        rows = Math.ceil((to - at) / 2)
      } else {
        throw this.#tooLarge(sizeBytes, 1)
      }
      const pause = eventLoopGate.pause()
      if (pause) await pause
    }
    return this.#write(part, o)
  }

  async #encodeInSlices(rows: readonly object[], o: WriteOptions): Promise<Write> {
    const sections: WriteSection[] = []
    let sizeBytes = 0
    for (let at = 0; at < rows.length; at += sliceRows) {
      const slice = this.#sections(this.#encoder.encode(rows, at, Math.min(rows.length, at + sliceRows)), at)
      sections.push(...slice)
      sizeBytes += bytesOf(slice)
      if (sizeBytes > this.#o.batchBytesMax) throw this.#tooLarge(sizeBytes, rows.length)
      const pause = eventLoopGate.pause()
      if (pause) await pause
    }
    return this.#write(sections, o)
  }

  #sections(rows: RowBlock, firstRow: number): WriteSection[] {
    const { schema, tablets } = this.#o
    const keys = encodeKeys(schema, rows, firstRow)
    const parts = partitionRows(schema, rows, keys)
    if (!parts) return [{ tablet: tablets[0] as Tablet, rows, keys, hashes: hashKeys(keys), inputRows: undefined, firstRow }]
    return splitByTablet(parts, tablets.length).flatMap((selected, ordinal) => {
      if (selected.length === 0) return []
      const block = gatherBlock(rows, selected)
      const partKeys = encodeKeys(schema, block)
      const inputRows = selected.map((row) => row + firstRow)
      return [{ tablet: tablets[ordinal] as Tablet, rows: block, keys: partKeys, hashes: hashKeys(partKeys), inputRows, firstRow }]
    })
  }

  #write(sections: WriteSection[], o: WriteOptions): Write {
    const rowCount = sections.reduce((sum, { rows }) => sum + rows.rowCount, 0)
    const sizeBytes = bytesOf(sections)
    if (sizeBytes > this.#o.batchBytesMax) throw this.#tooLarge(sizeBytes, rowCount)
    return { sections, rowCount, sizeBytes, durability: o.durability ?? this.#o.durability, signal: o.signal }
  }

  #tooLarge(sizeBytes: number, rows: number): VarveError {
    const { batchBytesMax, schema } = this.#o
    return new VarveError(
      'BATCH_TOO_LARGE',
      `Table ${schema.name}: ${rows} rows in one call take more than ${batchBytesMax} bytes, a quarter of memory.limit. Insert them in several calls, or raise memory.limit.`,
      { context: { table: schema.name, rows, sizeBytes, bytesMax: batchBytesMax } },
    )
  }
}

function bytesOf(sections: readonly WriteSection[]): number {
  return sections.reduce((sum, { rows, keys }) => sum + memoryBytesOf(rows, keys), 0)
}

/** The rows of each tablet, ascending, by counting first. */
function splitByTablet(parts: Uint16Array, tabletCount: number): Int32Array[] {
  const counts = new Int32Array(tabletCount)
  for (let i = 0; i < parts.length; i++) counts[parts[i] as number] = (counts[parts[i] as number] as number) + 1
  const selected = Array.from(counts, (count) => new Int32Array(count))
  counts.fill(0)
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] as number
    const at = counts[part] as number
    ;(selected[part] as Int32Array)[at] = i
    counts[part] = at + 1
  }
  return selected
}
