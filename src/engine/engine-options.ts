import type { Clock } from '../base/clock.ts'
import { VarveError } from '../base/errors.ts'
import { systemClock } from '../base/system-clock.ts'
import type { Cleaner } from '../cleaner/cleaner.ts'
import { DeletingCleaner } from '../cleaner/deleting-cleaner.ts'
import { GuardedEventBus } from '../events/event-bus.ts'
import type { EventBus } from '../events/event-map.ts'
import { diskVfs } from '../vfs/disk-vfs.ts'
import type { Vfs } from '../vfs/vfs.ts'

/** Sees point reads and scans as they begin, e.g. to record them. Called on the hot path: must be cheap and not throw. */
export interface ReadObserver {
  read(read: { readonly table: string; readonly kind: 'get' | 'scan' | 'aggregate'; readonly timestamp: number }): void
}

/**
 * What an engine stands on. Mutable until the engine opens: `open(…, { configure(options) { … } })` and the `configure`
 * of a Lifecycle may wrap the cleaner or exchange the file system; afterwards it is fixed. What plugins were made with
 * before is read-only.
 */
export interface EngineOptions {
  directory: string
  vfs: Vfs
  cleaner: Cleaner
  /** To listen and to emit. Not to be replaced: plugins have it already, and what they emit would go elsewhere; a plugin can provide another. */
  readonly events: EventBus
  /** Not to be replaced: plugins have it already, and two clocks would disagree; a plugin can provide another. */
  readonly clock: Clock
  /** Undefined: nobody looks at reads. */
  reads: ReadObserver | undefined
  /**
   * Takes a checkpoint of the open database into an empty directory of any file system; rejects as `Database.checkpoint` does,
   * and with DATABASE_CLOSED while the database is not open.
   */
  readonly checkpoint: (to: string, vfs: Vfs) => Promise<void>
}

/** Fills in what is not given: the disk, a deleting cleaner, a fresh event bus, the system's clock. */
export function engineOptions(o: Partial<EngineOptions> & { directory: string }): EngineOptions {
  return {
    directory: o.directory,
    vfs: o.vfs ?? diskVfs(),
    cleaner: o.cleaner ?? new DeletingCleaner(),
    events: o.events ?? new GuardedEventBus(),
    clock: o.clock ?? systemClock,
    reads: o.reads,
    checkpoint: o.checkpoint ?? (() => Promise.reject(notOpen(o.directory))),
  }
}

/** The error for what only an open database can do. */
export function notOpen(directory: string): VarveError {
  return new VarveError('DATABASE_CLOSED', `The database in ${directory} is not open.`, { context: { directory } })
}
