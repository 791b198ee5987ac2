/**
 * Changes that rows took while a job rewrote their rowset, on their way to the rows' new places (03, "Carrying over"). They
 * are found by key, in rounds, while the finished job waits, and appended to stores that nobody reads yet; at the
 * installation only those are left that came since the last round. They keep their timestamps and op ids.
 */
import { invariant } from '../base/errors.ts'
import { eventLoopGate } from '../base/event-loop-gate.ts'
import type { DeltaMemStore } from '../rowset/delta-mem-store.ts'
import { DiskRowSet } from '../rowset/disk-rowset.ts'
import { LookupMisses } from '../rowset/lookup-misses.ts'
import type { DeltaBlock } from '../rowset/row-changes.ts'
import type { ColumnVector, KeyBlock, RowBlock } from '../schema/column-vector.ts'
import { encodeKeys, gatherKeys, hashKeys } from '../schema/key-encoding.ts'
import type { TableSchema } from '../schema/table-schema.ts'
import { gatherBlock } from '../schema/vector-ops.ts'
import { locateRows } from './locate-rows.ts'

/** Changes that are so few are carried over at the installation itself. */
const leftMax = 1000
const roundChanges = 4096
/** Writes may come as fast as they are carried over: no more rounds than this. */
const roundsMax = 64

/** Changes whose rows are in no output: the job dropped them, dead. */
export interface HomelessChanges extends DeltaBlock {
  readonly keys: KeyBlock
  readonly hashes: Uint32Array
}

export class CarryOver {
  readonly #schema: TableSchema
  readonly #outputs: readonly DiskRowSet[]
  readonly #append: (output: DiskRowSet, block: DeltaBlock) => void
  /** How many changes of each source have been dealt with. */
  readonly #done = new Map<DeltaMemStore, number>()
  readonly homeless: HomelessChanges[] = []

  /** `append` adds changes to an output, which nobody reads yet. */
  constructor(o: { schema: TableSchema; outputs: readonly DiskRowSet[]; append: (output: DiskRowSet, block: DeltaBlock) => void }) {
    this.#schema = o.schema
    this.#outputs = o.outputs
    this.#append = o.append
  }

  /** Carries over what is there, until little is left. `sources` gives the stores that take the changes now. */
  async rounds(sources: () => readonly DeltaMemStore[]): Promise<void> {
    for (let round = 0; round < roundsMax; round++) {
      let left = 0
      for (const source of sources()) left += source.changeCount - (this.#done.get(source) ?? 0)
      if (left <= (round === 0 ? 0 : leftMax)) return
      for (const source of sources()) {
        // What is there now, and no more: writes that come in the pauses would keep one round going for ever.
        const end = source.changeCount
        while (end > (this.#done.get(source) ?? 0)) {
          const misses = new LookupMisses()
          while (!this.#carry(source, misses)) await misses.load()
          const pause = eventLoopGate.pause()
          if (pause) await pause
        }
      }
    }
  }

  /** Carries over the rest, at once. */
  finish(sources: readonly DeltaMemStore[]): void {
    for (const source of sources) {
      while (source.changeCount > (this.#done.get(source) ?? 0)) {
        const misses = new LookupMisses()
        while (!this.#carry(source, misses)) misses.loadSync()
      }
    }
  }

  /** Carries over the next few thousand changes of a source; false, and nothing done, if something must be loaded first. */
  #carry(source: DeltaMemStore, misses: LookupMisses): boolean {
    const from = this.#done.get(source) ?? 0
    const to = Math.min(source.changeCount, from + roundChanges)
    const changes = Int32Array.from({ length: to - from }, (_, k) => from + k)
    const placed: { block: DeltaBlock; output: DiskRowSet | undefined; keys: KeyBlock; hashes: Uint32Array }[] = []
    for (const block of source.blocks(changes)) {
      const keys = encodeKeys(this.#schema, keyColumnsOf(this.#schema, block))
      const hashes = hashKeys(keys)
      const located = locateRows([], this.#outputs, keys, hashes, misses)
      if (!located) return false
      for (const { holder, indexes, rows } of located.held) {
        invariant(holder instanceof DiskRowSet, 'changes are carried over to files')
        placed.push({ block: { ...block, rows, values: gatherBlock(block.values, indexes) }, output: holder, keys, hashes })
      }
      const absent = located.absent ?? (located.held.length === 0 ? Int32Array.from({ length: keys.count }, (_, i) => i) : undefined)
      if (absent && absent.length > 0) {
        placed.push({
          block: { ...block, rows: absent, values: gatherBlock(block.values, absent) },
          output: undefined,
          keys: gatherKeys(keys, absent),
          hashes: Uint32Array.from(absent, (i) => hashes[i] as number),
        })
      }
    }
    for (const { block, output, keys, hashes } of placed) {
      if (output) this.#append(output, block)
      else this.homeless.push({ ...block, keys, hashes })
    }
    this.#done.set(source, to)
    return true
  }
}

/** A change's key columns where the schema has them. */
function keyColumnsOf(schema: TableSchema, { values, positions }: DeltaBlock): RowBlock {
  const columns = new Array<ColumnVector>(schema.columns.length)
  positions.forEach((position, c) => {
    columns[position] = values.columns[c] as ColumnVector
  })
  return { rowCount: values.rowCount, columns }
}
