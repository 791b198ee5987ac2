/**
 * Flushing a MemRowSet, but for the work itself, which runs elsewhere. The order of the steps is what recovery relies
 * on (03, "Orderings that matter"):
 *   1. the store is frozen at a cut (`Tablet.freeze`, in the op's `prepare`)
 *   2. a job writes and syncs the SSTables
 *   3. the directory is synced
 *   4. the log is synced through the cut, or a power cut could keep half a batch
 *   5. the edit is synced
 *   6. the result is installed in memory, and announced, in one tick; only then are log segments and files let go
 * A failure before 5 leaves the store frozen, for the next attempt, and removes the files.
 */
import { asError, invariant, VarveError } from '../base/errors.ts'
import type { FileMeta } from '../manifest/version-edit.ts'
import type { DiskRowSet } from '../rowset/disk-rowset.ts'
import type { FlushedRowSet, FlushInput, FlushOutput } from '../rowset/flush-rows.ts'
import type { MemRowSet } from '../rowset/mem-rowset.ts'
import type { FrozenStore, Tablet } from './tablet.ts'

export interface FlushOptions {
  readonly reason: string
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
  const scope = { jobId: host.nextJobId(), reason: o.reason, kind: 'mem-rowset' as const, table: tablet.table, tablet: tablet.ordinal }
  const beganMs = host.monotonicMs
  const files = planFiles(tablet, frozen, o.rowsetBytesMax)
  const input: FlushInput = {
    frozen: frozen.store.freeze(),
    rowsPerOutput: files.rowsPerOutput,
    outputs: files.outputs,
    vfs: host.vfsHandle(),
    ...(o.codec === undefined ? {} : { codec: o.codec }),
  }
  host.events.emit('flush:begin', scope)
  let rowsets: readonly DiskRowSet[] = []
  let editBegun = false
  try {
    const { rowsets: written } = await runHolding(frozen.store, () => o.run(input))
    const metas = written.map(({ base }, i) => fileMeta(tablet, frozen, base, files.outputs[i]?.fileNumber))
    rowsets = metas.map((meta) => host.openRowSet(meta, tablet.schema))
    // Before they are needed: their first look-up must not wait for the disk.
    for (const rowset of rowsets) await rowset.warm()
    await host.syncDirectory()
    await host.syncLogThrough(frozen.cut)
    const carry = tablet.beginCarryOver(rowsets)
    const changes = () => tablet.changesOfAll([frozen.store])
    await carry.rounds(changes)
    if (tablet.isDropped) throw new VarveError('TABLE_NOT_FOUND', `Table ${tablet.table} was dropped while it was being flushed.`)
    editBegun = true
    const state = { ...tablet.state, flushedGeneration: frozen.generation, flushedCut: frozen.cut }
    const { tableId } = tablet.schema
    const reason = { kind: 'flush-mem-rowset' as const, tableId, tablet: tablet.ordinal, generation: frozen.generation, cut: frozen.cut }
    await host.commitEdit({ reason, addedFiles: metas, tablets: [state] })
    await carry.rounds(changes)
    await host.whileUnmoved(() => {
      if (tablet.isGone) for (const rowset of rowsets) rowset.release()
      else tablet.installFlush(frozen, rowsets, state, carry)
      const outputs = metas.map((meta) => tablet.fileInfo(meta))
      for (const file of outputs) host.events.emit('sstable:created', { file })
      host.events.emit('flush:end', { ...scope, durationMs: host.monotonicMs - beganMs, outputs })
    })
    host.installed()
  } catch (thrown) {
    tablet.cancelCarryOver(rowsets)
    for (const { reader } of rowsets) reader.close()
    // Once an edit that names them may be on disk, only the next opening can tell whether the files are orphans.
    if (!editBegun || (thrown instanceof VarveError && thrown.code === 'DISK_FULL')) {
      await host.discardFiles(files.outputs.map((output) => output.path))
    }
    // A table that is being dropped needs no flush; if it stays after all, its store waits for the next attempt.
    const isNeedless = tablet.isDropped && !editBegun
    const error = isNeedless ? {} : { error: asError(thrown) }
    host.events.emit('flush:end', { ...scope, durationMs: host.monotonicMs - beganMs, outputs: [], ...error })
    if (!isNeedless) throw thrown
  }
}

/** Keeps the store's memory while a job reads it, and no longer: what is freed at installation is freed then. */
async function runHolding<R>(store: MemRowSet, run: () => Promise<R>): Promise<R> {
  store.retain()
  try {
    return await run()
  } finally {
    store.release()
  }
}

/** Splits the store into rowsets of bounded size, by what its rows take in memory, and numbers their files. */
function planFiles(tablet: Tablet, frozen: FrozenStore, rowsetBytesMax: number) {
  const { rowCount, usedBytes } = frozen.store
  invariant(rowCount > 0, 'a frozen store holds rows')
  const outputCount = Math.max(1, Math.min(rowCount, Math.ceil(usedBytes / rowsetBytesMax)))
  const rowsPerOutput = Math.ceil(rowCount / outputCount)
  const outputs = Array.from({ length: Math.ceil(rowCount / rowsPerOutput) }, () => {
    const fileNumber = tablet.host.nextFileNumber()
    return { fileNumber, path: tablet.host.sstablePath(fileNumber) }
  })
  return { rowsPerOutput, outputs }
}

function fileMeta(tablet: Tablet, frozen: FrozenStore, written: FlushedRowSet['base'], fileNumber: number | undefined): FileMeta {
  invariant(fileNumber !== undefined, 'a flush writes no more files than were planned')
  const { rows, sizeBytes, minKey, maxKey, minTimestamp, maxTimestamp } = written
  return {
    fileNumber,
    role: 'base',
    tableId: tablet.schema.tableId,
    tablet: tablet.ordinal,
    rowset: fileNumber,
    sizeBytes,
    rows,
    minKeyHex: Buffer.from(minKey).toString('hex'),
    maxKeyHex: Buffer.from(maxKey).toString('hex'),
    minTimestamp,
    maxTimestamp,
    flushedThroughOp: frozen.cut,
  }
}
