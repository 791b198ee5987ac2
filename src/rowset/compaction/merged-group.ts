import type { ColumnVector } from '../../schema/column-vector.ts'
import { gatherVector, sliceVector } from '../../schema/vector-ops.ts'
import { gatherFrom, TextRoom } from './join-vectors.ts'
import type { MergeLane } from './merge-lane.ts'

/** Rows that one lane gave in a round: those of its group from `from` to `to`, but for dropped ones. */
export interface LaneShare {
  readonly lane: MergeLane
  /** Which share of the round it is. */
  readonly index: number
  /** Indexes in the lane's group. */
  readonly from: number
  to: number
  /** How many of them are kept. */
  count: number
}

/** Some rows of one lane: views of its group, or copies. */
interface Piece {
  readonly columns: readonly ColumnVector[]
  readonly timestamps: Float64Array
}

/**
 * A row group that comes into being. In rounds, rows are noted in key order, as runs of lanes' rows; at the end of a round,
 * before a lane takes its next group, each lane's rows are set aside as one piece. No row is touched alone before the
 * whole group is gathered from its pieces.
 */
export class MergedGroup {
  private readonly capacity: number
  /** Of each row of the round: its lane, by the place in `shares`. */
  private readonly shareOf: Int32Array
  /** Of each row before the round: where it lies in the pieces, one after the other. */
  private readonly order: Int32Array
  private pieces: Piece[] = []
  private shares: LaneShare[] = []
  /** The same by the ordinals of their lanes. */
  private readonly byLane: (LaneShare | undefined)[] = []
  private settled = 0
  private noted = 0
  private deadPlaces: number[] = []
  private deadTimes: number[] = []
  /** By column. */
  private readonly rooms: TextRoom[] = []

  constructor(capacity: number) {
    this.capacity = capacity
    this.shareOf = new Int32Array(capacity)
    this.order = new Int32Array(capacity)
  }

  get rowCount(): number {
    return this.noted
  }

  /** Rows that still fit. */
  get room(): number {
    return this.capacity - this.noted
  }

  /**
   * Takes the rows of a lane's group from where the lane is to `to`; no more than there is room for. Dropped rows are left
   * out; returns how many were not. Hot: a run may be one row.
   */
  take(lane: MergeLane, to: number): number {
    const share = this.byLane[lane.ordinal] ?? this.newShare(lane)
    const before = this.noted
    if (lane.group.deaths === undefined) {
      const end = before + to - lane.at
      for (let place = before; place < end; place++) this.shareOf[place] = share.index
      this.noted = end
    } else {
      this.takeSeen(lane, lane.group.deaths, share.index, to)
    }
    share.to = to
    share.count += this.noted - before
    return this.noted - before
  }

  private takeSeen(lane: MergeLane, deaths: Float64Array, index: number, to: number): void {
    for (let i = lane.at; i < to; i++) {
      const time = deaths[i] as number
      if (time > 0) {
        if (lane.isDropped(i)) continue
        this.deadPlaces.push(this.noted)
        this.deadTimes.push(time)
      }
      this.shareOf[this.noted++] = index
    }
  }

  private newShare(lane: MergeLane): LaneShare {
    const share = { lane, index: this.shares.length, from: lane.at, to: lane.at, count: 0 }
    this.shares.push(share)
    this.byLane[lane.ordinal] = share
    return share
  }

  /**
   * Ends the round: lanes may let go of their groups. Returns what each lane gave, and the places in the group of the
   * round's rows by lane, one lane after the other. `isGoingOn`: the group is not gathered yet, so that views would keep
   * groups alive that lanes let go of: they are copied.
   */
  settle({ isGoingOn }: { isGoingOn: boolean }): { shares: readonly LaneShare[]; places: Int32Array } {
    const { shares, settled, noted } = this
    const places = new Int32Array(noted - settled)
    const next = new Int32Array(shares.length)
    let base = 0
    shares.forEach(({ count }, index) => {
      next[index] = base
      base += count
    })
    for (let place = settled; place < noted; place++) {
      const index = this.shareOf[place] as number
      const at = next[index] as number
      next[index] = at + 1
      places[at] = place
      this.order[place] = settled + at
    }
    for (const share of shares) if (share.count > 0) this.pieces.push(pieceOf(share, isGoingOn))
    this.settled = noted
    this.shares = []
    for (const { lane } of shares) this.byLane[lane.ordinal] = undefined
    return { shares, places }
  }

  /** The rows of all rounds, which must be settled, in key order, valid until the next call; the group is empty afterwards. */
  gather(): {
    rowCount: number
    columns: ColumnVector[]
    timestamps: Float64Array
    /** Places of rows that died and are still seen by somebody, ascending, and when they died. */
    dead: { places: Int32Array; times: Float64Array }
  } {
    const { pieces, noted: rowCount } = this
    const [first] = pieces
    const order = pieces.length === 1 ? undefined : this.order.subarray(0, rowCount)
    const gathered = (vectors: readonly ColumnVector[], position: number) =>
      order === undefined ? (vectors[0] as ColumnVector) : gatherFrom(vectors, order, this.roomOf(position))
    const columns = (first as Piece).columns.map((_, position) => {
      const vectors = pieces.map((piece) => piece.columns[position] as ColumnVector)
      return gathered(vectors, position)
    })
    const times = gathered(
      pieces.map(({ timestamps }) => ({ form: 'fixed', length: timestamps.length, values: timestamps, nulls: undefined })),
      columns.length,
    )
    const dead = { places: Int32Array.from(this.deadPlaces), times: Float64Array.from(this.deadTimes) }
    this.pieces = []
    this.deadPlaces = []
    this.deadTimes = []
    this.settled = 0
    this.noted = 0
    return { rowCount, columns, timestamps: (times as { values: unknown }).values as Float64Array, dead }
  }

  private roomOf(position: number): TextRoom {
    let room = this.rooms[position]
    if (room === undefined) {
      room = new TextRoom()
      this.rooms[position] = room
    }
    return room
  }
}

function pieceOf({ lane, from, to, count }: LaneShare, asCopy: boolean): Piece {
  const { columns, timestamps } = lane.group
  if (count === to - from && !asCopy)
    return { columns: columns.map((column) => sliceVector(column, from, to)), timestamps: timestamps.subarray(from, to) }
  const kept = new Int32Array(count)
  const keptTimes = new Float64Array(count)
  for (let i = from, k = 0; i < to; i++) {
    if (lane.isDropped(i)) continue
    kept[k] = i
    keptTimes[k++] = timestamps[i] as number
  }
  return { columns: columns.map((column) => gatherVector(column, kept)), timestamps: keptTimes }
}
