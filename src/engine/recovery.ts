/**
 * Opening a database: last manifest + log.
 *   1. take the directory's lock
 *   2. read the manifest; a directory without one becomes a new database, if that was asked for
 *   3. make the tablets; no data file is opened before it is needed
 *   4. replay the log, and leave it fit to be continued
 *   5. remove what a crash left behind: not before manifest and log are known to fit together, or what looks like an
 *      orphan could be a file that a damaged manifest has forgotten
 *   6. begin a new manifest and a new log segment
 * Reading only stops after 4, and changes nothing but the lock.
 */
import { systemCode, VarveError } from '../base/errors.ts'
import { fileError } from '../base/file-error.ts'
import { ObsoleteFiles } from '../cleaner/obsolete-files.ts'
import type { JobIds } from '../events/job-ids.ts'
import type { ResolvedConfig } from '../kernel/config.ts'
import type { MemoryBudget } from '../maintenance/memory-budget.ts'
import type { WorkerPool } from '../maintenance/worker-pool.ts'
import { type DatabaseFile, fileNumberAbove, listDatabaseFiles, orphanFiles } from '../manifest/database-files.ts'
import { Manifest } from '../manifest/manifest.ts'
import { type RecoveredManifest, recoverManifest } from '../manifest/manifest-recovery.ts'
import { Version } from '../manifest/version.ts'
import { ChunkPool } from '../rowset/chunk-pool.ts'
import type { BlockCache } from '../sstable/block-cache.ts'
import type { Codec } from '../sstable/codec.ts'
import { FileHandles } from '../sstable/file-handles.ts'
import type { RowCache } from '../tablet/row-cache.ts'
import type { Vfs } from '../vfs/vfs.ts'
import { Wal } from '../wal/wal.ts'
import { type RecoveredWal, recoverWal } from '../wal/wal-recovery.ts'
import { lockDatabase, makeDatabaseDirectory } from './database-directory.ts'
import type { EngineOptions } from './engine-options.ts'
import type { EngineTable } from './engine-table.ts'
import { FileNumbers } from './file-numbers.ts'
import { HybridClock } from './hybrid-clock.ts'
import { registerMemory } from './memory-sharing.ts'
import { Replay } from './replay.ts'
import { StorageEngine } from './storage-engine.ts'

export interface OpenStorageOptions {
  readonly options: EngineOptions
  readonly config: ResolvedConfig
  readonly memory: MemoryBudget
  readonly cache: BlockCache
  /** Undefined: rows read by key are put together from their columns each time. */
  readonly rowCache: RowCache | undefined
  readonly jobIds: JobIds
  /** Codecs beside the built-in ones. */
  readonly codecs: readonly Codec[]
  readonly pool: WorkerPool
}

/** Opens the directory. Rejects with what `open` says; nothing is left open or locked then. */
export async function openStorage(o: OpenStorageOptions): Promise<StorageEngine> {
  try {
    await requireDirectory(o)
    return await lockAndOpen(o)
  } catch (error) {
    throw fileError(error)
  }
}

async function lockAndOpen(o: OpenStorageOptions): Promise<StorageEngine> {
  const { vfs, directory } = o.options
  const lock = await lockDatabase(vfs, directory)
  const openFiles = new FileHandles(vfs)
  try {
    return await openLocked(o, openFiles, () => lock.release())
  } catch (error) {
    openFiles.close()
    await lock.release().catch(() => undefined)
    throw fileError(error)
  }
}

async function openLocked(o: OpenStorageOptions, openFiles: FileHandles, unlock: () => Promise<void>): Promise<StorageEngine> {
  const { options, config } = o
  const { vfs, directory } = options
  const files = await listDatabaseFiles(vfs, directory)
  const recovered = await recoverManifest({ vfs, directory, mode: config.recovery, files })
  requireWanted(o, files, recovered)
  const version = recovered?.version ?? Version.empty
  const numbers = new FileNumbers(Math.max(version.nextFileNumber, fileNumberAbove(files)))

  const chunks = new ChunkPool()
  const obsolete = new ObsoleteFiles({ vfs, cleaner: options.cleaner, events: options.events })
  const time = new HybridClock(options.clock)
  const engine = new StorageEngine({ ...o, chunks, obsolete, numbers, time, files: openFiles, unlock })
  engine.onMemoryChange = registerMemory({ memory: o.memory, cache: o.cache, rowCache: o.rowCache, chunks })
  const tables = makeTables(engine, version)
  for (const table of tables) engine.catalog.add(table)
  const log = await replayLog(o, tables, version, recovered)
  // When salvaging, files that look like orphans may be what lost edits had added.
  if (!config.readOnly && config.recovery === 'strict') await removeOrphans(vfs, files, version, recovered?.fileNumber ?? 0)
  const lastOpId = Math.max(version.lastOpId, log.lastOpId)
  time.advanceTo(Math.max(version.lastTimestamp, log.lastTimestamp))
  const writers = config.readOnly
    ? { manifest: undefined, wal: undefined }
    : await beginWriters(o, { engine, version, recovered, log, lastOpId })
  engine.begin({ ...writers, nextTableId: version.nextTableId, lastOpId })
  return engine
}

async function requireDirectory({ options, config }: OpenStorageOptions): Promise<void> {
  const { vfs, directory } = options
  const stat = await vfs.stat(directory)
  if (stat?.isDirectory) return
  if (stat) throw notFound(directory, 'it is a file, not a directory. Give the directory of a database')
  if (!config.createIfMissing || config.readOnly)
    throw notFound(directory, `there is no such directory. Check the path, or open ${howToCreate(config)}`)
  await makeDatabaseDirectory(vfs, directory)
}

/** What was found must be what was asked for: a database, or room for a new one. */
function requireWanted(
  { options, config }: OpenStorageOptions,
  files: readonly DatabaseFile[],
  recovered: RecoveredManifest | undefined,
): void {
  const { directory } = options
  if (recovered) {
    if (!config.errorIfExists) return
    throw new VarveError(
      'DATABASE_EXISTS',
      `${directory} holds a database already. Choose another directory, or open without errorIfExists.`,
      { context: { directory } },
    )
  }
  const foreign = files.find(({ kind, name }) => kind === 'other' && !name.startsWith('.'))
  if (foreign)
    throw notFound(directory, `it holds other files (${foreign.name}) and no database. Give the directory of a database, or an empty one`)
  if (!config.createIfMissing || config.readOnly) throw notFound(directory, `it is empty. Check the path, or open ${howToCreate(config)}`)
}

function howToCreate({ readOnly }: ResolvedConfig): string {
  return readOnly ? 'it once without readOnly, which makes it' : 'with createIfMissing: true'
}

function notFound(directory: string, problem: string): VarveError {
  return new VarveError('DATABASE_NOT_FOUND', `${directory} is not a database: ${problem}.`, { context: { directory } })
}

async function removeOrphans(vfs: Vfs, files: readonly DatabaseFile[], version: Version, manifestNumber: number): Promise<void> {
  const orphans = orphanFiles(files, { isLive: (fileNumber) => version.files.has(fileNumber), manifestNumber })
  for (const { path } of orphans) {
    try {
      await vfs.remove(path)
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error
    }
  }
}

function makeTables(engine: StorageEngine, version: Version): EngineTable[] {
  return [...version.tables.values()].map((schema) => engine.catalog.make(schema, (ordinal) => version.tablet(schema.tableId, ordinal)))
}

async function replayLog(
  o: OpenStorageOptions,
  tables: readonly EngineTable[],
  version: Version,
  recovered: RecoveredManifest | undefined,
): Promise<RecoveredWal> {
  const { options, config } = o
  const byId = new Map(tables.map((table) => [table.schema.tableId, table]))
  const replay = new Replay((tableId, ordinal) => byId.get(tableId)?.tablets[ordinal])
  const known = recovered && {
    fileNumber: recovered.fileNumber,
    sizeBytes: recovered.sizeBytes,
    lastOpId: version.lastOpId,
    logSyncedThrough: version.logSyncedThrough,
    logNeededFrom: version.logNeededFrom,
  }
  const log = await recoverWal({
    vfs: options.vfs,
    directory: options.directory,
    mode: config.recovery,
    readOnly: config.readOnly,
    ...(known ? { manifest: known } : {}),
    onBatch: (batch) => replay.batch(batch),
  })
  replay.finish()
  return log
}

interface Found {
  readonly engine: StorageEngine
  readonly version: Version
  readonly recovered: RecoveredManifest | undefined
  readonly log: RecoveredWal
  readonly lastOpId: number
}

async function beginWriters(
  o: OpenStorageOptions,
  { engine, version, recovered, log, lastOpId }: Found,
): Promise<{ manifest: Manifest; wal: Wal }> {
  const { vfs, directory, clock, events } = o.options
  const common = { vfs, directory, clock, events, nextFileNumber: () => engine.nextFileNumber() }
  // Salvaged, the log is taken for whole from now on: what had been promised of it before holds no longer.
  const isSalvaged = o.config.recovery === 'salvage'
  const begun = isSalvaged ? version.withLog({ lastOpId, logSyncedThrough: log.lastOpId, logNeededFrom: undefined }) : version
  const manifest = await Manifest.begin({
    ...common,
    version: begun,
    ...(recovered ? { previous: recovered } : {}),
    obsolete: ({ fileNumber, path }) => engine.parts.obsolete.add([{ kind: 'manifest', fileNumber, path }]),
  })
  try {
    const position = () => ({ fileNumber: manifest.fileNumber, sizeBytes: manifest.sizeBytes })
    const wal = await Wal.open({ ...common, segments: log.segments, lastOpId, segmentBytes: o.config.wal.segmentBytes, manifest: position })
    return { manifest, wal }
  } catch (error) {
    await manifest.close()
    throw error
  }
}
