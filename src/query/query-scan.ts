import type { DecodedRow } from '../schema/row-decoder.ts'
import { ascendingRows } from './ascending-rows.ts'
import { type BatchView, batchView } from './batch-view.ts'
import { decoderOf, RowReader } from './row-reader.ts'
import { type Reading, releaseWhenGone, type ScanBatch, ScanBatches, settle } from './scan-batches.ts'

export type { ScanSource } from './match-batch.ts'

/** A scan that pinned its snapshot when it was made, and is read once, as rows or as batches. Misuse shows when it is read. */
export class QueryScan implements AsyncIterable<DecodedRow> {
  #reading: Reading | undefined

  constructor(reading: Reading) {
    this.#reading = reading
    if ('source' in reading) releaseWhenGone(this, reading.source.release)
  }

  /** The rows, one by one. */
  [Symbol.asyncIterator](): AsyncIterableIterator<DecodedRow> {
    return new RowReader(this.#begin())
  }

  async toArray(): Promise<DecodedRow[]> {
    const reading = this.#begin()
    const rows: DecodedRow[] = []
    for await (const { columns, rowCount, selection } of new ScanBatches(reading)) {
      if ('plan' in reading) decoderOf(reading.plan).rows(columns, selection ?? ascendingRows(rowCount), rows)
    }
    return rows
  }

  async first(): Promise<DecodedRow | undefined> {
    const reading = this.#begin()
    const reader = new RowReader(
      'plan' in reading ? { ...reading, plan: { ...reading.plan, limit: Math.min(reading.plan.limit, 1) } } : reading,
    )
    for await (const row of reader) return row
    return undefined
  }

  /** The rows by batches of columns; each batch is valid until the next is asked for. */
  batches(): AsyncIterableIterator<BatchView> {
    const reading = this.#begin()
    const batches = new ScanBatches(reading)
    const view = ({ columns, rowCount, selection }: ScanBatch) => {
      if (!('plan' in reading)) throw reading.failure
      return batchView(reading.plan, columns, rowCount, selection)
    }
    return {
      async next() {
        const { done, value } = await batches.next()
        return done ? { done, value } : { done: false, value: view(value) }
      },
      async return() {
        await batches.return()
        return { done: true, value: undefined }
      },
      [Symbol.asyncIterator]() {
        return this
      },
    }
  }

  /** What is to be read: given away once. */
  #begin(): Reading {
    const reading = this.#reading ?? { failure: new TypeError('A scan is read once. Call scan() again to read again.') }
    this.#reading = undefined
    settle(this)
    return reading
  }
}
