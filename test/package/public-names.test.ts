import test from 'ava'
import * as application from 'varve'
import * as conformance from 'varve/conformance'
import * as plugin from 'varve/plugin'
import {
  BlockCache,
  type Choice,
  definePlugin,
  engineOptions,
  FileHandles,
  Lifecycle,
  localVfsHandle,
  MaintenanceManager,
  MaintenanceOpFactory,
  type MaintenanceOpStats,
  type RowSet,
  SchedulingPolicy,
  SSTableReader,
  type Tablet,
  TabletOp,
  Vfs,
  WorkerPool,
} from 'varve/plugin'
import * as testing from 'varve/testing'
import { outcome } from '../engine/kit.ts'

const numbers = application.defineTable('numbers', { columns: { id: application.int32() }, primaryKey: ['id'] })

const promised = {
  varve: `open loadConfig defineConfig defineTable bool int8 int16 int32 int64 float double timestamp string binary hashPartition rangePartition
    eq ne lt lte gt gte between inList startsWith isNull notNull and or not count sum avg min max countDistinct first last bucket VarveError`,
  'varve/plugin': `token contributionToken definePlugin Vfs Clock Random BlockCache Cleaner SchedulingPolicy MergingCompactionPolicy WorkerPool EventBus
    MemoryBudget MaintenanceManager MaintenanceOpFactory CleanerDecorator Lifecycle MemoryConsumer Codec SSTableReader SSTableWriter engineOptions`,
  'varve/testing': 'openMemory MemoryVfs SimulatedClock SeededRandom InlineWorkerPool',
  'varve/conformance': 'vfs blockCache cleaner schedulingPolicy',
}

test('every name of the contract is exported from where it says', (t) => {
  const found: Record<string, object> = {
    varve: application,
    'varve/plugin': plugin,
    'varve/testing': testing,
    'varve/conformance': conformance,
  }
  const missing = Object.entries(promised).flatMap(([entry, names]) =>
    names
      .split(/\s+/)
      .filter((name) => !(name in (found[entry] ?? {})))
      .map((name) => `${entry}: ${name}`),
  )
  t.deepEqual(missing, [])
})

test('engineOptions of varve/plugin fills in what an engine stands on', async (t) => {
  const options = engineOptions({ directory: '/db' })
  t.deepEqual([options.directory, options.vfs.name, options.cleaner.name], ['/db', 'disk', 'deleting'])
  t.is(await outcome(options.checkpoint('/copy', options.vfs)), 'DATABASE_CLOSED')
})

test('services need no more than the contract names, and contributions are typed without a word from their author', async (t) => {
  const inline = new testing.InlineWorkerPool()
  const pool: WorkerPool = { run: (job, o) => inline.run(job, o) }
  const policy: SchedulingPolicy = {
    name: 'first-come',
    choose: ([first]): Choice => (first ? { op: first.op, reason: 'it came first' } : { reason: 'nothing to do' }),
  }
  const stats: MaintenanceOpStats = {
    runnable: false,
    ramAnchoredBytes: 0,
    logsRetainedBytes: 0,
    dataRetainedBytes: 0,
    perfImprovement: 0,
    workloadScore: 0,
    ioBytes: 0,
    cpuMs: 0,
  }
  t.false('dueAtMs' in stats)
  const seen: string[] = []
  let rowsets: readonly RowSet[] = []
  const own = definePlugin({
    name: 'own',
    provides: [WorkerPool, SchedulingPolicy],
    contributes: [Lifecycle, MaintenanceOpFactory],
    requires: [BlockCache],
    bind(module) {
      module.provide(WorkerPool, [], () => pool)
      module.provide(SchedulingPolicy, [], () => policy)
      module.contribute(Lifecycle, [], () => ({
        configure(options) {
          options.reads = { read: ({ kind }) => seen.push(kind) }
        },
      }))
      module.contribute(MaintenanceOpFactory, [], () => ({
        forTablet(tablet) {
          tablet.onChange(() => {
            rowsets = tablet.disk.rowsets
          })
          return []
        },
      }))
    },
  })
  await using db = await testing.openMemory({ plugins: [own] })
  const table = await db.createTable(numbers)
  await table.insert([{ id: 1 }, { id: 2 }])
  await db.flush()
  t.deepEqual(await table.get(1), { id: 1 })
  t.deepEqual(
    rowsets.map(({ rowCount }) => rowCount),
    [2],
  )
  t.deepEqual(seen, ['get'])
  t.is(db.maintenance.explain().policy, 'first-come')
})

test('a third party can wrap the file system, jobs included, and read the files of a tablet with a reader of its own', async (t) => {
  const created: string[] = []
  class WatchedVfs extends testing.MemoryVfs {
    override handle() {
      return localVfsHandle(this)
    }
    override create(path: string) {
      created.push(path)
      return super.create(path)
    }
  }
  const reading = definePlugin({
    name: 'reading',
    provides: [Vfs],
    contributes: [MaintenanceOpFactory],
    requires: [MaintenanceManager],
    bind(module) {
      module.provide(Vfs, [], () => new WatchedVfs())
      module.contribute(MaintenanceOpFactory, [Vfs, BlockCache], (vfs, cache) => ({
        forTablet: (tablet) => [new CountRows(tablet, new FileHandles(vfs), cache)],
      }))
    },
  })
  await using db = await testing.openMemory({ plugins: [reading] })
  const table = await db.createTable(numbers)
  await table.insert([{ id: 3 }, { id: 1 }, { id: 2 }])
  await db.flush()
  const manager = db.service(MaintenanceManager)
  const op = CountRows.made.at(-1) as CountRows
  await manager.runNow(op)
  t.is(op.rowCount, 3)
  t.true(created.some((path) => path.endsWith('.sst')))
})

/** Counts the rows of a tablet's files. */
class CountRows extends TabletOp {
  static readonly made: CountRows[] = []
  readonly kind = 'upkeep'
  rowCount = 0
  readonly #files: FileHandles
  readonly #cache: BlockCache

  constructor(tablet: Tablet, files: FileHandles, cache: BlockCache) {
    super('CountRows', tablet)
    this.#files = files
    this.#cache = cache
    CountRows.made.push(this)
  }

  updateStats(stats: MaintenanceOpStats): void {
    stats.runnable = false
  }

  prepare(): boolean {
    return true
  }

  async perform(): Promise<void> {
    const { schema, host, disk } = this.tablet
    for (const { meta } of disk.rowsets) {
      const { fileNumber } = meta
      const reader = new SSTableReader({ fileNumber, path: host.sstablePath(fileNumber), schema, cache: this.#cache, files: this.#files })
      await reader.open()
      this.rowCount += (await reader.loadKeys(0)).count
    }
    this.#files.close()
  }
}
