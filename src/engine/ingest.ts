/**
 * Ingesting SSTables that were written elsewhere (03, "Ingest"). The order of the steps is what recovery relies on:
 *   1. a job on a worker checks the files, against each other and against all that the table holds, and copies them
 *   2. rounds of the job hold them against what was written meanwhile, until that is little
 *   3. in its turn in the queue of writes, alone: the last round; then the op id and the timestamp of the ingest are known, and the
 *      copies are sealed with it, synced, and their directory; the log is synced through the op before; the edit is synced
 *   4. in one tick the rowsets join their tablets and their rows are seen, by reads from then on: older snapshots see none
 * A failure before the edit removes the copies. The files that were given are only read.
 */
import { throwIfAborted, VarveError } from '../base/errors.ts'
import { fileError } from '../base/file-error.ts'
import { jobModule, type WorkerPool } from '../maintenance/worker-pool.ts'
import type { FileMeta, VersionEdit } from '../manifest/version-edit.ts'
import type { DiskRowSet } from '../rowset/disk-rowset.ts'
import type { HeldKeys, IngestedFile, IngestInput } from '../rowset/ingest-files.ts'
import type { MemRowSet } from '../rowset/mem-rowset.ts'
import { sealTable, type UnsealedTable } from '../sstable/table-file.ts'
import { announceFiles, closeFiles, fileMeta, whileRetained } from '../tablet/data-files.ts'
import { jobFilesOptions } from '../tablet/job-files-options.ts'
import type { Tablet } from '../tablet/tablet.ts'
import type { TabletEdit, TabletHost } from '../tablet/tablet-host.ts'
import type { Vfs } from '../vfs/vfs.ts'
import type { TableForm } from './engine-table.ts'
import type { Slot } from './waiting.ts'
import type { WriteQueue } from './write-queue.ts'

/** Rows written meanwhile that are left for the last round, while all writes wait. */
const leftRowsMax = 20_000
/** Writes may come as fast as they are looked at: no more rounds than this. */
const roundsMax = 16

const module = jobModule(import.meta.url, './ingest-job')

/** What an ingest needs of the engine. */
export interface IngestHost extends TabletHost {
  readonly queue: Pick<WriteQueue, 'alone'>
  readonly parts: { readonly pool: WorkerPool; readonly options: { readonly vfs: Vfs } }
  commitEdit(edit: TabletEdit & Pick<VersionEdit, 'lastOpId'>): Promise<void>
}

/** A file on its way in. */
interface Incoming {
  readonly fileNumber: number
  readonly path: string
  readonly tablet: Tablet
  readonly found: IngestedFile & { readonly copy: UnsealedTable }
}

export class Ingest {
  readonly #engine: IngestHost
  readonly #form: TableForm
  readonly #sources: readonly string[]
  readonly #signal: AbortSignal
  readonly #targets: readonly { readonly fileNumber: number; readonly path: string }[]
  #incoming: readonly Incoming[] = []
  /** What the files were held against: rowsets by their ids, and of each store so many rows. */
  readonly #rowsets = new Set<number>()
  readonly #rows = new Map<MemRowSet, number>()
  #editBegun = false

  constructor(engine: IngestHost, form: TableForm, sources: readonly string[], signal: AbortSignal) {
    this.#engine = engine
    this.#form = form
    this.#sources = sources
    this.#signal = signal
    this.#targets = sources.map(() => {
      const fileNumber = engine.nextFileNumber()
      return { fileNumber, path: engine.sstablePath(fileNumber) }
    })
  }

  /** Rejects with INGEST_REJECTED, TABLE_NOT_FOUND, ABORTED and what writes reject with; then nothing was ingested. */
  async run(): Promise<void> {
    try {
      await this.#first()
      for (let round = 0; round < roundsMax && this.#leftRows() > leftRowsMax; round++) await this.#round()
      await this.#engine.queue.alone((slot) => this.#join(slot), this.#signal)
    } catch (thrown) {
      const isTakenBack = thrown instanceof VarveError && thrown.code === 'DISK_FULL'
      if (!this.#editBegun || isTakenBack) await this.#engine.discardFiles(this.#targets.map(({ path }) => path))
      throw fileError(thrown)
    }
  }

  async #first(): Promise<void> {
    const found = await this.#check(this.#form.tablets, { targets: this.#targets.map(({ path }) => path) })
    this.#incoming = this.#targets.map((target, i) => {
      const file = found[i] as Incoming['found']
      return { ...target, tablet: this.#form.tablets[file.tablet] as Tablet, found: file }
    })
  }

  async #round(): Promise<void> {
    const tablets = new Set(this.#incoming.map(({ tablet }) => tablet))
    await this.#check([...tablets], { tablets: this.#incoming.map(({ tablet }) => tablet.ordinal) })
  }

  /** Holds the files against what tablets hold and they were not held against yet. */
  #check(tablets: readonly Tablet[], o: Pick<IngestInput, 'targets' | 'tablets'>): Promise<IngestedFile[]> {
    const users: (MemRowSet | DiskRowSet)[] = []
    const held = tablets.map((tablet): HeldKeys => {
      const rowsets = tablet.disk.rowsets.filter(({ meta }) => !this.#rowsets.has(meta.rowset))
      const stores = storesOf(tablet).filter((store) => store.rowCount > (this.#rows.get(store) ?? 0))
      users.push(...rowsets, ...stores)
      const held = {
        tablet: tablet.ordinal,
        rowsets: rowsets.map(({ meta, reader }) => ({ fileNumber: meta.fileNumber, path: reader.path })),
        stores: stores.map((store) => ({ rows: store.describe(), from: this.#rows.get(store) ?? 0 })),
      }
      for (const { meta } of rowsets) this.#rowsets.add(meta.rowset)
      for (const store of stores) this.#rows.set(store, store.rowCount)
      return held
    })
    const { schema } = this.#form
    const data: IngestInput = { ...jobFilesOptions(this.#engine), schema, sources: this.#sources, held, ...o }
    return whileRetained(users, () => this.#engine.parts.pool.run<IngestedFile[]>({ module, data }, { signal: this.#signal }))
  }

  /** Rows that the files were not held against yet. */
  #leftRows(): number {
    let left = 0
    for (const tablet of new Set(this.#incoming.map((file) => file.tablet))) {
      for (const store of storesOf(tablet)) left += store.rowCount - (this.#rows.get(store) ?? 0)
      for (const { meta } of tablet.disk.rowsets) if (!this.#rowsets.has(meta.rowset)) left += meta.rows
    }
    return left
  }

  /** While nothing is written. Gives what makes the rows seen. */
  async #join({ opId, timestamp }: Slot): Promise<() => void> {
    const engine = this.#engine
    const { schema } = this.#form
    this.#requireTable()
    if (this.#leftRows() > 0) await this.#round()
    const metas: FileMeta[] = []
    for (const file of this.#incoming) metas.push(await this.#seal(file, opId, timestamp))
    const rowsets = metas.map((base) => engine.openRowSet({ base, undo: [], redo: [] }, schema))
    try {
      // Before they are needed: their first look-up must not wait for the disk.
      for (const rowset of rowsets) await rowset.warm()
      await engine.syncDirectory()
      await engine.syncLogThrough(opId - 1)
      throwIfAborted(this.#signal)
      this.#requireTable()
      this.#editBegun = true
      const reason = { kind: 'ingest' as const, tableId: schema.tableId, opId, timestamp }
      await engine.commitEdit({ reason, addedFiles: metas, lastOpId: opId })
    } catch (error) {
      for (const rowset of rowsets) closeFiles(rowset)
      throw error
    }
    return () => this.#install(metas, rowsets)
  }

  async #seal({ fileNumber, path, tablet, found }: Incoming, opId: number, timestamp: number): Promise<FileMeta> {
    const { copy, minKey, maxKey } = found
    const sizeBytes = await sealTable(await this.#engine.parts.options.vfs.openAppend(path), copy, timestamp)
    const place = { fileNumber, role: 'base' as const, rowset: fileNumber, flushedThroughOp: opId }
    return fileMeta(tablet, place, { rows: copy.rows, sizeBytes, minKey, maxKey, minTimestamp: timestamp, maxTimestamp: timestamp })
  }

  #install(metas: readonly FileMeta[], rowsets: readonly DiskRowSet[]): void {
    const joining = new Map<Tablet, { metas: FileMeta[]; rowsets: DiskRowSet[] }>()
    this.#incoming.forEach(({ tablet }, i) => {
      const of = joining.get(tablet) ?? { metas: [], rowsets: [] }
      of.metas.push(metas[i] as FileMeta)
      of.rowsets.push(rowsets[i] as DiskRowSet)
      joining.set(tablet, of)
    })
    for (const [tablet, { rowsets: added }] of joining)
      tablet.installRowSets({ removed: [], added, state: tablet.state, carry: tablet.beginCarryOver(added) })
    const files = Array.from(joining, ([tablet, of]) => announceFiles(tablet, of.metas)).flat()
    this.#engine.events.emit('sstable:ingested', { files })
    this.#engine.installed()
  }

  #requireTable(): void {
    if (!this.#form.tablets.some(({ isDropped }) => isDropped)) return
    const { name } = this.#form.schema
    throw new VarveError('TABLE_NOT_FOUND', `Table ${name} was dropped while files were being ingested.`, { context: { table: name } })
  }
}

/** The stores of a tablet that may hold rows. */
function storesOf({ live, frozen }: Tablet): MemRowSet[] {
  return frozen ? [live, frozen.store] : [live]
}
