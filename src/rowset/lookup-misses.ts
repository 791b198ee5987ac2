import type { ColumnVector, KeyBlock } from '../schema/column-vector.ts'
import type { BloomFilter } from '../sstable/bloom-filter.ts'
import { BorrowedRooms } from '../sstable/read-rooms.ts'
import type { SSTableReader } from '../sstable/sstable-reader.ts'

/** A rowset as look-ups know it. */
export interface LookupOwner {
  readonly reader: SSTableReader
  /** Keeps the file for one more user; false if it has been let go of already. */
  tryRetain(): boolean
  release(): void
}

/** Anything else that a look-up may lack. It knows by itself what of it is missing. */
export interface Missed {
  /** Keeps what is read for one more user; false if it has been let go of already. */
  tryRetain(): boolean
  release(): void
  load(): Promise<void>
  loadSync(): void
}

/** What one file lacked, and what has been loaded of it since. */
interface FileMisses {
  opened: boolean
  filter: BloomFilter | 'wanted' | undefined
  readonly keys: Map<number, KeyBlock | undefined>
  /** By group, then by position. */
  readonly columns: Map<number, Map<number, ColumnVector | undefined>>
  readonly timestamps: Map<number, Float64Array | undefined>
}

/**
 * What look-ups on disk found missing from memory. Look-ups are synchronous: one that misses a block notes it here and
 * says so; the caller loads all that was missed and asks again with the same object. What was loaded stays here as
 * long as the object lives, so that each round gets further however small the cache is. One object an operation; it
 * may serve any number of rowsets.
 */
export class LookupMisses {
  /** Made when something is missed: most look-ups miss nothing. */
  private files: Map<LookupOwner, FileMisses> | undefined
  /** By what they belong to, then by number. */
  private others: Map<object, Map<number, Missed>> | undefined
  /** Those of `others` that are to be loaded next. */
  private wanted: Set<Missed> | undefined
  private rooms: BorrowedRooms | undefined

  /**
   * Loads what was missed, all files at once, and keeps them from being let go of meanwhile. A rowset that is gone
   * already is left out: the caller asks again those that the tablet has now. Rejects as `SSTableReader`'s loads do.
   */
  async load(): Promise<void> {
    const loads: Promise<void>[] = []
    this.rooms ??= new BorrowedRooms()
    for (const [owner, misses] of this.files ?? []) {
      if (owner.tryRetain()) loads.push(loadFile(owner.reader, misses, this.rooms).finally(() => owner.release()))
      else this.files?.delete(owner)
    }
    for (const missed of this.takeWanted()) if (missed.tryRetain()) loads.push(missed.load().finally(() => missed.release()))
    const failed = (await Promise.allSettled(loads)).find((load) => load.status === 'rejected')
    if (failed) throw failed.reason
  }

  /** As `load`, blocking. */
  loadSync(): void {
    this.rooms ??= new BorrowedRooms()
    for (const [owner, misses] of this.files ?? []) {
      if (!owner.tryRetain()) {
        this.files?.delete(owner)
        continue
      }
      try {
        loadFileSync(owner.reader, misses, this.rooms)
      } finally {
        owner.release()
      }
    }
    for (const missed of this.takeWanted()) {
      if (!missed.tryRetain()) continue
      try {
        missed.loadSync()
      } finally {
        missed.release()
      }
    }
  }

  /** About how much there is to read; infinite if that is not known, or if it is more than blocks of row groups. */
  get wantedBytes(): number {
    if (this.wanted !== undefined && this.wanted.size > 0) return Number.POSITIVE_INFINITY
    let bytes = 0
    for (const [{ reader }, misses] of this.files ?? []) bytes += wantedOfFile(reader, misses)
    return bytes
  }

  /**
   * The operation is done with all that was loaded, nothing of which was handed on but copies: the memory of large blocks that
   * the cache did not keep is used again. An operation that hands on what it was given never calls this.
   */
  end(): void {
    this.files = undefined
    this.others = undefined
    this.rooms?.giveBack()
  }

  /** Notes something to be loaded, under what it belongs to and a number by which the next round finds it again. */
  want(owner: object, item: number, missed: Missed): void {
    this.others ??= new Map()
    let ofOwner = this.others.get(owner)
    if (ofOwner === undefined) {
      ofOwner = new Map()
      this.others.set(owner, ofOwner)
    }
    ofOwner.set(item, missed)
    this.wanted ??= new Set()
    this.wanted.add(missed)
  }

  /** What was noted in an earlier round, loaded or not. */
  noted(owner: object, item: number): Missed | undefined {
    return this.others?.get(owner)?.get(item)
  }

  /** Notes that a file must be opened; its filter comes with it, as it is asked for next. */
  wantOpen(owner: LookupOwner): void {
    this.of(owner).opened = false
  }

  /** The filter if it was loaded here; else it is noted. */
  filter(owner: LookupOwner): BloomFilter | undefined {
    const misses = this.of(owner)
    if (misses.filter instanceof Object) return misses.filter
    misses.filter = 'wanted'
    return undefined
  }

  /** The keys of a group if they were loaded here; else they are noted. */
  keys(owner: LookupOwner, group: number): KeyBlock | undefined {
    return heldOrNoted(this.of(owner).keys, group)
  }

  /** A column of a group if it was loaded here; else it is noted. */
  column(owner: LookupOwner, group: number, position: number): ColumnVector | undefined {
    const { columns } = this.of(owner)
    let ofGroup = columns.get(group)
    if (ofGroup === undefined) {
      ofGroup = new Map()
      columns.set(group, ofGroup)
    }
    return heldOrNoted(ofGroup, position)
  }

  /** The insert timestamps of a group if they were loaded here; else they are noted. */
  timestamps(owner: LookupOwner, group: number): Float64Array | undefined {
    return heldOrNoted(this.of(owner).timestamps, group)
  }

  private takeWanted(): readonly Missed[] {
    const wanted = [...(this.wanted ?? [])]
    this.wanted?.clear()
    return wanted
  }

  private of(owner: LookupOwner): FileMisses {
    this.files ??= new Map()
    let misses = this.files.get(owner)
    if (misses === undefined) {
      misses = { opened: true, filter: undefined, keys: new Map(), columns: new Map(), timestamps: new Map() }
      this.files.set(owner, misses)
    }
    return misses
  }
}

function heldOrNoted<V>(held: Map<number, V | undefined>, at: number): V | undefined {
  const value = held.get(at)
  if (value === undefined) held.set(at, undefined)
  return value
}

async function loadFile(reader: SSTableReader, misses: FileMisses, rooms: BorrowedRooms): Promise<void> {
  if (!misses.opened) {
    await reader.open()
    misses.opened = true
    misses.filter ??= 'wanted'
  }
  const loads: Promise<unknown>[] = []
  if (misses.filter === 'wanted') {
    loads.push(
      reader.loadFilter().then((filter) => {
        misses.filter = filter
      }),
    )
  }
  for (const group of wanted(misses.keys)) loads.push(reader.loadKeys(group).then((keys) => misses.keys.set(group, keys)))
  for (const group of wanted(misses.timestamps)) loads.push(reader.loadTimestamps(group).then((all) => misses.timestamps.set(group, all)))
  for (const [group, columns] of misses.columns) {
    const positions = wanted(columns)
    if (positions.length > 0) loads.push(reader.loadColumns(group, positions, rooms).then((vectors) => hold(columns, positions, vectors)))
  }
  await Promise.all(loads)
}

function loadFileSync(reader: SSTableReader, misses: FileMisses, rooms: BorrowedRooms): void {
  if (!misses.opened) {
    reader.openSync()
    misses.opened = true
    misses.filter ??= 'wanted'
  }
  if (misses.filter === 'wanted') misses.filter = reader.loadFilterSync()
  for (const group of wanted(misses.keys)) misses.keys.set(group, reader.loadKeysSync(group))
  for (const group of wanted(misses.timestamps)) misses.timestamps.set(group, reader.loadTimestampsSync(group))
  for (const [group, columns] of misses.columns) {
    const positions = wanted(columns)
    if (positions.length > 0) hold(columns, positions, reader.loadColumnsSync(group, positions, rooms))
  }
}

function wantedOfFile(reader: SSTableReader, misses: FileMisses): number {
  if (!misses.opened || misses.filter === 'wanted' || !reader.isOpen) return Number.POSITIVE_INFINITY
  let bytes = 0
  for (const group of wanted(misses.keys)) bytes += reader.storedKeyBytes(group)
  for (const group of wanted(misses.timestamps)) bytes += reader.storedTimestampBytes(group)
  for (const [group, columns] of misses.columns) bytes += reader.storedBytes(group, wanted(columns))
  return bytes
}

function wanted<V>(held: Map<number, V | undefined>): number[] {
  const list: number[] = []
  for (const [at, value] of held) if (value === undefined) list.push(at)
  return list
}

function hold(columns: Map<number, ColumnVector | undefined>, positions: readonly number[], vectors: readonly ColumnVector[]): void {
  positions.forEach((position, i) => {
    columns.set(position, vectors[i])
  })
}
