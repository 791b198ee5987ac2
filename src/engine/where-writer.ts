/**
 * Writes to all rows that match. The rows are found by a scan and then written on condition that none of them has changed
 * since; if one has, the scan is made anew, in the write's turn, while no other is made: else it might never come to an end
 * beside writes that keep changing its rows. So the write is of one moment, as a whole or not at all.
 */
import { VarveError } from '../base/errors.ts'
import { ascendingRows } from '../query/ascending-rows.ts'
import type { Predicate } from '../query/predicate.ts'
import { type PinnedReading, ScanBatches } from '../query/scan-batches.ts'
import { planRead, type ScanPlan } from '../query/scan-plan.ts'
import { memoryBytesOf } from '../rowset/row-memory.ts'
import { atSchemaPositions, type ChangeBlock, type ConstantChange, changeEncoder } from '../schema/change-encoder.ts'
import type { ColumnVector } from '../schema/column-vector.ts'
import { encodeKeys } from '../schema/key-encoding.ts'
import type { TableSchema } from '../schema/table-schema.ts'
import { gatherVector } from '../schema/vector-ops.ts'
import type { Tablet } from '../tablet/tablet.ts'
import type { Durability, WriteOptions } from './call-options.ts'
import { sliceRows, type Write, type WriteInTurn, type WriteSection } from './write.ts'
import { changeSections, type Wish, wishes } from './write-sections.ts'

export interface WhereWriterOptions {
  readonly schema: TableSchema
  readonly tablets: readonly Tablet[]
  readonly durability: Durability
  readonly batchBytesMax: number
  /** A pinned read of the newest state, and its timestamp. */
  pin(plan: ScanPlan): { readonly source: PinnedReading['source']; readonly timestamp: number }
  submit(write: Write | WriteInTurn, signal: AbortSignal | undefined): Promise<unknown>
}

export class WhereWriter {
  readonly #o: WhereWriterOptions

  constructor(o: WhereWriterOptions) {
    this.#o = o
  }

  update(where: unknown, changes: object, o: WriteOptions): Promise<number> {
    return this.#write(wishes.update, where, changeEncoder(this.#o.schema).constants(changes), o)
  }

  delete(where: unknown, o: WriteOptions): Promise<number> {
    return this.#write(wishes.delete, where, { positions: [], values: () => [] }, o)
  }

  async #write(wish: Wish, where: unknown, constants: ConstantChange, o: WriteOptions): Promise<number> {
    const { schema } = this.#o
    const positions = [...schema.keyColumns].sort((a, b) => a - b)
    const request = { where: where as Predicate<never> }
    const plan = planRead(schema, request, { positions, sorted: false, reverse: false, limit: Number.POSITIVE_INFINITY })
    if (plan.predicate === undefined)
      throw new TypeError(
        `Give a predicate that says which rows, as in ${wish === wishes.delete ? "deleteWhere(eq('status', 1))" : "updateWhere(eq('status', 1), { … })"}.`,
      )
    // What was called before is to be seen: an empty write comes behind it.
    await this.#o.submit(this.#writeOf([], undefined, { ...o, durability: 'write' }), o.signal)
    const { source, timestamp } = this.#o.pin(plan)
    const sections = await this.#sections(wish, plan, source, constants, o)
    if (sections.length === 0) return 0
    try {
      return (await this.#o.submit(this.#writeOf(sections, timestamp, o), o.signal)) as number
    } catch (error) {
      if (!(error instanceof VarveError && error.code === 'WRITE_CONFLICT')) throw error
    }
    const inTurn = async () => this.#writeOf(await this.#sections(wish, plan, this.#o.pin(plan).source, constants, o), undefined, o)
    return (await this.#o.submit(inTurn, o.signal)) as number
  }

  async #sections(
    wish: Wish,
    plan: ScanPlan,
    source: PinnedReading['source'],
    constants: ConstantChange,
    o: WriteOptions,
  ): Promise<WriteSection[]> {
    const sections: WriteSection[] = []
    let sizeBytes = 0
    for await (const { columns, rowCount, selection } of new ScanBatches({ plan, source, signal: o.signal })) {
      const rows = selection ?? ascendingRows(rowCount)
      for (let from = 0; from < rows.length; from += sliceRows) {
        const change = this.#changeOf(plan, columns, rows.subarray(from, from + sliceRows), constants)
        const added = changeSections(this.#o, wish, change, changeEncoder(this.#o.schema))
        for (const { rows: block, keys } of added) sizeBytes += memoryBytesOf(block, keys)
        if (sizeBytes > this.#o.batchBytesMax) throw this.#tooLarge()
        sections.push(...added)
      }
    }
    return sections
  }

  #changeOf(plan: ScanPlan, columns: readonly ColumnVector[], rows: Int32Array, constants: ConstantChange): ChangeBlock {
    const { schema } = this.#o
    const placed: [position: number, vector: ColumnVector][] = [
      ...plan.positions.map((position, k): [number, ColumnVector] => [position, gatherVector(columns[k] as ColumnVector, rows)]),
    ]
    const values = constants.values(rows.length)
    constants.positions.forEach((position, k) => {
      placed.push([position, values[k] as ColumnVector])
    })
    placed.sort(([a], [b]) => a - b)
    const positions = placed.map(([position]) => position)
    const block = { rowCount: rows.length, columns: placed.map(([, vector]) => vector) }
    const keys = encodeKeys(schema, atSchemaPositions({ positions, block }))
    return { positions, block, keys, inputRows: ascendingRows(rows.length) }
  }

  /** `timestamp`: when the rows were found, if they may have changed since. */
  #writeOf(sections: readonly WriteSection[], timestamp: number | undefined, o: WriteOptions): Write {
    return {
      sections,
      expectations: timestamp === undefined ? [] : sections.map(({ tablet, keys, hashes }) => ({ tablet, keys, hashes, timestamp })),
      rowCount: sections.reduce((sum, { keys }) => sum + keys.count, 0),
      sizeBytes: sections.reduce((sum, { rows, keys }) => sum + memoryBytesOf(rows, keys), 0),
      durability: o.durability ?? this.#o.durability,
      answer: ({ updated, deleted }) => updated + deleted,
      signal: o.signal,
    }
  }

  #tooLarge(): VarveError {
    const { schema, batchBytesMax } = this.#o
    return new VarveError(
      'BATCH_TOO_LARGE',
      `Table ${schema.name}: the rows that match take more than ${batchBytesMax} bytes to change, a quarter of memory.limit. Change them in several calls, by ranges of keys, or raise memory.limit.`,
      { context: { table: schema.name, bytesMax: batchBytesMax } },
    )
  }
}
