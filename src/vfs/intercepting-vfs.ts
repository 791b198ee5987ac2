import { AppendState } from './append-state.ts'
import { streamFile } from './stream-file.ts'
import type { AppendFile, FileLock, FileStat, ReadableFile, Vfs, VfsHandle } from './vfs.ts'

/** What is asked of a file system. The blocking form of a call counts as the same operation. */
export type VfsOp =
  | 'create'
  | 'openAppend'
  | 'open'
  | 'readFile'
  | 'list'
  | 'stat'
  | 'rename'
  | 'link'
  | 'remove'
  | 'makeDirectory'
  | 'syncDirectory'
  | 'lock'
  | 'unlock'
  | 'append'
  | 'truncate'
  | 'sync'
  | 'size'
  | 'read'

export interface VfsCall {
  readonly op: VfsOp
  /** The file or directory; of a rename or a link, the source. */
  readonly path: string
  /** Bytes to append or to read; 0 for other calls. */
  readonly lengthBytes: number
  /** Whether the caller waits on its thread. */
  readonly blocking: boolean
}

/** What an interceptor does to a call instead of letting it pass. */
export interface Interference {
  /** Passes time before the call; may reject in its place. */
  readonly delay?: () => Promise<void>
  readonly delaySync?: () => void
  /** The call fails with this. */
  readonly error?: Error
  /** The part of a failing call that is carried out all the same, 0..1: of an append so many bytes, of others all at 1, else nothing. */
  readonly share?: number
}

/** Sees every call of an `InterceptingVfs`, except closing. */
export interface VfsInterceptor {
  before?(call: VfsCall): Interference | undefined
  /** A call has moved so many bytes (0 if it is not about content). A call that fails half-way is seen with its half. */
  after?(call: VfsCall, bytes: number): void
}

/** A file system that shows every call to an interceptor before passing it on to another one. */
export class InterceptingVfs implements Vfs {
  readonly name: string
  readonly #inner: Vfs
  readonly #interceptor: VfsInterceptor

  constructor(o: { name: string; inner: Vfs; interceptor: VfsInterceptor }) {
    this.name = o.name
    this.#inner = o.inner
    this.#interceptor = o.interceptor
  }

  async create(path: string): Promise<AppendFile> {
    const file = await this.#pass('create', path, () => this.#inner.create(path))
    return new InterceptedAppendFile(file, this.#interceptor)
  }

  async openAppend(path: string): Promise<AppendFile> {
    const file = await this.#pass('openAppend', path, () => this.#inner.openAppend(path))
    return new InterceptedAppendFile(file, this.#interceptor)
  }

  async open(path: string): Promise<ReadableFile> {
    const file = await this.#pass('open', path, () => this.#inner.open(path))
    return new InterceptedReadableFile(file, this.#interceptor)
  }

  openSync(path: string): ReadableFile {
    const call: VfsCall = { op: 'open', path, lengthBytes: 0, blocking: true }
    const file = passSync(this.#interceptor, call, () => this.#inner.openSync(path))
    return new InterceptedReadableFile(file, this.#interceptor)
  }

  readFile(path: string): Promise<Uint8Array> {
    return this.#pass('readFile', path, () => this.#inner.readFile(path))
  }

  list(directory: string): Promise<string[]> {
    return this.#pass('list', directory, () => this.#inner.list(directory))
  }

  stat(path: string): Promise<FileStat | undefined> {
    return this.#pass('stat', path, () => this.#inner.stat(path))
  }

  rename(from: string, to: string): Promise<void> {
    return this.#pass('rename', from, () => this.#inner.rename(from, to))
  }

  link(from: string, to: string): Promise<void> {
    return this.#pass('link', from, () => this.#inner.link(from, to))
  }

  remove(path: string): Promise<void> {
    return this.#pass('remove', path, () => this.#inner.remove(path))
  }

  makeDirectory(path: string): Promise<void> {
    return this.#pass('makeDirectory', path, () => this.#inner.makeDirectory(path))
  }

  syncDirectory(path: string): Promise<void> {
    return this.#pass('syncDirectory', path, () => this.#inner.syncDirectory(path))
  }

  async lock(path: string): Promise<FileLock> {
    const lock = await this.#pass('lock', path, () => this.#inner.lock(path))
    return { release: () => this.#pass('unlock', path, () => lock.release()) }
  }

  /** The inner one's: what a worker opens by it is not intercepted. */
  handle(): VfsHandle {
    return this.#inner.handle()
  }

  #pass<R>(op: VfsOp, path: string, run: () => Promise<R>): Promise<R> {
    return pass(this.#interceptor, { op, path, lengthBytes: 0, blocking: false }, run)
  }
}

async function pass<R>(interceptor: VfsInterceptor, call: VfsCall, run: () => Promise<R>): Promise<R> {
  const interference = interceptor.before?.(call)
  if (interference?.delay) await interference.delay()
  if (interference?.error) {
    if (interference.share === 1) await run()
    throw interference.error
  }
  const result = await run()
  interceptor.after?.(call, result instanceof Uint8Array ? result.length : 0)
  return result
}

function passSync<R>(interceptor: VfsInterceptor, call: VfsCall, run: () => R): R {
  const interference = interceptor.before?.(call)
  interference?.delaySync?.()
  if (interference?.error) {
    if (interference.share === 1) run()
    throw interference.error
  }
  const result = run()
  interceptor.after?.(call, result instanceof Uint8Array ? result.length : 0)
  return result
}

class InterceptedAppendFile implements AppendFile {
  readonly path: string
  readonly #inner: AppendFile
  readonly #interceptor: VfsInterceptor
  readonly #state: AppendState

  constructor(inner: AppendFile, interceptor: VfsInterceptor) {
    this.path = inner.path
    this.#inner = inner
    this.#interceptor = interceptor
    this.#state = new AppendState(inner.path, inner.sizeBytes)
  }

  get sizeBytes(): number {
    return this.#state.sizeBytes
  }

  async append(bytes: Uint8Array): Promise<void> {
    const position = this.#state.begin(bytes.length)
    const call = this.#call('append', bytes.length, false)
    try {
      const interference = this.#interceptor.before?.(call)
      if (interference?.delay) await interference.delay()
      const part = partOf(bytes, interference)
      await this.#inner.append(part)
      this.#interceptor.after?.(call, part.length)
      if (interference?.error) throw interference.error
      this.#state.succeed()
    } catch (error) {
      this.#state.fail(position)
      throw error
    }
  }

  appendSync(bytes: Uint8Array): void {
    const position = this.#state.begin(bytes.length)
    const call = this.#call('append', bytes.length, true)
    try {
      const interference = this.#interceptor.before?.(call)
      interference?.delaySync?.()
      const part = partOf(bytes, interference)
      this.#inner.appendSync(part)
      this.#interceptor.after?.(call, part.length)
      if (interference?.error) throw interference.error
      this.#state.succeed()
    } catch (error) {
      this.#state.fail(position)
      throw error
    }
  }

  async truncate(sizeBytes: number): Promise<void> {
    this.#state.checkTruncate(sizeBytes)
    await pass(this.#interceptor, this.#call('truncate', 0, false), () => this.#inner.truncate(sizeBytes))
    this.#state.truncated(sizeBytes)
  }

  truncateSync(sizeBytes: number): void {
    this.#state.checkTruncate(sizeBytes)
    passSync(this.#interceptor, this.#call('truncate', 0, true), () => this.#inner.truncateSync(sizeBytes))
    this.#state.truncated(sizeBytes)
  }

  sync(): Promise<void> {
    return pass(this.#interceptor, this.#call('sync', 0, false), () => this.#inner.sync())
  }

  close(): Promise<void> {
    this.#state.close()
    return this.#inner.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #call(op: VfsOp, lengthBytes: number, blocking: boolean): VfsCall {
    return { op, path: this.path, lengthBytes, blocking }
  }
}

function partOf(bytes: Uint8Array, interference: Interference | undefined): Uint8Array {
  if (!interference?.error) return bytes
  return bytes.subarray(0, Math.floor(bytes.length * (interference.share ?? 0)))
}

class InterceptedReadableFile implements ReadableFile {
  readonly path: string
  readonly #inner: ReadableFile
  readonly #interceptor: VfsInterceptor

  constructor(inner: ReadableFile, interceptor: VfsInterceptor) {
    this.path = inner.path
    this.#inner = inner
    this.#interceptor = interceptor
  }

  size(): Promise<number> {
    return pass(this.#interceptor, this.#call('size', 0, false), () => this.#inner.size())
  }

  sizeSync(): number {
    return passSync(this.#interceptor, this.#call('size', 0, true), () => this.#inner.sizeSync())
  }

  read(offset: number, length: number, room?: ArrayBuffer): Promise<Uint8Array> {
    return pass(this.#interceptor, this.#call('read', length, false), () => this.#inner.read(offset, length, room))
  }

  readSync(offset: number, length: number, room?: ArrayBuffer): Uint8Array {
    return passSync(this.#interceptor, this.#call('read', length, true), () => this.#inner.readSync(offset, length, room))
  }

  /** Each chunk is a read that the interceptor sees. */
  stream(o: { signal?: AbortSignal } = {}): AsyncIterable<Uint8Array> {
    return streamFile(this, o.signal)
  }

  close(): Promise<void> {
    return this.#inner.close()
  }

  closeSync(): void {
    this.#inner.closeSync()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #call(op: VfsOp, lengthBytes: number, blocking: boolean): VfsCall {
    return { op, path: this.path, lengthBytes, blocking }
  }
}
