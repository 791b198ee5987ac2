import type { Random } from '../base/random.ts'
import type { FaultOptions } from './fault-plan.ts'
import { FaultVfs } from './fault-vfs.ts'
import { type MemoryDisk, MemoryFiles, normalPath } from './memory-files.ts'
import { MemoryTree } from './memory-tree.ts'

export interface MemoryVfsOptions extends FaultOptions {
  /** Bytes that all files together may hold; default unlimited. */
  readonly capacityBytes?: number
}

/**
 * A file system in memory that knows what a crash would take, and on which any call can be made to fail.
 *
 * What a power cut leaves: everything that was synced. Of a file's appends and truncations since its last `sync`, a
 * random number of the first ones, the last perhaps in part, and among these bytes perhaps a sector of zeroes or
 * garbage. Of the changes of names since the last `syncDirectory`, any: each is kept or lost by itself, a rename as a
 * whole.
 */
export class MemoryVfs extends FaultVfs {
  readonly #disk: MemoryDisk
  readonly #options: MemoryVfsOptions

  /** `tree`: what a predecessor left; by default nothing. */
  constructor(options: MemoryVfsOptions = {}, tree: MemoryTree = new MemoryTree()) {
    const disk = {
      tree,
      capacityBytes: options.capacityBytes ?? Number.POSITIVE_INFINITY,
      clock: options.clock,
      locks: new Map<string, string>(),
    }
    super(new MemoryFiles(disk), { ...options, name: 'memory' })
    this.#disk = disk
    this.#options = options
  }

  /** Bytes that all files together may hold. An append past it writes what fits and fails with ENOSPC. */
  get capacityBytes(): number {
    return this.#disk.capacityBytes
  }

  set capacityBytes(bytes: number) {
    this.#disk.capacityBytes = bytes
  }

  /** Bytes in files that have a name or are open. */
  get usedBytes(): number {
    return this.#disk.tree.usedBytes
  }

  /**
   * Ends the simulated process and gives what its successor finds; every later call of this one fails with
   * `CrashError`. After `kill` the operating system still has everything that was written (and a power cut may still
   * take it); `power` is the power cut. Locks are gone; faults are not carried over; the other options are.
   */
  crash(o: { readonly mode: 'kill' } | { readonly mode: 'power'; readonly random: Random }): MemoryVfs {
    this.plan.crash()
    return this.#successor(o.mode === 'kill' ? this.#disk.tree.clone() : this.#disk.tree.afterPowerCut(o.random))
  }

  /** An independent copy, with the same changes not yet durable; locks, faults and open files stay behind. */
  clone(): MemoryVfs {
    return this.#successor(this.#disk.tree.clone())
  }

  /** A copy of every file's content by its absolute path, in order of path. */
  snapshot(): Map<string, Uint8Array> {
    return new Map(this.#disk.tree.files().map(([path, file]) => [path, file.read(0, file.length)]))
  }

  /** Damages a byte of a file: flips the bits that are set in `xor`. RangeError past its end. */
  mutate(path: string, offset: number, xor: number): void {
    const file = this.#disk.tree.find(normalPath(path), 'open')
    if (!(offset >= 0 && offset < file.length)) throw new RangeError(`${path} holds ${file.length} bytes; there is no byte ${offset}.`)
    file.flip(offset, xor)
  }

  /** Damages a file: cuts it to a length, durably. RangeError if it is shorter. */
  truncateTo(path: string, sizeBytes: number): void {
    const { tree } = this.#disk
    const file = tree.find(normalPath(path), 'open')
    if (!(sizeBytes >= 0 && sizeBytes <= file.length))
      throw new RangeError(`${path} holds ${file.length} bytes and cannot be cut to ${sizeBytes}.`)
    tree.resized(sizeBytes - file.length)
    file.truncate(sizeBytes)
    file.settle(file.mark())
  }

  #successor(tree: MemoryTree): MemoryVfs {
    return new MemoryVfs({ ...this.#options, capacityBytes: this.capacityBytes }, tree)
  }
}
