/**
 * The composition root: the one place that knows plugins by name. `open` checks the configuration, assembles the
 * plugins, opens and recovers the engine, and hands out a `Database`; `close` runs all of it backwards.
 */
import { clockRowCache } from '../plugins/clock-row-cache/index.ts'
import { flush } from '../plugins/flush/index.ts'
import { garbageCollection } from '../plugins/garbage-collection/index.ts'
import { lruBlockCache } from '../plugins/lru-block-cache/index.ts'
import { majorDeltaCompaction } from '../plugins/major-delta-compaction/index.ts'
import { mergingCompaction, windowKnapsackPolicy } from '../plugins/merging-compaction/index.ts'
import { minorDeltaCompaction } from '../plugins/minor-delta-compaction/index.ts'
import { thresholdPolicy } from '../plugins/threshold-policy/index.ts'
import { requireOptions, requireSynchronous } from './base/call-options.ts'
import { Clock } from './base/clock.ts'
import { Random } from './base/random.ts'
import { systemClock } from './base/system-clock.ts'
import { systemRandom } from './base/system-random.ts'
import { tokenName } from './base/token.ts'
import { Cleaner, CleanerDecorator } from './cleaner/cleaner.ts'
import { Configuration, deletingCleaner, maintenanceManager, piscinaWorkerPool, sharedMemoryBudget, WalState } from './core-plugins.ts'
import type { Database } from './engine/api.ts'
import { CompactNow } from './engine/compact.ts'
import { VarveDatabase } from './engine/database.ts'
import { type EngineOptions, engineOptions, notOpen } from './engine/engine-options.ts'
import { openStorage } from './engine/recovery.ts'
import type { StorageEngine } from './engine/storage-engine.ts'
import { TabletOps } from './engine/tablet-ops.ts'
import { GuardedEventBus } from './events/event-bus.ts'
import { EventBus } from './events/event-map.ts'
import { JobIds, jobIds } from './events/job-ids.ts'
import { type Assembly, assemble, type HostService, hostService } from './kernel/assembly.ts'
import { type DatabaseConfig, nearestConfigKey, type ResolvedConfig, resolveConfig } from './kernel/config.ts'
import { MaintenanceManager } from './maintenance/maintenance-manager.ts'
import { MaintenanceOpFactory } from './maintenance/maintenance-op.ts'
import { MemoryBudget, MemoryConsumer } from './maintenance/memory-budget.ts'
import { SchedulingPolicy } from './maintenance/scheduling-policy.ts'
import { WorkerPool } from './maintenance/worker-pool.ts'
import { BlockCache } from './sstable/block-cache.ts'
import { Codec, requireCodecs } from './sstable/codec.ts'
import { Compactor } from './tablet/compactor.ts'
import { RowCache } from './tablet/row-cache.ts'
import { diskVfs } from './vfs/disk-vfs.ts'
import { Vfs } from './vfs/vfs.ts'

/** The plugins of every database, unless its configuration replaces or disables them. */
export const defaultPlugins = [
  deletingCleaner,
  piscinaWorkerPool,
  sharedMemoryBudget,
  thresholdPolicy,
  maintenanceManager,
  lruBlockCache,
  clockRowCache,
  flush,
  minorDeltaCompaction,
  majorDeltaCompaction,
  windowKnapsackPolicy,
  mergingCompaction,
  garbageCollection,
]

export interface OpenOptions {
  /**
   * Changes what the engine stands on, after plugins have and before it opens: `collector.attach(options)`. TypeError if
   * it replaces the clock or the event bus.
   */
  configure?(options: EngineOptions): void
}

/**
 * Opens a database; a string is its directory. Rejects with CONFIG_INVALID, PLUGIN_NOT_FOUND, PLUGIN_CONFLICT,
 * PLUGIN_REQUIRES, PLUGIN_CYCLE; DATABASE_LOCKED (naming the holder), DATABASE_NOT_FOUND, DATABASE_EXISTS,
 * FORMAT_UNSUPPORTED, CORRUPTION; IO_ERROR, also where the directory or its lock cannot be written; DISK_FULL. Nothing is left open or locked then.
 */
export function open(config: string | DatabaseConfig, o: OpenOptions = {}): Promise<Database> {
  return openWith(config, o, [])
}

/** As `open`, over host services other than the system's own: the way `varve/testing` injects time, chance and files. */
export async function openWith(given: string | DatabaseConfig, o: OpenOptions, host: readonly HostService[]): Promise<Database> {
  const config = resolveConfig(typeof given === 'string' ? { directory: given } : given)
  requireConfigure(o)
  const walState: WalState = { current: () => ({ walBytes: 0, targetBytes: config.wal.targetReplayBytes }) }
  const assembly = await assembleFor(config, [...host, hostService(WalState, walState)])
  try {
    return await openAssembled(config, assembly, walState, o)
  } catch (error) {
    await assembly.stop().catch(() => undefined)
    throw error
  }
}

function requireConfigure(o: OpenOptions): void {
  for (const name of Object.keys(o ?? {})) {
    const key = name === 'configure' ? undefined : nearestConfigKey(name)
    if (key !== undefined)
      throw new TypeError(`Settings belong to the configuration, open({ directory, ${key}, … }); got "${name}" as an option.`)
  }
  requireOptions('open', o, ['configure'])
  if (o.configure !== undefined && typeof o.configure !== 'function') throw new TypeError('configure is a function (options) => void.')
}

/** Connects the plugins of a configuration without opening a database: what `varve plugins` shows. */
export async function assembleFor(config: ResolvedConfig, host: readonly HostService[] = []): Promise<Assembly> {
  const own = [
    hostService(Configuration, config, { fixed: true }),
    hostService(Clock, systemClock),
    hostService(Random, systemRandom()),
    hostService(Vfs, diskVfs()),
    hostService(EventBus, new GuardedEventBus()),
    hostService(JobIds, jobIds()),
    hostService(WalState, { current: () => ({ walBytes: 0, targetBytes: config.wal.targetReplayBytes }) }),
  ]
  const given = new Set(host.map((service) => service.token))
  return assemble({
    config,
    defaults: defaultPlugins,
    host: [...own.filter((service) => !given.has(service.token)), ...host],
    requires: [Vfs, Clock, Random, EventBus, MemoryBudget, BlockCache, Cleaner, SchedulingPolicy, WorkerPool, MaintenanceManager.token],
  })
}

async function openAssembled(config: ResolvedConfig, assembly: Assembly, walState: WalState, o: OpenOptions): Promise<Database> {
  const memory = assembly.get(MemoryBudget)
  for (const consumer of assembly.getAll(MemoryConsumer)) memory.register(consumer)
  let opened: StorageEngine | undefined
  const options = engineOptions({
    directory: config.directory,
    checkpoint: async (to, vfs) => {
      if (!opened) throw notOpen(config.directory)
      return opened.checkpoint(to, { vfs })
    },
    vfs: assembly.get(Vfs),
    cleaner: decoratedCleaner(assembly),
    events: assembly.get(EventBus),
    clock: assembly.get(Clock),
  })
  const given = { ...options }
  assembly.configure(options)
  requireSynchronous('configure', o.configure?.(options))
  requireKept('clock', Clock, options.clock === given.clock)
  requireKept('events', EventBus, options.events === given.events)
  Object.freeze(options)
  const rowCache = assembly.has(RowCache) ? assembly.get(RowCache) : undefined
  const cache = assembly.get(BlockCache)
  const jobIds = assembly.get(JobIds)
  const codecs = assembly.getAll(Codec)
  requireCodecs(codecs)
  const engine = await openStorage({ options, config, memory, cache, rowCache, jobIds, codecs, pool: assembly.get(WorkerPool) })
  opened = engine
  walState.current = () => ({ walBytes: engine.wal?.retainedBytes ?? 0, targetBytes: config.wal.targetReplayBytes })
  try {
    return await startDatabase(config, assembly, engine)
  } catch (error) {
    await engine.close().catch(() => undefined)
    await assembly.stop().catch(() => undefined)
    await engine.parts.unlock().catch(() => undefined)
    throw error
  }
}

async function startDatabase(config: ResolvedConfig, assembly: Assembly, engine: StorageEngine): Promise<Database> {
  const manager = assembly.get(MaintenanceManager.token)
  const factories = config.readOnly ? [] : assembly.getAll(MaintenanceOpFactory)
  const ops = new TabletOps({ manager, factories, requireWritable: () => engine.requireWritable() })
  for (const tablet of engine.tablets) ops.added(tablet)
  engine.catalog.onTablet = ops
  const database = new VarveDatabase({
    engine,
    manager,
    ops,
    compactNow: new CompactNow(manager, assembly.getAll(Compactor)),
    service: (token) => assembly.get(token),
    shutDown: () => assembly.stop(),
  })
  await assembly.start()
  if (!config.readOnly) manager.start()
  return database
}

/** What the manager, the pool and other plugins were made with would not be what the engine uses. */
function requireKept(name: string, service: symbol, isKept: boolean): void {
  if (isKept) return
  const message = `configure() cannot replace options.${name}, since plugins have been made with it. Provide the service ${tokenName(service)} with a plugin instead: definePlugin({ provides: [${tokenName(service)}], … }).`
  throw new TypeError(message)
}

function decoratedCleaner(assembly: Assembly): Cleaner {
  const decorators = [...assembly.getAll(CleanerDecorator)].sort((a, b) => (a.order ?? 0) - (b.order ?? 0))
  return decorators.reduce((inner, decorator) => decorator.decorate(inner), assembly.get(Cleaner))
}
