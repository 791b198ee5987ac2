import { Clock } from '../base/clock.ts'
import { Random } from '../base/random.ts'
import { SeededRandom } from '../base/seeded-random.ts'
import { systemClock } from '../base/system-clock.ts'
import type { Database } from '../engine/api.ts'
import { hostService } from '../kernel/assembly.ts'
import type { DatabaseConfig } from '../kernel/config.ts'
import { WorkerPool } from '../maintenance/worker-pool.ts'
import { type OpenOptions, openWith } from '../open.ts'
import { MemoryVfs } from '../vfs/memory-vfs.ts'
import { Vfs } from '../vfs/vfs.ts'
import { InlineWorkerPool } from './inline-worker-pool.ts'

/** What a test may own of the world that the database lives in. */
export interface World {
  /** Default: a fresh `MemoryVfs`. Open again over the same one, or over what its `crash` returns, to see what survived. */
  readonly vfs?: Vfs
  /** Default: the system's clock. A `SimulatedClock` makes maintenance wait until it is moved. */
  readonly clock?: Clock
  /** Default: `SeededRandom(1)`. */
  readonly random?: Random
  /** Default: an `InlineWorkerPool`, which runs jobs in this thread. */
  readonly pool?: WorkerPool
}

/**
 * Opens a database in memory, with jobs run inline: nothing touches the disk, no thread is started. `directory` is
 * '/db' unless given.
 */
export function openMemory(config: Partial<DatabaseConfig> = {}, world: World & OpenOptions = {}): Promise<Database> {
  const { vfs = new MemoryVfs(), clock = systemClock, random = new SeededRandom(1), pool = new InlineWorkerPool(), ...o } = world
  const host = [hostService(Vfs, vfs), hostService(Clock, clock), hostService(Random, random), hostService(WorkerPool, pool)]
  return openWith({ directory: '/db', ...config }, o, host)
}
