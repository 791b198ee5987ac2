import { eventLoopGate } from '../base/event-loop-gate.ts'
import { type DecodedRow, type RowDecoder, rowDecoder } from '../schema/row-decoder.ts'
import type { TableSchema } from '../schema/table-schema.ts'
import { ascendingRows } from './ascending-rows.ts'
import { type Reading, type ScanBatch, ScanBatches } from './scan-batches.ts'
import type { ScanPlan } from './scan-plan.ts'

/** Rows decoded at a time: few enough that a reader who stops early has not paid for many. */
const decodedRowsMax = 512
/** Decoders kept for a table: it is read through a few sets of columns. */
const decodersMax = 32

const decoders = new WeakMap<TableSchema, Map<string, RowDecoder>>()

/** The decoder of the plan's columns: compiled once, since compiling costs more than reading a hundred rows. */
export function decoderOf({ schema, positions }: Pick<ScanPlan, 'schema' | 'positions'>): RowDecoder {
  let known = decoders.get(schema)
  if (!known || known.size >= decodersMax) {
    known = new Map()
    decoders.set(schema, known)
  }
  const name = positions.join()
  let decoder = known.get(name)
  if (!decoder) {
    decoder = rowDecoder(schema, positions)
    known.set(name, decoder)
  }
  return decoder
}

/**
 * The rows of a scan, one by one. Those of a decoded piece of a batch are handed out without waiting; calls that come
 * before an earlier one is answered wait their turn.
 */
export class RowReader implements AsyncIterableIterator<DecodedRow> {
  readonly #batches: ScanBatches
  readonly #decoder: RowDecoder | undefined
  #rows: DecodedRow[] = []
  #at = 0
  #batch: ScanBatch | undefined
  /** Rows of the batch that are decoded. */
  #decoded = 0
  #waiting = 0
  #queue: Promise<unknown> = Promise.resolve()

  constructor(reading: Reading) {
    this.#batches = new ScanBatches(reading)
    this.#decoder = 'plan' in reading ? decoderOf(reading.plan) : undefined
  }

  next(): Promise<IteratorResult<DecodedRow>> {
    if (this.#waiting === 0 && this.#at < this.#rows.length)
      return Promise.resolve({ done: false, value: this.#rows[this.#at++] as DecodedRow })
    return this.#inTurn(() => this.#advance())
  }

  return(): Promise<IteratorResult<DecodedRow>> {
    return this.#inTurn(async () => {
      this.#rows = []
      this.#batch = undefined
      await this.#batches.return()
      return { done: true, value: undefined }
    })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #inTurn(answer: () => Promise<IteratorResult<DecodedRow>>): Promise<IteratorResult<DecodedRow>> {
    this.#waiting++
    const answered = this.#queue.then(answer)
    const settled = () => {
      this.#waiting--
    }
    this.#queue = answered.then(settled, settled)
    return answered
  }

  async #advance(): Promise<IteratorResult<DecodedRow>> {
    while (this.#at === this.#rows.length) {
      if (!this.#batch) {
        const next = await this.#batches.next()
        if (next.done) return { done: true, value: undefined }
        this.#batch = next.value
        this.#decoded = 0
      }
      this.#decodeMore(this.#batch)
      const pause = eventLoopGate.pause()
      if (pause) await pause
    }
    return { done: false, value: this.#rows[this.#at++] as DecodedRow }
  }

  #decodeMore({ columns, rowCount, selection = ascendingRows(rowCount) }: ScanBatch): void {
    const until = Math.min(selection.length, this.#decoded + decodedRowsMax)
    this.#rows = []
    this.#at = 0
    this.#decoder?.rows(columns, selection.subarray(this.#decoded, until), this.#rows)
    this.#decoded = until
    if (until === selection.length) this.#batch = undefined
  }
}
