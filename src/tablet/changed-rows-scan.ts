/** The rows of a tablet that were changed in a span of time, rowset by rowset: pinned at one moment, read later. */
import type { BaseRun } from '../rowset/base-runs.ts'
import { type ChangedInSpan, changedInSpan, meetsSpan, type TimeSpan } from '../rowset/changed-in-span.ts'
import type { DeltaStack } from '../rowset/delta-stack.ts'
import type { TableSchema } from '../schema/table-schema.ts'
import type { Tablet } from './tablet.ts'

/** A rowset as it was when it was pinned. */
interface PinnedRowSet {
  readonly deltas: DeltaStack
  /** To be waited for before `runs`; undefined: nothing to wait for. */
  prepare(): Promise<void> | undefined
  runs(): Iterable<BaseRun>
  release(): void
}

/** Those rowsets of a tablet that may have changed in a span; `release` lets go of the stores and files. */
export interface PinnedChanges {
  readonly schema: TableSchema
  readonly span: TimeSpan
  readonly rowsets: readonly PinnedRowSet[]
  /** Idempotent. */
  release(): void
}

/**
 * Pins the present state of a tablet, as far as something in it has a time in the span. A key lives in at most one rowset, so
 * that each row's whole history is in one place.
 */
export function pinChanges(tablet: Tablet, span: TimeSpan): PinnedChanges {
  const { schema } = tablet
  const rowsets = [...pinStores(tablet, span), ...pinDisk(tablet, span)]
  let isReleased = false
  return {
    schema,
    span,
    rowsets,
    release: () => {
      if (isReleased) return
      isReleased = true
      for (const rowset of rowsets) rowset.release()
      tablet.host.memoryChanged()
    },
  }
}

/** What was changed, a run at a time, each valid until the next is asked for. `step` is called before each run, and may end it all by throwing. */
export async function* changedRows(
  { schema, span, rowsets }: PinnedChanges,
  step: () => Promise<void> | undefined,
): AsyncGenerator<ChangedInSpan> {
  for (const rowset of rowsets) {
    await step()
    await rowset.prepare()
    for (const run of rowset.runs()) {
      await step()
      const changed = await changedInSpan(run, rowset.deltas, { schema, span })
      if (changed) yield changed
    }
  }
}

function pinStores({ live, frozen }: Tablet, span: TimeSpan): PinnedRowSet[] {
  const stores = frozen ? [live, frozen.store] : [live]
  return stores.flatMap((store) => {
    const { rowCount, deltas } = store
    if (rowCount === 0 || (store.newestTimestamp <= span.from && !changedIn(deltas, span))) return []
    store.retain()
    deltas.retain()
    const release = () => {
      deltas.release()
      store.release()
    }
    return [{ deltas, prepare: () => undefined, runs: () => store.baseRuns(rowCount, deltas), release }]
  })
}

function pinDisk({ disk }: Tablet, span: TimeSpan): PinnedRowSet[] {
  return disk.rowsets.flatMap((rowset) => {
    const { meta, deltas } = rowset
    // Rows that were all inserted after the span have no state within it.
    if (meta.minTimestamp > span.to || (meta.maxTimestamp <= span.from && !changedIn(deltas, span))) return []
    rowset.retain()
    deltas.retain()
    const release = () => {
      deltas.release()
      rowset.release()
    }
    return [{ deltas, prepare: () => rowset.prepareScan(), runs: () => rowset.baseRuns(deltas), release }]
  })
}

function changedIn({ undo, redo }: DeltaStack, span: TimeSpan): boolean {
  return undo.some((source) => meetsSpan(source, span)) || redo.some((source) => meetsSpan(source, span))
}
