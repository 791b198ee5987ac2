/**
 * Where the rowsets of a tablet stand in a picture of it: across, from first to last key, in the measure of its data (a rowset
 * is as wide as the share of the data that lies under it, its own and others'); upwards, in the lowest lane where it
 * covers nobody.
 */
import { dataDistribution } from '../tablet/data-distribution.ts'
import type { RowSetStats, TabletStats } from './metrics.ts'
import { rowsetBytes } from './rowset-bytes.ts'

/** A rowset's place; `x` and `width` in pixels from the left edge of the tablet. */
export interface PlacedRowSet {
  readonly rowset: RowSetStats
  readonly x: number
  readonly width: number
  /** 0 is the lowest. */
  readonly lane: number
}

export interface RowSetLayout {
  /** By first key. */
  readonly placed: readonly PlacedRowSet[]
  readonly lanes: number
}

/** A rowset of one key has no width in the data, and still must be seen. */
const widthOfOneKeyPx = 2
/** Neighbours in a lane stay apart by so much; narrow ones by less. */
const gapPx = 1
const gapShareMax = 0.3
/** Positions that are the same may differ by so much. */
const roundingPx = 1e-6

/** Lays the rowsets of a tablet out over so many pixels. */
export function rowsetLayout({ rowsets }: Pick<TabletStats, 'rowsets'>, widthPx: number): RowSetLayout {
  const order = [...rowsets].sort((a, b) => compare(a.minKeyHex, b.minKeyHex) || compare(b.maxKeyHex, a.maxKeyHex))
  const extents = order.map((rowset) => ({
    minKey: Buffer.from(rowset.minKeyHex, 'hex'),
    maxKey: Buffer.from(rowset.maxKeyHex, 'hex'),
    sizeBytes: rowsetBytes(rowset),
  }))
  const { from, to, averageHeight } = dataDistribution(extents)
  const lanes: { lastKeyHex: string; end: number }[] = []
  const placed = order.map((rowset, i): PlacedRowSet => {
    // Where all are of one key, they stand side by side.
    const left = widthPx * (averageHeight === 0 ? i / order.length : (from[i] as number))
    const share = (to[i] as number) - (from[i] as number)
    const taken = Math.max(share * widthPx, share === 0 ? widthOfOneKeyPx : 0)
    const x = Math.min(left, widthPx - taken)
    const free = lanes.findIndex(({ lastKeyHex, end }) => lastKeyHex < rowset.minKeyHex && end <= x + roundingPx)
    const lane = free < 0 ? lanes.length : free
    lanes[lane] = { lastKeyHex: rowset.maxKeyHex, end: x + taken }
    return { rowset, x, width: taken - Math.min(gapPx, taken * gapShareMax), lane }
  })
  return { placed, lanes: lanes.length }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
