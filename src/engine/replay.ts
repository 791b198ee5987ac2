import { eventLoopGate } from '../base/event-loop-gate.ts'
import { DiskRowSet } from '../rowset/disk-rowset.ts'
import { LookupMisses } from '../rowset/lookup-misses.ts'
import { atSchemaPositions } from '../schema/change-encoder.ts'
import type { KeyBlock, RowBlock } from '../schema/column-vector.ts'
import { encodeKeys, gatherKeys, hashKeys } from '../schema/key-encoding.ts'
import type { TableSchema } from '../schema/table-schema.ts'
import { gatherBlock } from '../schema/vector-ops.ts'
import type { LocatedRows, RowHolder } from '../tablet/locate-rows.ts'
import type { Tablet } from '../tablet/tablet.ts'
import type { LogBatch, LogSection } from '../wal/batch-format.ts'
import { givenColumns, wholeRows } from './logged-columns.ts'

/**
 * Brings logged batches back into memory (03, "Recovery"). A row op whose target is a generation that is not flushed goes
 * to the live store. Any other is resolved by its key: the rowset on disk that holds the key says through which op its
 * files go; later ops are changes of its row. A key that no rowset on disk holds was dropped by a flush or a compaction
 * after it had died: then an insert, replayed here, begins it anew in the live store, and what finds no live row there is
 * ignored. No row is skipped by its generation alone.
 */
export class Replay {
  readonly #tabletOf: (tableId: number, ordinal: number) => Tablet | undefined
  readonly #generations = new Map<Tablet, number>()
  rowCount = 0

  constructor(tabletOf: (tableId: number, ordinal: number) => Tablet | undefined) {
    this.#tabletOf = tabletOf
  }

  /** Applies a batch; a promise if the event loop should be let through. */
  batch(batch: LogBatch): Promise<void> | undefined {
    return this.#sectionsFrom(batch, 0)
  }

  #sectionsFrom(batch: LogBatch, first: number): Promise<void> | undefined {
    for (let i = first; i < batch.sections.length; i++) {
      const section = batch.sections[i] as LogSection
      const tablet = this.#tabletOf(section.tableId, section.tablet)
      // The table was dropped after the batch was logged.
      if (tablet) this.#section(batch, section, tablet)
      const pause = eventLoopGate.pause()
      if (pause) return pause.then(() => this.#sectionsFrom(batch, i + 1))
    }
    return undefined
  }

  /** Every live store is newer than any generation in the log. */
  finish(): void {
    for (const [tablet, generation] of this.#generations) tablet.skipGenerations(generation)
  }

  #section(batch: LogBatch, section: LogSection, tablet: Tablet): void {
    const logged = loggedRows(batch, section, tablet.schema)
    const generation = section.target === 'memory' ? section.generation : 0
    this.#generations.set(tablet, Math.max(generation, this.#generations.get(tablet) ?? 0))
    this.rowCount += logged.rows.rowCount
    const all = Int32Array.from({ length: logged.keys.count }, (_, i) => i)
    if (
      generation > tablet.state.flushedGeneration &&
      section.kind === 'insert' &&
      tablet.isNewInMemory(logged.rows, logged.keys, logged.hashes)
    ) {
      const { opId, timestamp } = batch
      tablet.insert(logged.rows, logged.keys, logged.hashes, { opId, timestamp })
      return
    }
    const left = generation > tablet.state.flushedGeneration ? all : this.#onDisk(batch, section, tablet, logged, all)
    if (left.length > 0) this.#inMemory(batch, section, tablet, gathered(logged, left))
  }

  /** Changes the rows that rowsets on disk hold; returns the keys that none holds. */
  #onDisk(batch: LogBatch, section: LogSection, tablet: Tablet, logged: Logged, all: Int32Array): Int32Array {
    const { held, absent } = locateSync(tablet, logged, 'disk')
    for (const { holder, indexes, rows, alive } of held) {
      if (batch.opId <= flushedThrough(holder)) continue
      // What changes a dead row has no effect, unless it gives it life again.
      const effective = indexes.filter((_, k) => section.kind === 'insert' || section.kind === 'live' || alive[k] === 1)
      const rowIds = rows.filter((_, k) => section.kind === 'insert' || section.kind === 'live' || alive[k] === 1)
      if (rowIds.length > 0) change(tablet, holder, rowIds, gathered(logged, effective), batch, section)
    }
    return absent ?? all
  }

  #inMemory(batch: LogBatch, section: LogSection, tablet: Tablet, logged: Logged): void {
    const { opId, timestamp } = batch
    const inserts = section.kind === 'insert' || section.kind === 'live'
    const { held, absent } = locateSync(tablet, logged, 'memory')
    for (const { holder, indexes, rows, alive } of held) {
      const effective = inserts ? indexes : indexes.filter((_, k) => alive[k] === 1)
      const rowIds = inserts ? rows : rows.filter((_, k) => alive[k] === 1)
      if (rowIds.length > 0) change(tablet, holder, rowIds, gathered(logged, effective), batch, section)
    }
    if (!inserts || absent?.length === 0) return
    const { rows, keys, hashes } = absent ? gathered(logged, absent) : logged
    tablet.insert(rows, keys, hashes, { opId, timestamp })
  }
}

/** Rows of a section in terms of the table as it is now. */
interface Logged {
  /** The columns at `positions`: all of them, of an insert or a reinsert. */
  readonly rows: RowBlock
  readonly positions: readonly number[]
  readonly keys: KeyBlock
  readonly hashes: Uint32Array
}

function change(tablet: Tablet, holder: RowHolder, rowIds: Int32Array, logged: Logged, batch: LogBatch, section: LogSection): void {
  const op = section.kind === 'insert' ? 'live' : section.kind
  tablet.change({ op, holder, rowIds, ...logged }, { opId: batch.opId, timestamp: batch.timestamp })
}

function gathered(logged: Logged, indexes: Int32Array): Logged {
  if (indexes.length === logged.keys.count) return logged
  return {
    rows: gatherBlock(logged.rows, indexes),
    positions: logged.positions,
    keys: gatherKeys(logged.keys, indexes),
    hashes: Uint32Array.from(indexes, (i) => logged.hashes[i] as number),
  }
}

function locateSync(tablet: Tablet, { keys, hashes }: Logged, where: 'memory' | 'disk'): LocatedRows {
  const misses = new LookupMisses()
  for (;;) {
    const located = tablet.locate(keys, hashes, misses, where)
    if (located) return located
    misses.loadSync()
  }
}

function flushedThrough(holder: RowHolder): number {
  return holder instanceof DiskRowSet ? holder.flushedThroughOp : Number.NEGATIVE_INFINITY
}

/** The section's rows in terms of the table as it is now. */
function loggedRows(batch: LogBatch, section: LogSection, schema: TableSchema): Logged {
  const isWhole = section.kind === 'insert' || section.kind === 'live'
  const { block, positions } = isWhole
    ? { block: wholeRows(batch, section, schema), positions: schema.columns.map((_, position) => position) }
    : givenColumns(batch, section, schema)
  const keys = encodeKeys(schema, atSchemaPositions({ block, positions }))
  return { rows: block, positions, keys, hashes: hashKeys(keys) }
}
