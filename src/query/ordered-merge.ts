/**
 * Sorted streams into one, in rounds. In each round every stream that has rows left shows its current batch; the cut is
 * the key at which the first of these batches ends; each stream gives its rows up to the cut, and these are gathered
 * and put in order; rows of one stream alone are passed on as they are. A stream is not looked at before the scan gets
 * to its first key. Streams whose key ranges do not overlap are read one after the other without any of this.
 */
import { throwIfAborted } from '../base/errors.ts'
import { eventLoopGate } from '../base/event-loop-gate.ts'
import type { BatchSource } from '../rowset/batch-source.ts'
import type { ColumnVector, KeyBlock } from '../schema/column-vector.ts'
import { compareBytes, compareKeys, compareKeyToBytes } from '../schema/key-encoding.ts'
import { concatVectors, gatherVector } from '../schema/vector-ops.ts'
import type { RowStream } from '../tablet/pinned-streams.ts'
import { ascendingRows } from './ascending-rows.ts'
import { type MatchedBatch, type MatchOptions, matchBatch, type ScanSource } from './match-batch.ts'
import type { ScanPlan } from './scan-plan.ts'

/** Matching rows of a sorted scan; selections are in the scan's order. */
export async function* mergeStreams(plan: ScanPlan, source: ScanSource, o: MatchOptions): AsyncGenerator<MatchedBatch> {
  for (const group of overlappingGroups(source.streams, plan.reverse)) {
    if (group.length === 1) yield* singleStream(plan, group[0] as RowStream, o)
    else yield* mergeGroup(plan, group, { ...o, keys: true })
  }
}

/** Splits streams into groups that do not overlap each other, in scan order. A stream of unknown range overlaps all. */
function overlappingGroups(streams: readonly RowStream[], reverse: boolean): RowStream[][] {
  if (streams.some(({ minKey, maxKey }) => !minKey || !maxKey)) return streams.length > 0 ? [[...streams]] : []
  const ordered = [...streams].sort((a, b) => compareBytes(a.minKey as Uint8Array, b.minKey as Uint8Array))
  const groups: RowStream[][] = []
  let end: Uint8Array | undefined
  for (const stream of ordered) {
    const group = groups.at(-1)
    if (group && end && compareBytes(stream.minKey as Uint8Array, end) <= 0) group.push(stream)
    else groups.push([stream])
    if (!end || compareBytes(stream.maxKey as Uint8Array, end) > 0) end = stream.maxKey
  }
  return reverse ? groups.reverse() : groups
}

async function* singleStream(plan: ScanPlan, stream: RowStream, o: MatchOptions): AsyncGenerator<MatchedBatch> {
  throwIfAborted(o.signal)
  await stream.prepare()
  for (const batch of stream.batches()) {
    const matched = matchBatch(plan, batch, o)
    const settled = matched instanceof Promise ? await matched : matched
    if (settled) yield plan.reverse ? { ...settled, selection: inScanOrder(plan, settled) } : settled
    const pause = eventLoopGate.pause()
    if (pause) await pause
    throwIfAborted(o.signal)
  }
}

/** The rows of a batch that match, in scan order: an array of its own, since a selection lasts only until the next one. */
function inScanOrder({ reverse }: ScanPlan, { selection, rowCount }: MatchedBatch): Int32Array {
  const rows = (selection ?? ascendingRows(rowCount)).slice()
  return reverse ? rows.reverse() : rows
}

/** The rows of one stream that are still to come, batch by batch. */
class Cursor {
  readonly #stream: RowStream
  readonly #plan: ScanPlan
  readonly #o: MatchOptions
  #batches: Iterator<BatchSource> | undefined
  batch: MatchedBatch | undefined
  keys: KeyBlock | undefined
  /** Matching rows in scan order, and how many of them are used. */
  rows: Int32Array = new Int32Array(0)
  used = 0

  constructor(plan: ScanPlan, stream: RowStream, o: MatchOptions) {
    this.#plan = plan
    this.#o = o
    this.#stream = stream
  }

  /** The first key in scan order, if known: nothing need be read before the scan gets there. */
  get startKey(): Uint8Array | undefined {
    return this.#plan.reverse ? this.#stream.maxKey : this.#stream.minKey
  }

  /** Moves on to a batch with rows left; false at the end. */
  async fill(): Promise<boolean> {
    if (!this.#batches) {
      throwIfAborted(this.#o.signal)
      await this.#stream.prepare()
      this.#batches = this.#stream.batches()[Symbol.iterator]()
    }
    while (!this.batch || this.used === this.rows.length) {
      const next = this.#batches.next()
      if (next.done) return false
      const matched = matchBatch(this.#plan, next.value, this.#o)
      const batch = matched instanceof Promise ? await matched : matched
      const pause = eventLoopGate.pause()
      if (pause) await pause
      throwIfAborted(this.#o.signal)
      if (!batch) continue
      this.batch = batch
      this.keys = batch.keys()
      this.rows = inScanOrder(this.#plan, batch)
      this.used = 0
    }
    return true
  }

  get lastRow(): number {
    return this.rows[this.rows.length - 1] as number
  }

  /** How many rows from `used` on lie at or before the key, in scan order. */
  countThrough(keys: KeyBlock, row: number): number {
    const own = this.keys as KeyBlock
    const sign = this.#plan.reverse ? -1 : 1
    let low = this.used
    let high = this.rows.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (sign * compareKeys(own, this.rows[middle] as number, keys, row) <= 0) low = middle + 1
      else high = middle
    }
    return low - this.used
  }
}

interface Part {
  readonly cursor: Cursor
  readonly batch: MatchedBatch
  readonly keys: KeyBlock
  readonly rows: Int32Array
}

async function* mergeGroup(plan: ScanPlan, streams: readonly RowStream[], o: MatchOptions): AsyncGenerator<MatchedBatch> {
  const waiting = inStartOrder(
    streams.map((stream) => new Cursor(plan, stream, o)),
    plan,
  )
  let cursors: Cursor[] = []
  for (;;) {
    const filled: Cursor[] = []
    for (const cursor of cursors) if (await cursor.fill()) filled.push(cursor)
    cursors = filled
    while (waiting.length > 0 && startsByCut(plan, waiting[0] as Cursor, cursors)) {
      const cursor = waiting.shift() as Cursor
      if (await cursor.fill()) cursors.push(cursor)
    }
    if (cursors.length === 0) return
    yield mergeRound(plan, takeRound(plan, cursors), o.positions)
  }
}

/** Those of unknown start first, then as the scan meets them. */
function inStartOrder(cursors: Cursor[], { reverse }: ScanPlan): Cursor[] {
  const sign = reverse ? -1 : 1
  return cursors.sort(({ startKey: a }, { startKey: b }) =>
    a && b ? sign * compareBytes(a, b) : Number(a !== undefined) - Number(b !== undefined),
  )
}

/** Whether a cursor may hold keys that come before the present round's end. */
function startsByCut({ reverse }: ScanPlan, { startKey }: Cursor, cursors: readonly Cursor[]): boolean {
  if (!startKey || cursors.length === 0) return true
  const cut = cutOf(cursors, reverse)
  return (reverse ? -1 : 1) * compareKeyToBytes(cut.keys as KeyBlock, cut.lastRow, startKey) >= 0
}

/** The cursor whose batch ends first. */
function cutOf(cursors: readonly Cursor[], reverse: boolean): Cursor {
  const sign = reverse ? -1 : 1
  let cut = cursors[0] as Cursor
  for (const cursor of cursors) {
    if (sign * compareKeys(cursor.keys as KeyBlock, cursor.lastRow, cut.keys as KeyBlock, cut.lastRow) < 0) cut = cursor
  }
  return cut
}

/** Rows of every cursor up to the key at which the first batch ends; no more of each than the scan can still use. */
function takeRound(plan: ScanPlan, cursors: readonly Cursor[]): Part[] {
  const cut = cutOf(cursors, plan.reverse)
  const cutKeys = cut.keys as KeyBlock
  const cutRow = cut.lastRow
  const parts: Part[] = []
  for (const cursor of cursors) {
    const count = cursor.countThrough(cutKeys, cutRow)
    if (count === 0) continue
    const rows = cursor.rows.subarray(cursor.used, cursor.used + Math.min(count, plan.limit))
    parts.push({ cursor, batch: cursor.batch as MatchedBatch, keys: cursor.keys as KeyBlock, rows })
    cursor.used += count
  }
  return parts
}

function mergeRound(plan: ScanPlan, parts: readonly Part[], positions: readonly number[]): MatchedBatch {
  const [only] = parts
  if (only && parts.length === 1) return { ...only.batch, selection: only.rows }
  const order = mergeOrder(parts, plan.reverse)
  const columns = new Map<number, ColumnVector>()
  for (const position of positions) {
    const gathered = parts.map(({ batch, rows }) => gatherVector(batch.column(position), rows))
    columns.set(position, gatherVector(concatVectors(gathered), order))
  }
  return {
    rowCount: order.length,
    selection: undefined,
    column: (position) => columns.get(position) as ColumnVector,
    keys: () => {
      throw new TypeError('merged batches have no keys')
    },
  }
}

/** Positions in the concatenation of the parts' rows, in scan order: a k-way merge by a scan over the heads (parts are few). */
function mergeOrder(parts: readonly Part[], reverse: boolean): Int32Array {
  const starts: number[] = []
  let total = 0
  for (const { rows } of parts) {
    starts.push(total)
    total += rows.length
  }
  const sign = reverse ? -1 : 1
  const at = parts.map(() => 0)
  const order = new Int32Array(total)
  for (let i = 0; i < total; i++) {
    let best = -1
    for (let p = 0; p < parts.length; p++) {
      const part = parts[p] as Part
      if (at[p] === part.rows.length) continue
      if (best < 0 || sign * compareHeads(part, at[p] as number, parts[best] as Part, at[best] as number) < 0) best = p
    }
    order[i] = (starts[best] as number) + (at[best] as number)
    at[best] = (at[best] as number) + 1
  }
  return order
}

function compareHeads(a: Part, i: number, b: Part, j: number): number {
  return compareKeys(a.keys, a.rows[i] as number, b.keys, b.rows[j] as number)
}
