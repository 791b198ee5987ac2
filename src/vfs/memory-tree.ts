import { posix } from 'node:path'
import type { Random } from '../base/random.ts'
import { MemoryFile } from './memory-file.ts'
import { systemError } from './system-error.ts'

/** A change of names. Taking one away and giving one is a rename: both happen or neither. */
interface EntryChange {
  readonly give: { readonly path: string; readonly file: MemoryFile } | undefined
  readonly take: string | undefined
  durable: boolean
}

/**
 * The names of a file system in memory. `#entries` is what its users see. What a power cut leaves is made from
 * `#durableEntries` and the changes since: the durable ones, and any of the others. Changes stay in one ordered list
 * until everything before them is durable too, so that none is ever replayed over a later one.
 * Directories are durable from the start, as `Vfs.makeDirectory` promises.
 */
export class MemoryTree {
  readonly #entries = new Map<string, MemoryFile>()
  readonly #directories = new Set<string>(['/'])
  readonly #durableEntries = new Map<string, MemoryFile>()
  #changes: EntryChange[] = []
  /** Bytes in files that have a name or are open. */
  usedBytes = 0

  /** The file at a normal path; ENOENT, ENOTDIR or EISDIR if there is none. */
  find(path: string, syscall: string): MemoryFile {
    const file = this.#entries.get(path)
    if (file) return file
    if (this.#directories.has(path)) throw systemError('EISDIR', syscall, path)
    this.#checkParent(path, syscall)
    throw systemError('ENOENT', syscall, path)
  }

  /** The file at a normal path, if there is one. */
  get(path: string): MemoryFile | undefined {
    return this.#entries.get(path)
  }

  isDirectory(path: string): boolean {
    return this.#directories.has(path)
  }

  /** A new empty file. */
  create(path: string): MemoryFile {
    this.#checkFree(path, 'open')
    const file = new MemoryFile()
    this.#change({ path, file }, undefined)
    return file
  }

  link(from: string, to: string): void {
    const file = this.#directories.has(from) ? undefined : this.find(from, 'link')
    this.#checkFree(to, 'link')
    if (!file) throw systemError('EPERM', 'link', from)
    this.#change({ path: to, file }, undefined)
  }

  rename(from: string, to: string): void {
    // What `rename` does to directories is left out: nobody may ask for it.
    if (this.#directories.has(from)) throw systemError('ENOTSUP', 'rename', from)
    this.#checkParent(from, 'rename')
    this.#checkParent(to, 'rename')
    const file = this.find(from, 'rename')
    if (this.#directories.has(to)) throw systemError(from.startsWith(`${to}/`) ? 'ENOTEMPTY' : 'EISDIR', 'rename', to)
    // POSIX: two names of one file stay as they are.
    if (this.#entries.get(to) !== file) this.#change({ path: to, file }, from)
  }

  remove(path: string): void {
    this.find(path, 'unlink')
    this.#change(undefined, path)
  }

  makeDirectory(path: string): void {
    if (this.#directories.has(path)) return
    if (this.#entries.has(path)) throw systemError('EEXIST', 'mkdir', path)
    const parent = posix.dirname(path)
    if (this.#entries.has(parent)) throw systemError('ENOTDIR', 'mkdir', path)
    this.makeDirectory(parent)
    this.#directories.add(path)
  }

  /** Names in a directory, sorted. */
  list(directory: string): string[] {
    this.#checkDirectory(directory, 'scandir')
    const names: string[] = []
    for (const paths of [this.#entries.keys(), this.#directories]) {
      for (const path of paths) if (path !== '/' && posix.dirname(path) === directory) names.push(posix.basename(path))
    }
    return names.sort()
  }

  /** Makes the changes of a directory's entries durable. */
  syncDirectory(directory: string): void {
    this.#checkDirectory(directory, 'open')
    for (const change of this.#changes) {
      const { give, take } = change
      if (give && posix.dirname(give.path) === directory) change.durable = true
      if (take !== undefined && posix.dirname(take) === directory) change.durable = true
    }
    const first = this.#changes.findIndex((change) => !change.durable)
    const settled = this.#changes.splice(0, first < 0 ? this.#changes.length : first)
    for (const change of settled) apply(this.#durableEntries, change)
  }

  /** Counts a file's growth (or shrinking, or coming back to use) by so many bytes. */
  resized(byBytes: number): void {
    this.usedBytes += byBytes
  }

  /** A name or a descriptor of a file is gone; without either its space is free. */
  dropped(file: MemoryFile): void {
    if (file.links === 0 && file.openCount === 0) this.usedBytes -= file.length
  }

  /** Every path and file, in order of path. */
  files(): [path: string, file: MemoryFile][] {
    return [...this.#entries].sort(([a], [b]) => (a < b ? -1 : 1))
  }

  /** An independent tree: the same names and files, and the same changes of both outstanding. */
  clone(): MemoryTree {
    const copy = new MemoryTree()
    const copyOf = memoized((file) => file.clone())
    for (const path of this.#directories) copy.#directories.add(path)
    for (const [path, file] of this.#durableEntries) copy.#durableEntries.set(path, copyOf(file))
    copy.#changes = this.#changes.map(({ give, take, durable }) => ({
      give: give && { path: give.path, file: copyOf(give.file) },
      take,
      durable,
    }))
    for (const [path, file] of this.#entries) copy.#adopt(path, copyOf(file))
    return copy
  }

  /** What a power cut leaves: durable names, any of the other changes of names, and each file as it left it. */
  afterPowerCut(random: Random): MemoryTree {
    const left = new MemoryTree()
    const leftOf = memoized((file) => file.afterPowerCut(random))
    for (const path of this.#directories) left.#directories.add(path)
    for (const [path, file] of this.#durableEntries) left.#durableEntries.set(path, file)
    // Now and then all or none are kept, which independent coins would hardly ever give.
    const keepOutOf4 = random.below(5)
    for (const change of this.#changes) {
      if (change.durable || random.below(4) < keepOutOf4) apply(left.#durableEntries, change)
    }
    for (const [path, file] of left.#durableEntries) left.#durableEntries.set(path, leftOf(file))
    for (const [path, file] of left.#durableEntries) left.#adopt(path, file)
    return left
  }

  #adopt(path: string, file: MemoryFile): void {
    this.#entries.set(path, file)
    if (file.links++ === 0) this.usedBytes += file.length
  }

  #change(give: EntryChange['give'], take: string | undefined): void {
    const change: EntryChange = { give, take, durable: false }
    const gone = [give && this.#entries.get(give.path), take === undefined ? undefined : this.#entries.get(take)]
    if (give) give.file.links++
    apply(this.#entries, change)
    this.#changes.push(change)
    for (const file of gone) {
      if (!file) continue
      file.links--
      this.dropped(file)
    }
  }

  #checkFree(path: string, syscall: string): void {
    if (this.#entries.has(path) || this.#directories.has(path)) throw systemError('EEXIST', syscall, path)
    this.#checkParent(path, syscall)
  }

  #checkParent(path: string, syscall: string): void {
    for (let parent = posix.dirname(path); ; parent = posix.dirname(parent)) {
      if (this.#entries.has(parent)) throw systemError('ENOTDIR', syscall, path)
      if (parent === '/') break
    }
    if (!this.#directories.has(posix.dirname(path))) throw systemError('ENOENT', syscall, path)
  }

  #checkDirectory(path: string, syscall: string): void {
    if (this.#directories.has(path)) return
    if (this.#entries.has(path)) throw systemError('ENOTDIR', syscall, path)
    this.#checkParent(path, syscall)
    throw systemError('ENOENT', syscall, path)
  }
}

function apply(entries: Map<string, MemoryFile>, change: EntryChange): void {
  if (change.take !== undefined) entries.delete(change.take)
  if (change.give) entries.set(change.give.path, change.give.file)
}

/** A file with several names is copied once. */
function memoized(copy: (file: MemoryFile) => MemoryFile): (file: MemoryFile) => MemoryFile {
  const copies = new Map<MemoryFile, MemoryFile>()
  return (file) => {
    const known = copies.get(file)
    if (known) return known
    const made = copy(file)
    copies.set(file, made)
    return made
  }
}
