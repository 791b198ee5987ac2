import { throwIfAborted } from '../base/errors.ts'
import { nextTurn } from '../base/event-loop-gate.ts'
import type { FileMeta } from '../manifest/version-edit.ts'
import type { MergeRowSetsInput, MergeRowSetsOutput, MergeTarget } from '../rowset/compaction/merge-rowsets.ts'
import type { DiskRowSet } from '../rowset/disk-rowset.ts'
import { type CompactionOptions, type CompactionResult, deltaFiles, jobFile, runCompaction } from './compaction-run.ts'
import { closeFiles, type RowSetPlan, rowsetMetas, whileRetained } from './data-files.ts'
import { type FlushChangesOptions, flushDeltaMemStore } from './delta-flush.ts'
import { jobFilesOptions } from './job-files-options.ts'
import type { Tablet } from './tablet.ts'
import type { RowSetMetas } from './tablet-host.ts'

export interface MergingCompactionOptions extends CompactionOptions<MergeRowSetsInput, MergeRowSetsOutput> {
  /** Bytes that a rowset's base data should not exceed by much. */
  readonly rowsetBytesMax: number
  /** Runs `flushDeltas` on the input, somewhere, and gives its result. */
  readonly flush: FlushChangesOptions['run']
}

/**
 * Merges the rowsets of a claim (`merging compaction`): all of their changes in memory are frozen in one tick, which is the
 * cut, and flushed as by any flush; from then on a job works on files alone. Changes that come meanwhile are carried over to
 * the outputs. The steps are those of `compaction-run.ts`. Gives the ids of the rowsets that it made.
 */
export async function mergingCompaction(tablet: Tablet, o: MergingCompactionOptions): Promise<number[]> {
  const { rowsets } = o.claim
  const cut = await flushThroughCut(tablet, o)
  if (cut === undefined) return []
  throwIfAborted(o.claim.signal)
  const inputs = rowsets.map(filesOf)
  const plan = planOutputs(tablet, rowsets, o.rowsetBytesMax)
  let added: DiskRowSet[] = []
  await runCompaction(tablet, o, {
    kind: 'merging',
    inputs: inputs.flatMap(allFiles),
    paths: plan.outputs.flatMap(({ path, undoPath, redoPath }) => [path, undoPath, redoPath]),
    perform: async (): Promise<CompactionResult> => {
      const written = await whileRetained(rowsets, () => o.run(mergeInput(tablet, inputs, plan, o)))
      const metas = written.rowsets.map((files, i) => rowsetMetas(tablet, files, plan.outputs[i], cut))
      added = metas.map((files) => tablet.host.openRowSet(files, tablet.schema))
      // Before they are needed: their first look-up must not wait for the disk.
      for (const rowset of added) await rowset.warm()
      const carry = tablet.beginCarryOver(added)
      const { tableId } = tablet.schema
      const [from, to] = [inputs, metas].map((list) => list.map(({ base }) => base.rowset)) as [number[], number[]]
      return {
        cut,
        reason: { kind: 'merging-compaction', tableId, tablet: tablet.ordinal, rowsets: from, outputs: to, cut },
        removed: inputs.flatMap(allFiles),
        added: metas.flatMap(allFiles),
        forgottenThrough: written.forgottenThrough,
        approach: () => carry.rounds(() => tablet.changesOfAll(rowsets)),
        install: (state) => tablet.installRowSets({ removed: rowsets, added, state, carry }),
        letGo: () => {
          for (const rowset of added) rowset.release()
        },
      }
    },
    fail: () => {
      tablet.cancelCarryOver(added)
      for (const rowset of added) closeFiles(rowset)
    },
  })
  return added.map(({ meta }) => meta.rowset)
}

/** Brings all changes of the rowsets up to one op into files; returns that op. Undefined: the table is being dropped. */
async function flushThroughCut(tablet: Tablet, o: MergingCompactionOptions): Promise<number | undefined> {
  const { host } = tablet
  const { claim, codec } = o
  const flushOf = async (rowset: DiskRowSet) => {
    const frozen = tablet.freezeChanges(rowset, claim)
    const jobId = host.jobIds.next()
    if (frozen) await flushDeltaMemStore(tablet, frozen, { reason: o.reason, jobId, claim, run: o.flush, ...(codec && { codec }) })
  }
  // What an attempt that failed has left frozen has a cut of its own.
  for (const rowset of claim.rowsets) if (tablet.frozenChangesOf(rowset)) await flushOf(rowset)
  // A store that is frozen while a large batch is half applied would hold half of it.
  while (!host.mayFreeze) await nextTurn()
  if (tablet.isDropped) return undefined
  const cut = host.lastAppliedOp
  for (const rowset of claim.rowsets) tablet.freezeChanges(rowset, claim)
  for (const rowset of claim.rowsets) if (tablet.frozenChangesOf(rowset)) await flushOf(rowset)
  // Of a table that is being dropped, changes are left where they are.
  return claim.rowsets.some((rowset) => tablet.frozenChangesOf(rowset)) ? undefined : cut
}

/** A rowset's files, once nothing of it is frozen in memory. */
function filesOf({ meta: base, deltas }: DiskRowSet): RowSetMetas {
  const metas = (sources: typeof deltas.redo) => deltaFiles(sources).map(({ meta }) => meta)
  return { base, undo: metas(deltas.undo), redo: metas(deltas.redo) }
}

function allFiles({ base, undo, redo }: RowSetMetas): FileMeta[] {
  return [base, ...undo, ...redo]
}

interface MergePlan {
  readonly rowsPerOutput: number
  readonly outputs: readonly (MergeTarget & RowSetPlan)[]
}

/** A rowset may come to this many times the size that it should have: rows of the inputs may be of different sizes. */
const bytesSlack = 1.5

function mergeInput(tablet: Tablet, inputs: readonly RowSetMetas[], plan: MergePlan, o: MergingCompactionOptions): MergeRowSetsInput {
  const { host, schema } = tablet
  const jobFiles = (metas: readonly FileMeta[]) => metas.map((meta) => jobFile(tablet, meta))
  return {
    schema,
    inputs: inputs.map(({ base, undo, redo }) => ({ base: jobFile(tablet, base), undo: jobFiles(undo), redo: jobFiles(redo) })),
    horizon: host.historyNeededFrom(schema),
    rowsPerOutput: plan.rowsPerOutput,
    bytesPerOutputMax: o.rowsetBytesMax * bytesSlack,
    outputs: plan.outputs,
    ...jobFilesOptions(host, o.codec),
  }
}

/** Splits the rows evenly into rowsets of bounded size, by what their base data takes now, and numbers their files. */
function planOutputs({ host }: Tablet, rowsets: readonly DiskRowSet[], rowsetBytesMax: number): MergePlan {
  const rowCount = rowsets.reduce((sum, rowset) => sum + rowset.rowCount, 0)
  const bytes = rowsets.reduce((sum, rowset) => sum + rowset.sizeBytes, 0)
  const outputCount = Math.max(1, Math.min(rowCount, Math.ceil(bytes / rowsetBytesMax)))
  const rowsPerOutput = Math.ceil(rowCount / outputCount)
  // Where rows are larger than elsewhere, rowsets end early: at most once for every `bytesSlack` times their size.
  const outputs = Array.from({ length: 2 * outputCount }, () => {
    const [base, undo, redo] = [host.nextFileNumber(), host.nextFileNumber(), host.nextFileNumber()]
    return { base, undo, redo, path: host.sstablePath(base), undoPath: host.deltaPath(undo), redoPath: host.deltaPath(redo) }
  })
  return { rowsPerOutput, outputs }
}
