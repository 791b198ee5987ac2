/**
 * Compacting the delta files of one rowset, whose rows keep their ids: nothing is carried over, and changes may be flushed
 * meanwhile. The steps are those of `compaction-run.ts`.
 */
import { invariant } from '../base/errors.ts'
import type { FileMeta } from '../manifest/version-edit.ts'
import type { CompactColumnsInput, CompactColumnsOutput } from '../rowset/compaction/compact-columns.ts'
import type { MergeDeltaFilesInput, MergeDeltaFilesOutput } from '../rowset/compaction/merge-delta-files.ts'
import type { DeltaFile } from '../rowset/delta-file.ts'
import type { DeltaFileSummary } from '../rowset/delta-file-writer.ts'
import { DeltaStack } from '../rowset/delta-stack.ts'
import type { DiskRowSet } from '../rowset/disk-rowset.ts'
import { type CompactionOptions, type CompactionResult, deltaFiles, jobFile, runCompaction } from './compaction-run.ts'
import { closeFiles, fileMeta, whileRetained } from './data-files.ts'
import { jobFilesOptions } from './job-files-options.ts'
import type { Tablet } from './tablet.ts'

export interface MinorCompactionOptions extends CompactionOptions<MergeDeltaFilesInput, MergeDeltaFilesOutput> {
  readonly kind: 'redo' | 'undo'
  /** Of the rowset's files of this kind, two or more. Redo: a contiguous run, oldest first. */
  readonly files: readonly DeltaFile[]
}

/** Makes one file of several delta files of the claimed rowset (`delta compaction`). */
export async function minorDeltaCompaction(tablet: Tablet, o: MinorCompactionOptions): Promise<void> {
  const { host, schema } = tablet
  const { kind, files } = o
  const rowset = rowsetOf(o)
  const inputs = files.map(({ meta }) => meta)
  const fileNumber = host.nextFileNumber()
  const output = { path: host.deltaPath(fileNumber) }
  const cut = newest(inputs)
  let added: DeltaFile | undefined
  await runCompaction(tablet, o, {
    kind: 'minor-delta',
    inputs,
    paths: [output.path],
    perform: async (): Promise<CompactionResult> => {
      const horizon = host.historyNeededFrom(schema)
      const input = { schema, kind, inputs: inputs.map((meta) => jobFile(tablet, meta)), output, horizon, ...common(tablet, o) }
      const written = await whileRetained(files, () => o.run(input))
      const place = { fileNumber, role: kind, rowset: rowset.meta.rowset, flushedThroughOp: cut }
      const meta = written.file && fileMeta(tablet, place, written.file)
      added = meta && host.openDeltas(meta, schema)
      await added?.warm()
      return {
        cut,
        reason: { kind: 'minor-delta-compaction', tableId: schema.tableId, tablet: tablet.ordinal, rowset: rowset.meta.rowset },
        removed: inputs,
        added: meta ? [meta] : [],
        forgottenThrough: written.forgottenThrough,
        install: (state) => {
          rowset.setDeltas(rowset.deltas.replacing(files, { [kind]: added ? [added] : [] }))
          added?.release()
          tablet.setState(state)
        },
        letGo: () => added?.release(),
      }
    },
    fail: () => added?.reader.close(),
  })
}

export interface MajorCompactionOptions extends CompactionOptions<CompactColumnsInput, CompactColumnsOutput> {
  /** Ids of the columns to write anew; none of the key. */
  readonly columns: readonly number[]
  /** A contiguous run of the rowset's redo files that begins at the oldest of all. */
  readonly files: readonly DeltaFile[]
}

/** Writes columns of the claimed rowset (`delta compaction`) anew, with what redo files say of them. */
export async function majorDeltaCompaction(tablet: Tablet, o: MajorCompactionOptions): Promise<void> {
  const { host, schema } = tablet
  const { columns, files } = o
  const before = rowsetOf(o)
  const { rowset } = before.meta
  const inputs = [before.meta, ...files.map(({ meta }) => meta)]
  const cut = newest(inputs)
  const [base, redo, undo] = [host.nextFileNumber(), host.nextFileNumber(), host.nextFileNumber()]
  const outputs = { base: { path: host.sstablePath(base) }, redo: { path: host.deltaPath(redo) }, undo: { path: host.deltaPath(undo) } }
  let after: DiskRowSet | undefined
  const deltas: { redo: DeltaFile[]; undo: DeltaFile[] } = { redo: [], undo: [] }
  const open = async (fileNumber: number, role: 'redo' | 'undo', written: DeltaFileSummary | undefined): Promise<void> => {
    if (!written) return
    const file = host.openDeltas(fileMeta(tablet, { fileNumber, role, rowset, flushedThroughOp: cut }, written), schema)
    deltas[role].push(file)
    await file.warm()
  }
  const letGo = () => {
    for (const file of [...deltas.redo, ...deltas.undo]) file.release()
  }
  await runCompaction(tablet, o, {
    kind: 'major-delta',
    inputs,
    paths: Object.values(outputs).map(({ path }) => path),
    perform: async (): Promise<CompactionResult> => {
      const [baseFile, ...redoFiles] = inputs.map((meta) => jobFile(tablet, meta))
      invariant(baseFile, 'a rowset has a base file')
      const horizon = host.historyNeededFrom(schema)
      const input = { schema, base: baseFile, redo: redoFiles, columns, outputs, horizon, ...common(tablet, o) }
      const written = await whileRetained([before, ...files], () => o.run(input))
      const meta = fileMeta(tablet, { fileNumber: base, role: 'base', rowset, flushedThroughOp: cut }, written.base)
      after = host.openRowSet({ base: meta, undo: [], redo: [] }, schema)
      // Before they are needed: their first look-up must not wait for the disk.
      await after.warm()
      await open(redo, 'redo', written.redo)
      await open(undo, 'undo', written.undo)
      return {
        cut,
        reason: { kind: 'major-delta-compaction', tableId: schema.tableId, tablet: tablet.ordinal, rowset, columns },
        removed: inputs,
        added: [meta, ...[...deltas.redo, ...deltas.undo].map((file) => file.meta)],
        forgottenThrough: written.forgottenThrough,
        install: (state) => {
          const next = after as DiskRowSet
          next.setDeltas(movedDeltas(tablet, before, files, deltas))
          letGo()
          tablet.replaceRowSet(before, next, state)
        },
        letGo: () => {
          letGo()
          after?.release()
        },
      }
    },
    fail: () => {
      if (after) closeFiles(after)
      for (const file of [...deltas.redo, ...deltas.undo]) file.reader.close()
    },
  })
}

/** The rowset's deltas with files replaced, but for the store that takes changes now: that one moves by itself. */
function movedDeltas(
  tablet: Tablet,
  before: DiskRowSet,
  replaced: readonly DeltaFile[],
  by: { redo: DeltaFile[]; undo: DeltaFile[] },
): DeltaStack {
  const replacing = before.deltas.replacing(replaced, by)
  const live = tablet.changesOf(before)
  const moved = new DeltaStack({ undo: replacing.undo, redo: replacing.redo.filter((source) => source !== live) })
  replacing.release()
  return moved
}

/** Delta files of a rowset that may be compacted together, oldest redo first. */
export function compactableDeltas({ deltas }: DiskRowSet): { redo: DeltaFile[]; undo: DeltaFile[] } {
  return { redo: deltaFiles(deltas.redo), undo: deltaFiles(deltas.undo) }
}

/**
 * Rows of a rowset that its delta files count as dead to every read at this timestamp or later: perhaps fewer, since a row may
 * have died twice. Files that later changes are in do not count.
 */
export function countedDeadRows(rowset: DiskRowSet, horizon: number): number {
  let dead = 0
  for (const { meta, maxTime } of compactableDeltas(rowset).redo)
    if (maxTime <= horizon) dead += (meta.deltas?.deletes ?? 0) - (meta.deltas?.lives ?? 0)
  return Math.min(Math.max(0, dead), rowset.rowCount)
}

function rowsetOf({ claim }: { claim: { rowsets: readonly DiskRowSet[] } }): DiskRowSet {
  const [rowset] = claim.rowsets
  invariant(rowset && claim.rowsets.length === 1, 'the deltas of one rowset at a time are compacted')
  return rowset
}

/** The op that a file which replaces these is flushed through. */
function newest(metas: readonly FileMeta[]): number {
  return Math.max(...metas.map(({ flushedThroughOp }) => flushedThroughOp))
}

function common({ host }: Tablet, { codec }: Pick<CompactionOptions<never, never>, 'codec'>) {
  return jobFilesOptions(host, codec)
}
