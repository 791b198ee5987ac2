/**
 * Flushing what changes a rowset's rows have in memory, but for the work itself, which runs elsewhere. The steps and their
 * order are those of a MemRowSet flush (see `mem-rowset-flush.ts`): the changes are frozen at a cut (`Tablet.freezeChanges`), a
 * job writes one redo file, directory, log through the cut, and edit are synced, and in one tick the rowset reads the file
 * instead of the store. No row moves, so that nothing is carried over. A failure before the edit leaves the store frozen, for
 * the next attempt, and removes the file.
 */
import { asError, invariant, VarveError } from '../base/errors.ts'
import { fileError } from '../base/file-error.ts'
import type { DeltaFile } from '../rowset/delta-file.ts'
import type { DeltaFileSummary } from '../rowset/delta-file-writer.ts'
import type { FlushDeltasInput } from '../rowset/flush-deltas.ts'
import { announceFiles, fileMeta, whileRetained } from './data-files.ts'
import { jobFilesOptions } from './job-files-options.ts'
import type { RowSetClaim } from './rowset-claims.ts'
import type { FrozenChanges, Tablet } from './tablet.ts'

export interface FlushChangesOptions {
  readonly reason: string
  /** Of the op's run: `flush:begin` and `flush:end` carry it too. */
  readonly jobId: number
  /** Name of the codec that compresses blocks, and the module a worker imports it from if it is not built in. */
  readonly codec?: FlushDeltasInput['codec']
  /** Runs `flushDeltas` on the input, somewhere, and gives its result. */
  readonly run: (input: FlushDeltasInput) => Promise<DeltaFileSummary>
  /** The caller has claimed the rowset for more than this flush, and lets go of it. */
  readonly claim?: RowSetClaim
}

/** Writes the frozen changes of a rowset to a delta file and installs it. To be called in the tick in which they were frozen. */
export async function flushDeltaMemStore(tablet: Tablet, frozen: FrozenChanges, o: FlushChangesOptions): Promise<void> {
  const claim = o.claim ?? tablet.claims.take('flush', [frozen.rowset])
  invariant(claim, 'changes were frozen while others worked on their rowset')
  try {
    await flush(tablet, frozen, o)
  } finally {
    if (claim !== o.claim) claim.release()
  }
}

async function flush(tablet: Tablet, frozen: FrozenChanges, o: FlushChangesOptions): Promise<void> {
  const { host, schema } = tablet
  const scope = { jobId: o.jobId, reason: o.reason, kind: 'delta-mem-store' as const, table: tablet.table, tablet: tablet.ordinal }
  const beganMs = host.monotonicMs
  const fileNumber = host.nextFileNumber()
  const output = { path: host.deltaPath(fileNumber) }
  const { rowset } = frozen.rowset.meta
  host.events.emit('flush:begin', scope)
  let file: DeltaFile | undefined
  let editBegun = false
  let isDurable = false
  try {
    const input = { schema, frozen: frozen.store.freeze(), output, ...jobFilesOptions(host, o.codec) }
    const written = await whileRetained([frozen.store], () => o.run(input))
    const meta = fileMeta(tablet, { fileNumber, role: 'redo', rowset, flushedThroughOp: frozen.cut }, written)
    file = host.openDeltas(meta, schema)
    await file.warm()
    await host.syncDirectory()
    await host.syncLogThrough(frozen.cut)
    if (tablet.isDropped) throw new VarveError('TABLE_NOT_FOUND', `Table ${tablet.table} was dropped while it was being flushed.`)
    editBegun = true
    const { tableId } = schema
    const reason = { kind: 'flush-delta-mem-store' as const, tableId, tablet: tablet.ordinal, rowset, cut: frozen.cut }
    await host.commitEdit({ reason, addedFiles: [meta] })
    isDurable = true
    if (!tablet.isGone) install(tablet, frozen, file)
    file.release()
    const outputs = announceFiles(tablet, [meta])
    host.events.emit('flush:end', { ...scope, durationMs: host.monotonicMs - beganMs, outputs })
    host.installed()
  } catch (thrown) {
    // Another attempt would write the same changes once more: the manifest is ahead of memory, until the next opening.
    if (isDurable) host.stopWrites(asError(thrown))
    file?.reader.close()
    // Once an edit that names it may be on disk, only the next opening can tell whether the file is an orphan.
    if (!editBegun || (!isDurable && thrown instanceof VarveError && thrown.code === 'DISK_FULL')) await host.discardFiles([output.path])
    // A table that is being dropped needs no flush; if it stays after all, its changes wait for the next attempt.
    const isNeedless = tablet.isDropped && !editBegun
    const failure = fileError(thrown)
    const error = isNeedless ? {} : { error: failure }
    host.events.emit('flush:end', { ...scope, durationMs: host.monotonicMs - beganMs, outputs: [], ...error })
    if (!isNeedless) throw failure
  }
}

/** In one tick: the rowset, which a compaction may have given another base file meanwhile, reads the file in place of the store. */
function install(tablet: Tablet, frozen: FrozenChanges, file: DeltaFile): void {
  const holder = tablet.disk.rowsets.find(({ meta }) => meta.rowset === frozen.rowset.meta.rowset)
  const current = holder && tablet.frozenChangesOf(holder)
  invariant(holder && current?.store === frozen.store, 'the changes that were flushed are those of a rowset that is there')
  tablet.installChanges(current, tablet.state, () => holder.setDeltas(holder.deltas.replacing([frozen.store], { redo: [file] })))
}
