import { VarveError } from '../base/errors.ts'
import { eventLoopGate } from '../base/event-loop-gate.ts'
import { memoryBytesOf } from '../rowset/row-memory.ts'
import { type ChangeBlock, type ChangeEncoder, changeEncoder } from '../schema/change-encoder.ts'
import { type ColumnInput, columnInput } from '../schema/column-input.ts'
import { type RowEncoder, rowEncoder } from '../schema/row-encoder.ts'
import type { TableSchema } from '../schema/table-schema.ts'
import type { Tablet } from '../tablet/tablet.ts'
import type { Durability, WriteOptions } from './api.ts'
import { composedSections, type RecordedOp } from './composed-sections.ts'
import { distinctSections } from './distinct-sections.ts'
import { hasSameKey } from './duplicate-finder.ts'
import { sliceRows, type Write, type WriteSection } from './write.ts'
import type { WriteCounts } from './write-api.ts'
import { changeSections, rowSections, wishes } from './write-sections.ts'

export interface TableWriterOptions {
  readonly schema: TableSchema
  readonly tablets: readonly Tablet[]
  readonly durability: Durability
  /** A quarter of the memory limit. */
  readonly batchBytesMax: number
  /** Resolves with the write's answer. */
  submit(write: Write | Promise<Write>, signal: AbortSignal | undefined): Promise<unknown>
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
  #changes: ChangeEncoder | undefined

  constructor(o: TableWriterOptions) {
    this.#o = o
    this.#encoder = rowEncoder(o.schema)
  }

  /** Inserts rows, atomically. Rows past the first few thousand are read while the call waits: do not change them before it resolves. */
  insert(input: object | readonly object[], o: WriteOptions & { readonly ifExists?: 'error' | 'skip' }): Promise<number> {
    const rows: readonly object[] = Array.isArray(input) ? input : [input as object]
    const wish = o.ifExists === 'skip' ? wishes.insertMissing : wishes.insert
    const encode = (from: number, to: number) => rowSections(this.#o, wish, this.#encoder.encode(rows, from, to), from)
    const encoding = { count: rows.length, encode, answer: insertedOf, keep: 'first' } as const
    if (o.ifExists !== 'skip') return this.#submit(encoding, o)
    return this.#submit({ ...encoding, composed: () => ({ op: 'insert', rows: this.#encoder.encode(rows), ifExists: 'skip' }) }, o)
  }

  /** Inserts rows, or changes those that are there. */
  upsert(input: object | readonly object[], o: WriteOptions): Promise<void> {
    const rows: readonly object[] = Array.isArray(input) ? input : [input as object]
    const changes = this.#changesOf('upsert', rows.length, (from, to) => this.#changeEncoder.upserts(rows, from, to))
    return this.#submit(changes, o).then(() => undefined)
  }

  /** Changes rows that are there; resolves with their number. */
  update(input: object | readonly object[], o: WriteOptions): Promise<number> {
    const rows: readonly object[] = Array.isArray(input) ? input : [input as object]
    return this.#submit(
      this.#changesOf('update', rows.length, (from, to) => this.#changeEncoder.updates(rows, from, to)),
      o,
    )
  }

  /** Deletes rows by their keys; resolves with how many there were. */
  delete(input: unknown, o: WriteOptions): Promise<number> {
    const keys: readonly unknown[] = Array.isArray(input) ? input : [input]
    return this.#submit(
      this.#changesOf('delete', keys.length, (from, to) => [this.#changeEncoder.keys(keys, from, to)]),
      o,
    )
  }

  /** Inserts columns in parts of about `columnsPartBytes`, each atomic, one after the other; an error says in its context how many rows went before it (`insertedRows`). */
  async insertColumns(input: object, o: WriteOptions): Promise<number> {
    const columns = columnInput(this.#o.schema, input)
    let inserted = 0
    try {
      while (inserted < columns.rowCount) inserted += (await this.#o.submit(this.#nextPart(columns, inserted, o), o.signal)) as number
    } catch (error) {
      throw inserted > 0 && error instanceof VarveError ? this.#afterParts(error, inserted) : error
    }
    return inserted
  }

  get #changeEncoder(): ChangeEncoder {
    this.#changes ??= changeEncoder(this.#o.schema)
    return this.#changes
  }

  #changesOf(op: 'upsert' | 'update' | 'delete', count: number, blocks: (from: number, to: number) => ChangeBlock[]): Encoding {
    return {
      count,
      encode: (from, to) => blocks(from, to).flatMap((change) => changeSections(this.#o, wishes[op], change, this.#changeEncoder)),
      answer: changedOf,
      keep: 'last',
      composed: () => ({ op, changes: blocks(0, count) }),
    }
  }

  /** Submits rows in sections, encoding them slice by slice if they are many. */
  #submit(encoding: Encoding, o: WriteOptions): Promise<number> {
    const { count, encode } = encoding
    if (count === 0) return eventLoopGate.resolve(0)
    const write = count > sliceRows ? this.#encodeInSlices(encoding, o) : this.#distinctWrite(encode(0, count), encoding, o)
    return this.#o.submit(write, o.signal) as Promise<number>
  }

  async #encodeInSlices(encoding: Encoding, o: WriteOptions): Promise<Write> {
    const sections: WriteSection[] = []
    let sizeBytes = 0
    for (let at = 0; at < encoding.count; at += sliceRows) {
      const slice = encoding.encode(at, Math.min(encoding.count, at + sliceRows))
      sections.push(...slice)
      sizeBytes += bytesOf(slice)
      if (sizeBytes > this.#o.batchBytesMax) throw this.#tooLarge(sizeBytes, encoding.count)
      const pause = eventLoopGate.pause()
      if (pause) await pause
    }
    return this.#distinctWrite(sections, encoding, o)
  }

  /** Inserts are looked at when their turn comes: the same key twice is an error. Other ops on one key become one. */
  #distinctWrite(sections: WriteSection[], { answer, composed, keep }: Encoding, o: WriteOptions): Write {
    if (composed === undefined || !hasSameKey(sections)) return this.#write(sections, o, answer)
    const distinct = distinctSections(sections, keep)
    if (distinct) return this.#write(distinct, o, answer)
    const encoders = { rows: this.#encoder, changes: this.#changeEncoder }
    return this.#write(composedSections(this.#o, [composed()], encoders, { countOps: false }), o, answer)
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
    const sections = rowSections(this.#o, wishes.insert, columns.slice(from, columns.rowCount), from)
    return bytesOf(sections) <= this.#o.batchBytesMax ? this.#write(sections, o, insertedOf) : this.#layOutPart(columns, from, o)
  }

  async #layOutPart(columns: ColumnInput, from: number, o: WriteOptions): Promise<Write> {
    const { batchBytesMax } = this.#o
    const partBytesMax = Math.min(batchBytesMax, columnsPartBytes)
    const part: WriteSection[] = []
    let partBytes = 0
    let rows = sliceRows
    for (let at = from; at < columns.rowCount; ) {
      const to = Math.min(columns.rowCount, at + rows)
      const sections = rowSections(this.#o, wishes.insert, columns.slice(at, to), at)
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
    return this.#write(part, o, insertedOf)
  }

  #write(sections: WriteSection[], o: WriteOptions, answer: (counts: WriteCounts) => number): Write {
    const rowCount = sections.reduce((sum, { rows }) => sum + rows.rowCount, 0)
    const sizeBytes = bytesOf(sections)
    if (sizeBytes > this.#o.batchBytesMax) throw this.#tooLarge(sizeBytes, rowCount)
    return { sections, rowCount, sizeBytes, durability: o.durability ?? this.#o.durability, answer, signal: o.signal }
  }

  #tooLarge(sizeBytes: number, rows: number): VarveError {
    const { batchBytesMax, schema } = this.#o
    return new VarveError(
      'BATCH_TOO_LARGE',
      `Table ${schema.name}: ${rows} rows in one call take more than ${batchBytesMax} bytes, a quarter of memory.limit. Write them in several calls, or raise memory.limit.`,
      { context: { table: schema.name, rows, sizeBytes, bytesMax: batchBytesMax } },
    )
  }
}

/** How a call becomes sections. */
interface Encoding {
  readonly count: number
  encode(from: number, to: number): WriteSection[]
  answer(counts: WriteCounts): number
  /** Which of the rows of one key says all, if they are of the same columns. */
  readonly keep: 'first' | 'last'
  /** The same, where a key comes several times with other columns: to be composed. Absent: that is an error. */
  composed?(): RecordedOp
}

function insertedOf(counts: WriteCounts): number {
  return counts.inserted
}

function changedOf(counts: WriteCounts): number {
  return counts.updated + counts.deleted
}

function bytesOf(sections: readonly WriteSection[]): number {
  return sections.reduce((sum, { rows, keys }) => sum + memoryBytesOf(rows, keys), 0)
}
