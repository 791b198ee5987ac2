import { invariant } from '../base/errors.ts'
import { eventLoopGate } from '../base/event-loop-gate.ts'
import type { DiskRowSet } from '../rowset/disk-rowset.ts'
import { LookupMisses } from '../rowset/lookup-misses.ts'
import type { KeyBlock } from '../schema/column-vector.ts'
import { encodeKeys, hashKeys } from '../schema/key-encoding.ts'
import type { Tablet } from '../tablet/tablet.ts'
import type { LogBatch, LogSection } from '../wal/batch-format.ts'
import { wholeRows } from './logged-columns.ts'

/**
 * Brings logged batches back into memory. A logged insert whose target is a generation that is not flushed goes to the
 * live store. One whose generation is flushed is resolved by its key (03, "Recovery"): the rowset that holds the key
 * says through which op its files go; a key that no rowset holds was dropped by a flush or a compaction after it had
 * died, so that a later insert of it, replayed here, begins it anew. No row is skipped by its generation alone.
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
    invariant(section.kind === 'insert', `op ${batch.opId} changes rows of ${tablet.label}, and only inserts are replayed`)
    const rows = wholeRows(batch, section, tablet.schema)
    const keys = encodeKeys(tablet.schema, rows)
    const hashes = hashKeys(keys)
    const { opId, timestamp } = batch
    const generation = section.target === 'memory' ? section.generation : 0
    this.#generations.set(tablet, Math.max(generation, this.#generations.get(tablet) ?? 0))
    this.rowCount += rows.rowCount
    if (generation > tablet.state.flushedGeneration) {
      tablet.insert(rows, keys, hashes, { opId, timestamp })
      return
    }
    const selection = rowsNotOnDisk(tablet, keys, hashes, opId)
    if (selection.length > 0) tablet.insert(rows, keys, hashes, { opId, timestamp, selection })
  }
}

/** The rows of a logged insert that no rowset on disk holds, ascending. */
function rowsNotOnDisk(tablet: Tablet, keys: KeyBlock, hashes: Uint32Array, opId: number): Int32Array {
  let left = Int32Array.from({ length: keys.count }, (_, i) => i)
  for (const rowset of tablet.disk.overlappingKeys(keys)) {
    if (left.length === 0) break
    const held = probeSync(rowset, keys, hashes, left)
    const absent = left.filter((i) => (held[i] as number) < 0)
    invariant(
      absent.length === left.length || opId <= rowset.meta.flushedThroughOp,
      `op ${opId} inserts a key that rowset ${rowset.meta.rowset} of ${tablet.label} holds already`,
    )
    left = absent
  }
  return left
}

function probeSync(rowset: DiskRowSet, keys: KeyBlock, hashes: Uint32Array, selection: Int32Array): Int32Array {
  const rows = new Int32Array(keys.count)
  const misses = new LookupMisses()
  while (rowset.probe(keys, hashes, selection, rows, misses) > 0) misses.loadSync()
  return rows
}
