/**
 * Flushing a MemRowSet, but for the work itself, which runs elsewhere. The order of the steps is what recovery relies
 * on (03, "Orderings that matter"):
 *   1. the store is frozen at a cut (`Tablet.freeze`, in the op's `prepare`)
 *   2. a job writes and syncs the files: base data, undo of what changed, redo of what died
 *   3. the directory is synced
 *   4. the log is synced through the cut, or a power cut could keep half a batch
 *   5. the edit is synced
 *   6. the result is installed in memory, and announced, in one tick; only then are log segments and files let go
 * A failure before 5 leaves the store frozen, for the next attempt, and removes the files; one behind it stops writes.
 */
import { asError, invariant, VarveError } from '../base/errors.ts'
import { fileError } from '../base/file-error.ts'
import { laterState } from '../manifest/version-parts.ts'
import type { DiskRowSet } from '../rowset/disk-rowset.ts'
import type { FlushInput, FlushOutput, FlushTarget } from '../rowset/flush-rows.ts'
import { announceFiles, closeFiles, type RowSetPlan, rowsetMetas, whileRetained } from './data-files.ts'
import { jobFilesOptions } from './job-files-options.ts'
import type { FrozenStore, Tablet } from './tablet.ts'

export interface FlushOptions {
  readonly reason: string
  /** Of the op's run: `flush:begin` and `flush:end` carry it too. */
  readonly jobId: number
  /** Bytes that a rowset on disk should not exceed by much. */
  readonly rowsetBytesMax: number
  /** Name of the codec that compresses blocks, and the module a worker imports it from if it is not built in. */
  readonly codec?: FlushInput['codec']
  /** Runs `flushRows` on the input, somewhere, and gives its result. */
  readonly run: (input: FlushInput) => Promise<FlushOutput>
}

/** Writes the frozen store of a tablet to SSTables and installs them. */
export async function flushMemRowSet(tablet: Tablet, frozen: FrozenStore, o: FlushOptions): Promise<void> {
  const { host } = tablet
  const scope = { jobId: o.jobId, reason: o.reason, kind: 'mem-rowset' as const, table: tablet.table, tablet: tablet.ordinal }
  const beganMs = host.monotonicMs
  const plan = planFiles(tablet, frozen, o.rowsetBytesMax)
  host.events.emit('flush:begin', scope)
  let rowsets: readonly DiskRowSet[] = []
  let editBegun = false
  let isDurable = false
  try {
    const stores = frozen.changes ? [frozen.store, frozen.changes] : [frozen.store]
    const written = await whileRetained(stores, () => o.run(flushInput(tablet, frozen, plan, o)))
    const metas = written.rowsets.map((files, i) => rowsetMetas(tablet, files, plan.outputs[i], frozen.cut))
    rowsets = metas.map((files) => host.openRowSet(files, tablet.schema))
    // Before they are needed: their first look-up must not wait for the disk.
    for (const rowset of rowsets) await rowset.warm()
    await host.syncDirectory()
    await host.syncLogThrough(frozen.cut)
    const carry = tablet.beginCarryOver(rowsets)
    const changes = () => tablet.changesOfAll([frozen.store])
    await carry.rounds(changes)
    if (tablet.isDropped) throw new VarveError('TABLE_NOT_FOUND', `Table ${tablet.table} was dropped while it was being flushed.`)
    editBegun = true
    const addedFiles = metas.flatMap(({ base, undo, redo }) => [base, ...undo, ...redo])
    const { generation, cut } = frozen
    const historyHorizon = Math.max(tablet.state.historyHorizon, written.forgottenThrough)
    const state = { ...tablet.state, flushedGeneration: generation, flushedCut: cut, historyHorizon }
    const { tableId } = tablet.schema
    const reason = { kind: 'flush-mem-rowset' as const, tableId, tablet: tablet.ordinal, generation, cut }
    await host.commitEdit({ reason, addedFiles, tablets: [state] })
    isDurable = true
    await carry.rounds(changes)
    await host.whileUnmoved(() => {
      if (tablet.isGone) for (const rowset of rowsets) rowset.release()
      else tablet.installFlush(frozen, rowsets, laterState(tablet.state, state), carry)
      const outputs = announceFiles(tablet, addedFiles)
      host.events.emit('flush:end', { ...scope, durationMs: host.monotonicMs - beganMs, outputs })
    })
    host.installed()
  } catch (thrown) {
    // Another attempt would write the same rows once more: the manifest is ahead of memory, until the next opening.
    if (isDurable) host.stopWrites(asError(thrown))
    tablet.cancelCarryOver(rowsets)
    for (const rowset of rowsets) closeFiles(rowset)
    // Once an edit that names them may be on disk, only the next opening can tell whether the files are orphans.
    if (!editBegun || (!isDurable && thrown instanceof VarveError && thrown.code === 'DISK_FULL')) {
      await host.discardFiles(plan.outputs.flatMap(({ path, undoPath, redoPath }) => [path, undoPath ?? [], redoPath ?? []].flat()))
    }
    // A table that is being dropped needs no flush; if it stays after all, its store waits for the next attempt.
    const isNeedless = tablet.isDropped && !editBegun
    const failure = fileError(thrown)
    const error = isNeedless ? {} : { error: failure }
    host.events.emit('flush:end', { ...scope, durationMs: host.monotonicMs - beganMs, outputs: [], ...error })
    if (!isNeedless) throw failure
  }
}

/** The files that a flush may write of one rowset, and their numbers. */
interface PlannedRowSet extends FlushTarget, RowSetPlan {}

interface FlushPlan {
  readonly rowsPerOutput: number
  readonly outputs: readonly PlannedRowSet[]
}

function flushInput(tablet: Tablet, frozen: FrozenStore, plan: FlushPlan, o: FlushOptions): FlushInput {
  const { host, schema } = tablet
  return {
    frozen: frozen.store.freeze(),
    rowsPerOutput: plan.rowsPerOutput,
    outputs: plan.outputs,
    ...jobFilesOptions(host, o.codec),
    ...(frozen.changes && { changes: frozen.changes.freeze(), horizon: host.historyNeededFrom(schema) }),
  }
}

/** Splits the store into rowsets of bounded size, by what its rows take in memory, and numbers their files. */
function planFiles(tablet: Tablet, frozen: FrozenStore, rowsetBytesMax: number): FlushPlan {
  const { rowCount, usedBytes } = frozen.store
  invariant(rowCount > 0, 'a frozen store holds rows')
  const outputCount = Math.max(1, Math.min(rowCount, Math.ceil(usedBytes / rowsetBytesMax)))
  const rowsPerOutput = Math.ceil(rowCount / outputCount)
  const { host } = tablet
  const outputs = Array.from({ length: Math.ceil(rowCount / rowsPerOutput) }, (): PlannedRowSet => {
    const base = host.nextFileNumber()
    if (!frozen.changes) return { base, undo: 0, redo: 0, path: host.sstablePath(base) }
    const undo = host.nextFileNumber()
    const redo = host.nextFileNumber()
    return { base, undo, redo, path: host.sstablePath(base), undoPath: host.deltaPath(undo), redoPath: host.deltaPath(redo) }
  })
  return { rowsPerOutput, outputs }
}
