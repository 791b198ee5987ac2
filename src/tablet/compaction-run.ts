/**
 * What all compactions of files have in common on the main thread, but for the work itself, which runs elsewhere. The order
 * of the steps is what recovery relies on (03, "Orderings that matter"):
 *   1. a job writes and syncs files
 *   2. the directory is synced
 *   3. the log is synced through the cut of what they hold
 *   4. the edit is synced
 *   5. the result is installed in memory, and announced, in one tick; only then are the files that it replaces let go, each
 *      once the last reader has left it
 * A failure before 4 removes the files and changes nothing. One behind it stops writes: the manifest is ahead of memory then,
 * and only the next opening brings them together.
 */
import { asError, VarveError } from '../base/errors.ts'
import { fileError } from '../base/file-error.ts'
import type { FileInfo } from '../events/event-map.ts'
import type { EditReason, FileMeta, TabletState } from '../manifest/version-edit.ts'
import { laterState } from '../manifest/version-parts.ts'
import type { JobFile } from '../rowset/compaction/job-files.ts'
import { DeltaFile } from '../rowset/delta-file.ts'
import type { DeltaSource } from '../rowset/row-changes.ts'
import { announceFiles, fileInfo } from './data-files.ts'
import type { RowSetClaim } from './rowset-claims.ts'
import type { Tablet } from './tablet.ts'

/** How the work of a compaction is done. */
export interface CompactionOptions<Input, Output> {
  readonly reason: string
  /** Of the op's run: `compaction:begin` and `compaction:end` carry it too. */
  readonly jobId: number
  /** Codec that compresses blocks, and the module a worker imports it from if it is not built in. */
  readonly codec?: { readonly name: string; readonly module?: string }
  /** Who works on the rowsets: their claim, which the caller releases. A job in progress should be cancelled by its signal. */
  readonly claim: RowSetClaim
  /** Runs the job's function on the input, somewhere, and gives its result. */
  readonly run: (input: Input) => Promise<Output>
}

/** What a compaction has come to, ready to be made durable and installed. */
export interface CompactionResult {
  /** What the outputs hold: the last op that was applied when their inputs' changes were frozen. */
  readonly cut: number
  readonly reason: EditReason
  readonly removed: readonly FileMeta[]
  readonly added: readonly FileMeta[]
  /** Reads before this timestamp miss something from now on; −Infinity: they miss nothing. */
  readonly forgottenThrough: number
  /** Between the steps, when the edit is about to be written, and again when it is durable. */
  readonly approach?: () => Promise<void>
  /** In one tick, with no write between its look-up and its application: memory is as the manifest says. */
  install(state: TabletState): void
  /** The table was dropped meanwhile: lets go of the outputs. */
  letGo(): void
}

export interface CompactionSteps {
  readonly kind: 'minor-delta' | 'major-delta' | 'merging'
  readonly inputs: readonly FileMeta[]
  /** Files that the job may write. */
  readonly paths: readonly string[]
  /** The job, and what its result comes to. */
  perform(): Promise<CompactionResult>
  /** It has failed: closes what `perform` opened. Files that an edit may name stay. */
  fail(): void
}

/** Goes through the steps of a compaction. */
export async function runCompaction(tablet: Tablet, o: { reason: string; jobId: number }, steps: CompactionSteps): Promise<void> {
  const { host } = tablet
  const inputs = steps.inputs.map((meta) => fileInfo(tablet, meta))
  const scope = { jobId: o.jobId, reason: o.reason, kind: steps.kind, table: tablet.table, tablet: tablet.ordinal, inputs }
  const beganMs = host.monotonicMs
  host.events.emit('compaction:begin', scope)
  const end = (outputs: readonly FileInfo[], error?: Error) =>
    host.events.emit('compaction:end', { ...scope, durationMs: host.monotonicMs - beganMs, outputs, ...(error && { error }) })
  let phase: 'working' | 'edit under way' | 'durable' = 'working'
  try {
    const result = await steps.perform()
    await host.syncDirectory()
    await host.syncLogThrough(result.cut)
    await result.approach?.()
    if (tablet.isDropped) throw new VarveError('TABLE_NOT_FOUND', `Table ${tablet.table} was dropped while it was being compacted.`)
    phase = 'edit under way'
    const { reason, added, removed } = result
    const state = { ...tablet.state, historyHorizon: Math.max(tablet.state.historyHorizon, result.forgottenThrough) }
    await host.commitEdit({ reason, removedFiles: removed.map(({ fileNumber }) => fileNumber), addedFiles: added, tablets: [state] })
    phase = 'durable'
    await result.approach?.()
    await host.whileUnmoved(() => {
      if (tablet.isGone) result.letGo()
      else result.install(laterState(tablet.state, state))
      end(announceFiles(tablet, added))
    })
    host.installed()
  } catch (thrown) {
    if (phase === 'durable') host.stopWrites(asError(thrown))
    else steps.fail()
    // Once an edit that names them may be on disk, only the next opening can tell whether the files are orphans.
    if (phase === 'working' || (phase === 'edit under way' && thrown instanceof VarveError && thrown.code === 'DISK_FULL'))
      await host.discardFiles(steps.paths)
    // A table that is being dropped needs no compaction.
    const isNeedless = tablet.isDropped && phase === 'working'
    const failure = fileError(thrown)
    end([], isNeedless ? undefined : failure)
    if (!isNeedless) throw failure
  }
}

/** The delta files among the sources of a rowset, in their order. */
export function deltaFiles(sources: readonly DeltaSource[]): DeltaFile[] {
  return sources.filter((source) => source instanceof DeltaFile)
}

/** A file as a job is told of it. */
export function jobFile(tablet: Tablet, { fileNumber, role }: FileMeta): JobFile {
  return { fileNumber, path: role === 'base' ? tablet.host.sstablePath(fileNumber) : tablet.host.deltaPath(fileNumber) }
}
