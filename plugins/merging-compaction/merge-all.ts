import { type CompactionContext, type Compactor, compactableDeltas, type Tablet, throwIfAborted } from '../../src/plugin.ts'
import { type MergeOptions, mergeClaimed } from './merge-rowsets-of.ts'

type RowSet = Tablet['disk']['rowsets'][number]

/** Between looks at rowsets that another op works on, in milliseconds. */
const againMs = 5

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
    for (;;) {
      throwIfAborted(context.signal)
      if (tablet.isDropped) return
      const rowsets = nextRun(tablet, wanted, done)
      if (!rowsets) return
      const claim = tablet.claims.take('merging compaction', rowsets)
      if (!claim) {
        for (const rowset of rowsets) tablet.claims.interrupt('merging compaction', rowset)
        await new Promise((resolve) => setTimeout(resolve, againMs))
        continue
      }
      const before = new Set(tablet.disk.rowsets.map(({ meta }) => meta.rowset))
      await mergeClaimed(tablet, claim, this.#o, context)
      for (const { meta } of tablet.disk.rowsets) {
        if (before.has(meta.rowset)) continue
        wanted.add(meta.rowset)
        done.add(meta.rowset)
      }
    }
  }
}

/** The first run of rowsets, by key, that overlap each other, or one that has changes; undefined: there is none left. */
function nextRun(tablet: Tablet, wanted: ReadonlySet<number>, done: ReadonlySet<number>): RowSet[] | undefined {
  const rowsets = tablet.disk.rowsets.filter(({ meta }) => wanted.has(meta.rowset))
  for (let from = 0; from < rowsets.length; ) {
    let to = from + 1
    let end = (rowsets[from] as RowSet).maxKey
    while (to < rowsets.length && Buffer.compare((rowsets[to] as RowSet).minKey, end) <= 0) {
      const { maxKey } = rowsets[to] as RowSet
      if (Buffer.compare(maxKey, end) > 0) end = maxKey
      to++
    }
    const run = rowsets.slice(from, to)
    if (run.length > 1 || run.some((rowset) => !done.has(rowset.meta.rowset) && isChanged(tablet, rowset))) return run
    from = to
  }
  return undefined
}

/** Whether a rowset has changes beside its base data that a rewrite would apply. */
function isChanged(tablet: Tablet, rowset: RowSet): boolean {
  return compactableDeltas(rowset).redo.length > 0 || tablet.changesOf(rowset) !== undefined || tablet.frozenChangesOf(rowset) !== undefined
}
