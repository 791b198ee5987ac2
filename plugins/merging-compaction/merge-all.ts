import {
  type CompactionContext,
  type Compactor,
  compactableDeltas,
  type DiskRowSet,
  type Tablet,
  throwIfAborted,
  VarveError,
} from '../../src/plugin.ts'
import { type MergeOptions, mergeClaimed } from './merge-rowsets-of.ts'

/** A merge holds a row group of each rowset that lies over the key it has come to, half a MiB or so, and some of its deltas. */
const heightMax = 64

/** Merges every run of rowsets that overlap each other, and rewrites those that have changes: what `db.compact` asks for. */
export class MergeAll implements Compactor {
  readonly kind = 'merging'
  readonly #o: MergeOptions

  constructor(o: MergeOptions) {
    this.#o = o
  }

  async compact(tablet: Tablet, context: CompactionContext): Promise<void> {
    // Rowsets that come meanwhile are left to those who come after.
    const wanted = new Set(tablet.disk.rowsets.map(({ meta }) => meta.rowset))
    const done = new Set<number>()
    // Writes that fill memory faster than a merge ends would cancel it for ever: each time it holds out for twice as long.
    let patience = 1
    for (;;) {
      throwIfAborted(context.signal)
      if (tablet.isDropped) return
      const rowsets = nextRun(tablet, wanted, done)
      if (!rowsets) return
      try {
        const claim = tablet.claims.take('merging compaction', rowsets, patience)
        if (!claim) {
          const room = await tablet.claims.makeRoom('merging compaction', rowsets, { signal: context.signal, patience })
          // Those who worked on them may have changed what is to be merged; it is taken in this tick, before others can begin.
          room.release()
          continue
        }
        for (const made of await mergeClaimed(tablet, claim, this.#o, context)) {
          wanted.add(made)
          done.add(made)
        }
        patience = 1
      } catch (error) {
        if (!isCancelled(error) || context.signal.aborted || tablet.isDropped) throw error
        patience *= 2
      }
    }
  }
}

function isCancelled(error: unknown): boolean {
  return error instanceof VarveError && error.code === 'ABORTED'
}

/** The first run of rowsets, by key, that overlap each other, or one that has changes; undefined: there is none left. */
function nextRun(tablet: Tablet, wanted: ReadonlySet<number>, done: ReadonlySet<number>): DiskRowSet[] | undefined {
  const rowsets = tablet.disk.rowsets.filter(({ meta }) => wanted.has(meta.rowset))
  for (let from = 0; from < rowsets.length; ) {
    let to = from + 1
    let end = (rowsets[from] as DiskRowSet).maxKey
    while (to < rowsets.length && Buffer.compare((rowsets[to] as DiskRowSet).minKey, end) <= 0) {
      const { maxKey } = rowsets[to] as DiskRowSet
      if (Buffer.compare(maxKey, end) > 0) end = maxKey
      to++
    }
    const run = rowsets.slice(from, to)
    if (run.length > 1 || run.some((rowset) => !done.has(rowset.meta.rowset) && isChanged(tablet, rowset))) return bounded(run, done)
    from = to
  }
  return undefined
}

/**
 * Of a run in which more rowsets lie over each other than a merge should hold at a time, as many as it may: first those that
 * no merge has made, so that each pass leaves fewer of them.
 */
function bounded(run: DiskRowSet[], done: ReadonlySet<number>): DiskRowSet[] {
  if (heightOf(run) <= heightMax) return run
  const fresh = run.filter(({ meta }) => !done.has(meta.rowset))
  return (fresh.length > 1 ? fresh : run).slice(0, heightMax)
}

/** The most rowsets of a run, which is in order of their least keys, that lie over one key. */
function heightOf(run: readonly DiskRowSet[]): number {
  const ends = run.map(({ maxKey }) => maxKey).sort((a, b) => Buffer.compare(a, b))
  let height = 0
  let ended = 0
  for (let begun = 1; begun <= run.length; begun++) {
    while (Buffer.compare(ends[ended] as Uint8Array, (run[begun - 1] as DiskRowSet).minKey) < 0) ended++
    height = Math.max(height, begun - ended)
  }
  return height
}

/** Whether a rowset has changes beside its base data that a rewrite would apply. */
function isChanged(tablet: Tablet, rowset: DiskRowSet): boolean {
  return compactableDeltas(rowset).redo.length > 0 || tablet.changesOf(rowset) !== undefined || tablet.frozenChangesOf(rowset) !== undefined
}
