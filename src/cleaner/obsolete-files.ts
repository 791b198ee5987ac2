import { asError, invariant } from '../base/errors.ts'
import type { EventBus } from '../events/event-map.ts'
import type { FileKind, Vfs } from '../vfs/vfs.ts'
import type { Cleaner } from './cleaner.ts'

/** A file that no version of the database needs any more. */
export interface ObsoleteFile {
  readonly kind: FileKind
  readonly path: string
  /** Of a manifest or a log segment: once cleaned it is also reported as `manifest:deleted` or `wal:deleted`. */
  readonly fileNumber?: number
}

/**
 * The files that wait to be cleaned. They go to the cleaner one at a time, in the order in which they became obsolete,
 * and never in the tick that added them, so that whoever added them can report it first. A pinned file is passed over
 * until its last pin is gone. A file whose cleaning fails is reported as `background-error` and kept until
 * `retryFailed` (or the next open, which finds it as an orphan). A path that waits, or failed, is not taken twice.
 */
export class ObsoleteFiles {
  readonly #vfs: Vfs
  readonly #cleaner: Cleaner
  readonly #events: EventBus
  readonly #pins = new Map<string, number>()
  /** By path, in order of arrival. */
  readonly #waiting = new Map<string, ObsoleteFile>()
  readonly #failed = new Map<string, ObsoleteFile>()
  #cleaning: string | undefined
  #running: Promise<void> | undefined

  constructor(o: { readonly vfs: Vfs; readonly cleaner: Cleaner; readonly events: EventBus }) {
    this.#vfs = o.vfs
    this.#cleaner = o.cleaner
    this.#events = o.events
  }

  /** Files that wait: pinned ones and the one being cleaned included, failed ones not. */
  get waitingCount(): number {
    return this.#waiting.size
  }

  /** Files whose cleaning failed, in the order of their failures. */
  get failed(): readonly ObsoleteFile[] {
    return [...this.#failed.values()]
  }

  /** Takes files over. Call it after the edit that made them obsolete is durable. */
  add(files: Iterable<ObsoleteFile>): void {
    for (const file of files) {
      if (!this.#waiting.has(file.path) && !this.#failed.has(file.path)) this.#waiting.set(file.path, file)
    }
    this.#start()
  }

  /**
   * Holds files back, obsolete already or not, until the result is disposed of; pins of one path add up.
   * InvariantError for a file that is being cleaned: it is too late then.
   */
  pin(paths: Iterable<string>): Disposable {
    const pinned = [...paths]
    for (const path of pinned) invariant(path !== this.#cleaning, `${path} was pinned while it was being cleaned.`)
    for (const path of pinned) this.#pins.set(path, (this.#pins.get(path) ?? 0) + 1)
    let held = true
    return {
      [Symbol.dispose]: () => {
        if (!held) return
        held = false
        for (const path of pinned) this.#unpin(path)
        this.#start()
      },
    }
  }

  /** Queues the failed files again, behind what waits. */
  retryFailed(): void {
    const files = this.failed
    this.#failed.clear()
    this.add(files)
  }

  /** Resolves when every file that is not pinned has been cleaned or has failed. Never rejects. */
  async drain(): Promise<void> {
    while (this.#running) await this.#running
  }

  #unpin(path: string): void {
    const count = (this.#pins.get(path) ?? 0) - 1
    if (count > 0) this.#pins.set(path, count)
    else this.#pins.delete(path)
  }

  #start(): void {
    if (this.#running || !this.#next()) return
    this.#running = this.#run().finally(() => {
      this.#running = undefined
      // Something may have come between the last look and here.
      this.#start()
    })
  }

  async #run(): Promise<void> {
    await new Promise(setImmediate)
    for (let file = this.#next(); file; file = this.#next()) await this.#clean(file)
  }

  /** The first file that is not pinned. */
  #next(): ObsoleteFile | undefined {
    for (const file of this.#waiting.values()) if (!this.#pins.has(file.path)) return file
    return undefined
  }

  async #clean(file: ObsoleteFile): Promise<void> {
    const { kind, path } = file
    this.#cleaning = path
    try {
      await this.#cleaner.clean(this.#vfs, kind, path)
    } catch (thrown) {
      this.#failed.set(path, file)
      this.#events.emit('background-error', {
        error: asError(thrown),
        context: { during: 'cleaning', cleaner: this.#cleaner.name, kind, path },
      })
      return
    } finally {
      this.#cleaning = undefined
      this.#waiting.delete(path)
    }
    this.#report(file)
  }

  #report({ kind, path, fileNumber }: ObsoleteFile): void {
    this.#events.emit('file:deleted', { path, kind })
    if (fileNumber === undefined) return
    if (kind === 'manifest') this.#events.emit('manifest:deleted', { fileNumber, path })
    if (kind === 'wal') this.#events.emit('wal:deleted', { fileNumber, path })
  }
}
