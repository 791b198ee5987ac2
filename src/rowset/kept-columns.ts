/**
 * Columns of row groups with changes applied, kept in the block cache so that the next scan need not apply them again.
 * Each knows what it was made of, and is used while the deltas that matter to it are still just these, and a snapshot
 * sees all of them.
 */
import type { ColumnVector } from '../schema/column-vector.ts'
import type { BlockCache, CacheableBlock } from '../sstable/block-cache.ts'
import { CachedColumn } from '../sstable/column-block.ts'
import type { ZoneMap } from '../sstable/sstable.ts'
import { type DeltaStack, isInMemory } from './delta-stack.ts'
import type { RunChanges } from './resolve-changes.ts'
import type { DeltaSource } from './row-changes.ts'
import { zoneMapOf } from './vector-zone-map.ts'

/** Added to the number of a file of base data, names its patched columns in the cache. Files never count so far. */
const patchedFiles = 2 ** 31

/** In place of a column: the dead rows. */
const deadRows = -1

/** The deltas that a block was made of. */
interface Origin {
  /** Each redo source, and the number of its changes (of a file of no matter). */
  readonly sources: readonly DeltaSource[]
  readonly counts: readonly number[]
  /** The time from which on all of it is seen. */
  readonly seenFrom: number
  /** The stack that was last found to say the same, by its id, and how many changes it had in memory then. */
  sameIn: number
  changesThere: number
}

/** A column as a read of the newest state finds it. */
export class KeptColumn implements CacheableBlock {
  /** Undefined: as the base has it. */
  readonly vector: ColumnVector | undefined
  readonly origin: Origin
  readonly byteLength: number
  private zone: ZoneMap | 'unknown' | undefined

  constructor(vector: ColumnVector | undefined, origin: Origin) {
    this.vector = vector
    this.origin = origin
    this.byteLength = vector === undefined ? 256 : new CachedColumn(vector).byteLength
  }

  /** That of the vector; undefined: there is none, or nothing is known. Worked out when a scan first asks. */
  get zoneMap(): ZoneMap | undefined {
    this.zone ??= (this.vector && zoneMapOf(this.vector)) ?? 'unknown'
    return this.zone === 'unknown' ? undefined : this.zone
  }
}

/** Dead rows of a group in the newest state. */
class KeptDead implements CacheableBlock {
  readonly rows: Int32Array | undefined
  readonly origin: Origin
  readonly byteLength: number

  constructor(rows: Int32Array | undefined, origin: Origin) {
    this.rows = rows
    this.origin = origin
    this.byteLength = 256 + (rows?.byteLength ?? 0)
  }
}

export interface KeptColumnsOptions {
  readonly cache: BlockCache
  /** The file of base data. */
  readonly fileNumber: number
  readonly columnCount: number
  readonly stack: DeltaStack
  readonly timestamp: number
  readonly group: number
  /** Rows of the group. */
  readonly from: number
  readonly to: number
}

/** What is kept of one row group, for one scan. */
export class KeptColumns {
  private readonly o: KeptColumnsOptions

  constructor(o: KeptColumnsOptions) {
    this.o = o
  }

  /** The column as the scan sees it, if that is kept. */
  column(position: number): KeptColumn | undefined {
    const kept = this.get(position)
    return kept instanceof KeptColumn && this.holds(kept.origin, position) ? kept : undefined
  }

  /** The rows that the scan does not see, if they are kept; `rows` undefined: there are none. */
  dead(): { readonly rows: Int32Array | undefined } | undefined {
    const kept = this.get(deadRows)
    return kept instanceof KeptDead && this.holds(kept.origin, deadRows) ? kept : undefined
  }

  /** Keeps a column, if it is what every read of the newest state finds. */
  keepColumn(position: number, vector: ColumnVector | undefined, changes: RunChanges): void {
    const origin = this.originOf(changes, position)
    if (origin) this.set(position, new KeptColumn(vector, origin))
  }

  keepDead(rows: Int32Array | undefined, changes: RunChanges): void {
    const origin = this.originOf(changes, deadRows)
    if (origin) this.set(deadRows, new KeptDead(rows, origin))
  }

  private get(position: number): CacheableBlock | undefined {
    const { cache, fileNumber } = this.o
    return cache.get(patchedFiles + fileNumber, this.blockOf(position))
  }

  private set(position: number, block: CacheableBlock): void {
    const { cache, fileNumber } = this.o
    cache.set(patchedFiles + fileNumber, this.blockOf(position), block, 'data')
  }

  private blockOf(position: number): number {
    return this.o.group * (this.o.columnCount + 1) + 1 + position
  }

  /** Whether what matters to a block now is what it was made of, and the scan sees all of it. */
  private holds(origin: Origin, position: number): boolean {
    const { stack, timestamp } = this.o
    if (timestamp < origin.seenFrom) return false
    const { changesInMemory } = stack
    if (origin.sameIn === stack.id && origin.changesThere === changesInMemory) return true
    if (!this.isMadeOf(origin, position)) return false
    origin.sameIn = stack.id
    origin.changesThere = changesInMemory
    return true
  }

  private isMadeOf(origin: Origin, position: number): boolean {
    const { stack, from, to } = this.o
    const { sources, counts, seenFrom } = origin
    for (const undo of stack.undo) if (undo.maxTime > seenFrom && matters(undo, position)) return false
    let k = 0
    for (const source of stack.redo) {
      if (!matters(source, position)) continue
      const count = source.countIn(from, to)
      if (count === 0) continue
      if (sources[k] !== source || (isInMemory(source) && counts[k] !== count)) return false
      k++
    }
    return k === sources.length
  }

  /** Undefined: the changes that were applied are not all there are. */
  private originOf(changes: RunChanges, position: number): Origin | undefined {
    const { stack, timestamp, from, to } = this.o
    const sources: DeltaSource[] = []
    const counts: number[] = []
    let seenFrom = Number.NEGATIVE_INFINITY
    for (const undo of stack.undo) {
      if (!matters(undo, position)) continue
      if (undo.maxTime > timestamp) return undefined
      seenFrom = Math.max(seenFrom, undo.maxTime)
    }
    for (const source of stack.redo) {
      if (!matters(source, position)) continue
      const count = source.countIn(from, to)
      if (count === 0) continue
      const applied = changes.appliedOf(source)
      // A store may have grown since it was opened.
      if (!applied?.isNewest || (count !== undefined && count !== applied.run.count)) return undefined
      sources.push(source)
      counts.push(applied.run.count)
      seenFrom = Math.max(seenFrom, applied.seenFrom)
    }
    return { sources, counts, seenFrom, sameIn: stack.id, changesThere: stack.changesInMemory }
  }
}

function matters(source: DeltaSource, position: number): boolean {
  return position === deadRows ? source.mayKill : source.mayUpdate(position)
}
