import { VarveError } from '../base/errors.ts'
import { describeValue } from '../schema/column-value.ts'
import type { ReadOptions, Snapshot } from './api.ts'
import { timestampAtEndOf } from './hybrid-clock.ts'

class PinnedSnapshot implements Snapshot {
  readonly timestamp: number
  readonly owner: Snapshots
  readonly #unpin: (snapshot: PinnedSnapshot) => void
  isClosed = false

  constructor(timestamp: number, owner: Snapshots, unpin: (snapshot: PinnedSnapshot) => void) {
    this.timestamp = timestamp
    this.owner = owner
    this.#unpin = unpin
  }

  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.#unpin(this)
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

/** The open snapshots of a database, and the timestamp that each read is made at. */
export class Snapshots {
  readonly #visibleTimestamp: () => number
  readonly #open = new Set<PinnedSnapshot>()

  constructor(visibleTimestamp: () => number) {
    this.#visibleTimestamp = visibleTimestamp
  }

  /** Pins the newest committed state. */
  take(): Snapshot {
    return this.hold(this.#visibleTimestamp())
  }

  /** Keeps what a read at a timestamp needs, as far as it is still there, until it is closed: for reads that wait. */
  hold(timestamp: number): Snapshot {
    const snapshot = new PinnedSnapshot(timestamp, this, (closed) => this.#open.delete(closed))
    this.#open.add(snapshot)
    return snapshot
  }

  /** The oldest pinned timestamp; history from there on must be kept. */
  get oldest(): number | undefined {
    let oldest: number | undefined
    for (const { timestamp } of this.#open) if (oldest === undefined || timestamp < oldest) oldest = timestamp
    return oldest
  }

  /** Reads without a snapshot see every commit up to here. */
  get newest(): number {
    return this.#visibleTimestamp()
  }

  /** The timestamp at which a read with these options happens. SNAPSHOT_CLOSED; TypeError for both or neither's own. */
  timestampOf(o: ReadOptions | undefined): number {
    if (o?.snapshot === undefined && o?.asOf === undefined) return this.#visibleTimestamp()
    if (o.snapshot === undefined) return Math.min(this.#visibleTimestamp(), timestampOfTime('asOf', o.asOf))
    if (o.asOf !== undefined) throw new TypeError('Give either snapshot or asOf, not both.')
    if (!(o.snapshot instanceof PinnedSnapshot) || o.snapshot.owner !== this)
      throw new TypeError('The snapshot is not one of this database: use db.snapshot().')
    if (o.snapshot.isClosed) throw new VarveError('SNAPSHOT_CLOSED', 'The snapshot has been closed. Take a new one with db.snapshot().')
    return o.snapshot.timestamp
  }
}

/** The timestamp up to which everything is seen that was committed in a millisecond or before; TypeError, with the option's name, for what is no time. */
export function timestampOfTime(option: string, time: Date | number | undefined): number {
  const ms = time instanceof Date ? time.getTime() : time
  if (typeof ms !== 'number' || !Number.isFinite(ms) || ms < 0)
    throw new TypeError(`${option} is a Date or a number of milliseconds since 1970; got ${describeValue(time)}.`)
  return Math.min(timestampAtEndOf(ms), Number.MAX_SAFE_INTEGER)
}
