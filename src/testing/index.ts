/// <reference lib="esnext.disposable" preserve="true" />
/** `varve/testing`: file system, time, chance and workers that a test owns. */
export { SeededRandom } from '../base/seeded-random.ts'
export { CrashError, type FaultOptions, type FaultRule } from '../vfs/fault-plan.ts'
export { FaultVfs } from '../vfs/fault-vfs.ts'
export { MemoryVfs, type MemoryVfsOptions } from '../vfs/memory-vfs.ts'
export { InlineWorkerPool } from './inline-worker-pool.ts'
export { openMemory, type World } from './open-memory.ts'
export { SimulatedClock } from './simulated-clock.ts'
