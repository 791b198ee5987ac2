import type { RowBlock } from '../../schema/column-vector.ts'
import { rowsOf, timesOf } from './delta-rows.ts'
import type { EntryCursor } from './merge-deltas.ts'

/** Goes through blocks of the delta schema as somebody makes them. */
export class BlockCursor implements EntryCursor {
  block: RowBlock = { rowCount: 0, columns: [] }
  rows: Int32Array = new Int32Array(0)
  times: Float64Array = new Float64Array(0)
  at = 0
  private readonly next: () => Promise<RowBlock | undefined>

  /** `next` makes the next block, in order of row and time behind those before; undefined: there is none. */
  constructor(next: () => Promise<RowBlock | undefined>) {
    this.next = next
  }

  get isFilled(): boolean {
    return this.at < this.rows.length
  }

  async advance(): Promise<boolean> {
    this.at = 0
    this.rows = new Int32Array(0)
    for (;;) {
      const block = await this.next()
      if (block === undefined) return false
      if (block.rowCount === 0) continue
      this.block = block
      this.rows = rowsOf(block)
      this.times = timesOf(block)
      return true
    }
  }
}
