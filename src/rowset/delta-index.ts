/**
 * Finds changes by the row that they change. A rowset's rows are cut into blocks of 8,192. Each block that has changes knows
 *   its changes, in the order in which they came (in memory they lie in the order of all)
 *   of each changed row the newest change: a small open-addressed table, once a quarter of the rows is in it an array
 * and each change knows the one of its row before it. So finding the changes of a run of rows costs what changed in its
 * blocks, and growing never moves more than a block's entries, but for the one list that is as long as all changes.
 */
import { invariant } from '../base/errors.ts'

/** Rows of a block: those of a row group, by default. */
export const rowsPerDeltaBlock = 8192

const blockShift = 13
const blockMask = rowsPerDeltaBlock - 1
/** Rows of a block from which on its table is an array over all of its rows, which then takes no more memory. */
const sparseRowsMax = rowsPerDeltaBlock / 4
const firstSlots = 16
const firstChanges = 8
/** Rows of a span, whose changes are counted: the smallest row group's. */
const spanShift = 7
/** Changes of a block from which on they are counted by span. */
const countedFrom = 32
/** Memory of a block's objects, about. */
const blockOverheadBytes = 256

/** The changes of one block of rows. */
class BlockChanges {
  count = 0
  byteLength = 0
  /** Numbers of changes, ascending; of those, what rows of the block they change. Never written to below `count`. */
  changes = new Int32Array(firstChanges)
  rows = new Uint16Array(firstChanges)
  /** Two words a slot: the row in the block, and its newest change + 1 (0: empty). Dense: that alone, by row. */
  private table = new Int32Array(firstSlots * 2)
  private entries = 0
  private isDense = false
  /** How many changes there are of each span of rows; undefined while they are few. */
  private spans: Int32Array | undefined

  constructor() {
    this.measure()
  }

  /** The newest change of a row; −1: none. */
  newest(row: number): number {
    return (this.isDense ? (this.table[row] as number) : (this.table[this.slotOf(row) + 1] as number)) - 1
  }

  /** Adds a change of a row, and returns the one before; −1: none. */
  add(row: number, change: number): number {
    if (this.count === this.changes.length) this.grow()
    this.changes[this.count] = change
    this.rows[this.count++] = row
    if (this.spans) (this.spans[row >>> spanShift] as number)++
    else if (this.count === countedFrom) this.countSpans()
    return this.replace(row, change)
  }

  /** How many changes of rows `[first .. end)` there are. */
  countIn(first: number, end: number): number {
    const { spans, rows } = this
    let count = 0
    if (spans && (first | end) % (1 << spanShift) === 0) {
      for (let span = first >>> spanShift; span < end >>> spanShift; span++) count += spans[span] as number
    } else for (let i = 0; i < this.count; i++) if (isWithin(rows[i] as number, first, end)) count++
    return count
  }

  private countSpans(): void {
    const spans = new Int32Array(rowsPerDeltaBlock >>> spanShift)
    for (let i = 0; i < this.count; i++) (spans[(this.rows[i] as number) >>> spanShift] as number)++
    this.spans = spans
    this.measure()
  }

  private replace(row: number, change: number): number {
    const at = this.isDense ? row : this.slotOf(row) + 1
    const before = (this.table[at] as number) - 1
    this.table[at] = change + 1
    if (this.isDense) return before
    this.table[at - 1] = row
    if (before < 0 && ++this.entries * 8 > this.table.length * 3) this.rehash()
    return before
  }

  /** Where a row's slot is, or the empty one where it belongs. */
  private slotOf(row: number): number {
    const { table } = this
    const mask = table.length - 1
    let at = (Math.imul(row, 0x9e3779b1) >>> 15) & mask & ~1
    while (table[at + 1] !== 0 && table[at] !== row) at = (at + 2) & mask
    return at
  }

  private rehash(): void {
    const { table } = this
    this.isDense = this.entries > sparseRowsMax
    this.table = new Int32Array(this.isDense ? rowsPerDeltaBlock : table.length * 2)
    for (let at = 0; at < table.length; at += 2) {
      const entry = table[at + 1] as number
      if (entry === 0) continue
      const row = table[at] as number
      if (this.isDense) this.table[row] = entry
      else {
        const slot = this.slotOf(row)
        this.table[slot] = row
        this.table[slot + 1] = entry
      }
    }
    this.measure()
  }

  private grow(): void {
    const { changes, rows, count } = this
    this.changes = new Int32Array(count * 2)
    this.changes.set(changes)
    this.rows = new Uint16Array(count * 2)
    this.rows.set(rows)
    this.measure()
  }

  private measure(): void {
    this.byteLength =
      blockOverheadBytes + this.changes.byteLength + this.rows.byteLength + this.table.byteLength + (this.spans?.byteLength ?? 0)
  }
}

/** Changes by row. They are numbered from 0 on in the order in which they are added. */
export class DeltaIndex {
  private readonly blocks: (BlockChanges | undefined)[] = []
  private previous = new Int32Array(64)
  private count = 0
  private blockBytes = 0

  /** Bytes of memory, about. */
  get usedBytes(): number {
    return this.previous.byteLength + this.blocks.length * 8 + this.blockBytes
  }

  /** The newest change of a row; −1: none. */
  latestOf(row: number): number {
    const block = this.blocks[row >>> blockShift]
    return block === undefined ? -1 : block.newest(row & blockMask)
  }

  /** The change of the same row before a change; −1: none. */
  previousOf(change: number): number {
    invariant(change >= 0 && change < this.count, 'a change that a DeltaMemStore does not hold')
    return this.previous[change] as number
  }

  /** Makes room for so many more changes. */
  reserve(count: number): void {
    if (this.count + count <= this.previous.length) return
    const { previous } = this
    this.previous = new Int32Array(Math.max(previous.length * 2, this.count + count))
    this.previous.set(previous)
  }

  /** Adds the next change, of a row. Room must have been reserved. */
  add(row: number): void {
    const number = row >>> blockShift
    const block = this.blocks[number] ?? this.addBlock(number)
    const { byteLength } = block
    this.previous[this.count] = block.add(row & blockMask, this.count)
    this.blockBytes += block.byteLength - byteLength
    this.count++
  }

  /** How many changes of rows `[from .. to)` there are. */
  countIn(from: number, to: number): number {
    let count = 0
    for (let number = from >>> blockShift; number < this.blocks.length && number << blockShift < to; number++) {
      const block = this.blocks[number]
      if (block === undefined) continue
      const first = from - (number << blockShift)
      const end = to - (number << blockShift)
      if (first <= 0 && end >= rowsPerDeltaBlock) count += block.count
      else count += block.countIn(Math.max(0, first), Math.min(end, rowsPerDeltaBlock))
    }
    return count
  }

  /** The changes of rows `[from .. to)`, block by block in the order in which they came; it does not change any more. */
  changesIn(from: number, to: number): Int32Array {
    const parts: Int32Array[] = []
    for (let number = from >>> blockShift; number < this.blocks.length && number << blockShift < to; number++) {
      const block = this.blocks[number]
      if (block === undefined) continue
      const first = from - (number << blockShift)
      const end = to - (number << blockShift)
      // Entries below the count are never written again, so that a view stays what it is.
      if (first <= 0 && end >= rowsPerDeltaBlock) parts.push(block.changes.subarray(0, block.count))
      else parts.push(selected(block, first, end))
    }
    return parts.length === 1 ? (parts[0] as Int32Array) : concatenated(parts)
  }

  /** The changes of single rows, in the order of the rows given; those of one row as they came. */
  changesOf(rows: Int32Array): Int32Array {
    let count = 0
    for (let i = 0; i < rows.length; i++) {
      for (let change = this.latestOf(rows[i] as number); change >= 0; change = this.previous[change] as number) count++
    }
    const changes = new Int32Array(count)
    let at = count
    for (let i = rows.length - 1; i >= 0; i--) {
      for (let change = this.latestOf(rows[i] as number); change >= 0; change = this.previous[change] as number) changes[--at] = change
    }
    return changes
  }

  private addBlock(number: number): BlockChanges {
    while (this.blocks.length <= number) this.blocks.push(undefined)
    const block = new BlockChanges()
    this.blocks[number] = block
    this.blockBytes += block.byteLength
    return block
  }

  /** Forgets everything. */
  clear(): void {
    this.blocks.length = 0
    this.previous = new Int32Array(0)
    this.count = 0
    this.blockBytes = 0
  }
}

function isWithin(row: number, first: number, end: number): boolean {
  return row >= first && row < end
}

function selected({ changes, rows, count }: BlockChanges, first: number, end: number): Int32Array {
  const out = new Int32Array(count)
  let found = 0
  for (let i = 0; i < count; i++) if (isWithin(rows[i] as number, first, end)) out[found++] = changes[i] as number
  return out.subarray(0, found)
}

function concatenated(parts: readonly Int32Array[]): Int32Array {
  const all = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
