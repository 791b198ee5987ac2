import type { MemRows } from './mem-rows.ts'
import type { RunPart } from './sorted-runs.ts'

/**
 * Row ids of several sorted parts in one order, ascending or descending: a binary heap of the parts by their next row.
 * One part alone costs no comparison.
 */
export class RunMerge {
  private readonly rows: MemRows
  private readonly step: 1 | -1
  /** The heap; each part with the place of its next row and the place at which it ends. */
  private readonly ids: Int32Array[]
  private readonly next: number[]
  private readonly end: number[]

  constructor(rows: MemRows, parts: readonly RunPart[], reverse: boolean) {
    this.rows = rows
    this.step = reverse ? -1 : 1
    this.ids = parts.map((part) => part.ids)
    this.next = parts.map((part) => (reverse ? part.high - 1 : part.low))
    this.end = parts.map((part) => (reverse ? part.low - 1 : part.high))
    for (let i = (parts.length >> 1) - 1; i >= 0; i--) this.sink(i)
  }

  /** The next row id; −1 when there are no more. */
  take(): number {
    const ids = this.ids[0]
    if (ids === undefined) return -1
    const place = this.next[0] as number
    const row = ids[place] as number
    this.next[0] = place + this.step
    if (place + this.step === this.end[0]) this.removeTop()
    this.sink(0)
    return row
  }

  private removeTop(): void {
    const lastIds = this.ids.pop() as Int32Array
    const lastNext = this.next.pop() as number
    const lastEnd = this.end.pop() as number
    if (this.ids.length === 0) return
    this.ids[0] = lastIds
    this.next[0] = lastNext
    this.end[0] = lastEnd
  }

  private sink(at: number): void {
    for (;;) {
      const left = 2 * at + 1
      if (left >= this.ids.length) return
      const first = left + 1 < this.ids.length && this.isBefore(left + 1, left) ? left + 1 : left
      if (!this.isBefore(first, at)) return
      this.swap(first, at)
      at = first
    }
  }

  private isBefore(a: number, b: number): boolean {
    return this.rows.compareRows(this.rowAt(a), this.rowAt(b)) * this.step < 0
  }

  private rowAt(at: number): number {
    return (this.ids[at] as Int32Array)[this.next[at] as number] as number
  }

  private swap(a: number, b: number): void {
    const ids = this.ids[a] as Int32Array
    const next = this.next[a] as number
    const end = this.end[a] as number
    this.ids[a] = this.ids[b] as Int32Array
    this.next[a] = this.next[b] as number
    this.end[a] = this.end[b] as number
    this.ids[b] = ids
    this.next[b] = next
    this.end[b] = end
  }
}
