import type { RowBlock } from '../../schema/column-vector.ts'
import { sliceBlock } from '../../schema/vector-ops.ts'
import { countBelow } from '../file-delta-run.ts'
import { rowsOf } from './delta-rows.ts'

/** Hands out entries up to a row; blocks, which come in order of row, are cut there. */
export class EntriesByRow {
  private readonly blocks: AsyncGenerator<RowBlock>
  private left: RowBlock | undefined

  constructor(blocks: AsyncGenerator<RowBlock>) {
    this.blocks = blocks
  }

  /** The next entries, of rows below `row`; undefined if there are none. */
  async takeBelow(row: number): Promise<RowBlock | undefined> {
    if (this.left === undefined) {
      const next = await this.blocks.next()
      if (next.done === true) return undefined
      this.left = next.value
    }
    const block = this.left
    const end = countBelow(rowsOf(block), row)
    if (end === 0) return undefined
    this.left = end === block.rowCount ? undefined : sliceBlock(block, end, block.rowCount)
    return sliceBlock(block, 0, end)
  }
}
