import { eventLoopGate } from '../base/event-loop-gate.ts'
import { fileError } from '../base/file-error.ts'
import type { ColumnVector } from '../schema/column-vector.ts'
import { ascendingRows } from './ascending-rows.ts'
import type { ScanSource } from './match-batch.ts'
import { matchedBatches } from './matched-batches.ts'
import type { ScanPlan } from './scan-plan.ts'

/** A scan that can be read; or why it cannot be. */
export type Reading = PinnedReading | { readonly failure: unknown }

export interface PinnedReading {
  readonly plan: ScanPlan
  readonly source: ScanSource
  readonly signal: AbortSignal | undefined
}

/** Matching rows of a batch within the limit; `columns` in the order of the plan's positions. */
export interface ScanBatch {
  readonly rowCount: number
  readonly selection: Int32Array | undefined
  readonly columns: readonly ColumnVector[]
}

/** Lets go of sources whose readers are gone. */
const abandoned = new FinalizationRegistry<() => void>((release) => release())

/** Has a source released once `reader` is garbage, unless `settle` was called before. `release` must not refer to the reader. */
export function releaseWhenGone(reader: object, release: () => void): void {
  abandoned.register(reader, release, reader)
}

export function settle(reader: object): void {
  abandoned.unregister(reader)
}

/**
 * The matched batches of a scan, cut at its limit. Holds the source until the end, a failure, `return`, or, if nobody
 * calls it any more, the next garbage collection.
 */
export class ScanBatches implements AsyncIterableIterator<ScanBatch> {
  readonly #batches: AsyncGenerator<ScanBatch>
  readonly #release: () => void

  constructor(reading: Reading) {
    this.#batches = limitedBatches(reading)
    this.#release = 'source' in reading ? reading.source.release : () => undefined
    releaseWhenGone(this, this.#release)
  }

  async next(): Promise<IteratorResult<ScanBatch>> {
    try {
      const result = await this.#batches.next()
      if (result.done) await this.#end()
      return result
    } catch (error) {
      await this.#end()
      throw fileError(error)
    }
  }

  async return(): Promise<IteratorResult<ScanBatch>> {
    // Waits for a read that is under way: what it reads must not go before.
    try {
      return await this.#batches.return(undefined)
    } finally {
      await this.#end()
    }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** Many short scans in a row must let the event loop through as one long scan does. */
  async #end(): Promise<void> {
    settle(this)
    this.#release()
    const pause = eventLoopGate.pause()
    if (pause) await pause
  }
}

async function* limitedBatches(reading: Reading): AsyncGenerator<ScanBatch> {
  if ('failure' in reading) throw reading.failure
  const { plan, source, signal } = reading
  let left = plan.limit
  if (left === 0 || plan.range.empty) return
  for await (const batch of matchedBatches(plan, source, { positions: plan.positions, signal })) {
    const columns = plan.positions.map((position) => batch.column(position))
    const count = batch.selection?.length ?? batch.rowCount
    const selection = count <= left ? batch.selection : (batch.selection ?? ascendingRows(count)).subarray(0, left)
    yield { rowCount: batch.rowCount, selection, columns }
    left -= count
    if (left <= 0) return
  }
}
