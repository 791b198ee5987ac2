import type { ColumnVector } from '../schema/column-vector.ts'
import { type DecodedRow, rowDecoder } from '../schema/row-decoder.ts'
import { type BatchView, batchView } from './batch-view.ts'
import { matchedBatches, type ScanSource } from './matched-batches.ts'
import type { ScanPlan } from './scan-plan.ts'

export type { ScanSource } from './matched-batches.ts'

type AnyRow = DecodedRow

/** Matching rows of a batch within the limit; `columns` in the order of the plan's positions. */
interface LimitedBatch {
  readonly rowCount: number
  readonly selection: Int32Array | undefined
  readonly columns: ColumnVector[]
}

interface Reading {
  readonly plan: ScanPlan
  readonly source: ScanSource
  readonly signal: AbortSignal | undefined
}

/** Lets go of scans that nobody ever read. */
const abandoned = new FinalizationRegistry<() => void>((release) => release())

/** A scan that pinned its snapshot when it was made, and is read once, as rows or as batches. */
export class QueryScan implements AsyncIterable<AnyRow> {
  #reading: Reading | { readonly failure: unknown } | undefined

  constructor(reading: Reading | { readonly failure: unknown }) {
    this.#reading = reading
    if ('source' in reading) abandoned.register(this, reading.source.release, this)
  }

  /** The rows, one by one. */
  async *[Symbol.asyncIterator](): AsyncGenerator<AnyRow> {
    for await (const rows of decoded(this.#begin())) yield* rows
  }

  async toArray(): Promise<AnyRow[]> {
    const all: AnyRow[][] = []
    for await (const rows of decoded(this.#begin())) all.push(rows)
    return all.flat()
  }

  async first(): Promise<AnyRow | undefined> {
    for await (const row of this) return row
    return undefined
  }

  /** The rows by batches of columns; each batch is valid until the next is asked for. */
  async *batches(): AsyncGenerator<BatchView> {
    const reading = this.#begin()
    for await (const { columns, rowCount, selection } of limited(reading)) yield batchView(reading.plan, columns, rowCount, selection)
  }

  #begin(): Reading {
    const reading = this.#reading
    this.#reading = undefined
    abandoned.unregister(this)
    if (!reading) throw new TypeError('A scan is read once. Call scan() again to read again.')
    if ('failure' in reading) throw reading.failure
    return reading
  }
}

/** Rows decoded at a time: few enough that a reader who stops early has not paid for many. */
const decodedRowsMax = 512

async function* decoded(reading: Reading): AsyncGenerator<AnyRow[]> {
  const decoder = rowDecoder(reading.plan.schema, reading.plan.positions)
  for await (const { columns, rowCount, selection } of limited(reading)) {
    const selected = selection ?? Int32Array.from({ length: rowCount }, (_, i) => i)
    for (let from = 0; from < selected.length; from += decodedRowsMax) {
      const rows: AnyRow[] = []
      decoder.rows(columns, selected.subarray(from, from + decodedRowsMax), rows)
      yield rows
    }
  }
}

/** The matched batches, cut at the limit; releases the source at the end, however that comes. */
async function* limited({ plan, source, signal }: Reading): AsyncGenerator<LimitedBatch> {
  let left = plan.limit
  try {
    if (left === 0 || plan.range.empty) return
    for await (const batch of matchedBatches(plan, source, { positions: plan.positions, signal })) {
      const columns = plan.positions.map((position) => batch.column(position))
      const count = batch.selection?.length ?? batch.rowCount
      const selection =
        count <= left ? batch.selection : (batch.selection?.subarray(0, left) ?? Int32Array.from({ length: left }, (_, i) => i))
      yield { rowCount: batch.rowCount, selection, columns }
      left -= count
      if (left <= 0) return
    }
  } finally {
    source.release()
  }
}
