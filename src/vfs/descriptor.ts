import fs from 'node:fs'
import { promisify } from 'node:util'
import { namingFile, systemError } from './system-error.ts'

const closeAsync = promisify(fs.close)

/**
 * An open file's number, which the system gives to another file as soon as it is closed. So closing waits until no
 * call uses it any more, and no call begins after closing.
 */
export class Descriptor {
  readonly path: string
  readonly #fd: number
  #users = 0
  #closing: PromiseWithResolvers<void> | undefined

  constructor(path: string, fd: number) {
    this.path = path
    this.#fd = fd
  }

  /** A call with the number; EBADF after `close`. Its errors name the file. */
  async use<R>(syscall: string, call: (fd: number) => Promise<R>): Promise<R> {
    const fd = this.#acquire(syscall)
    try {
      return await call(fd)
    } catch (error) {
      throw namingFile(error, this.path)
    } finally {
      this.#release()
    }
  }

  /** As `use`, blocking. */
  useSync<R>(syscall: string, call: (fd: number) => R): R {
    const fd = this.#acquire(syscall)
    try {
      return call(fd)
    } catch (error) {
      throw namingFile(error, this.path)
    } finally {
      this.#release()
    }
  }

  #acquire(syscall: string): number {
    if (this.#closing) throw systemError('EBADF', syscall, this.path)
    this.#users++
    return this.#fd
  }

  #release(): void {
    this.#users--
    if (this.#closing && this.#users === 0) closeAsync(this.#fd).then(this.#closing.resolve, this.#closing.reject)
  }

  /** Closes once the last call has ended. Idempotent. */
  close(): Promise<void> {
    if (this.#closing) return this.#closing.promise
    this.#closing = withResolvers()
    this.#users++
    this.#release()
    return this.#closing.promise
  }

  /** Closes now, or, with calls under way, when the last one has ended. Idempotent. */
  closeSync(): void {
    if (this.#closing) return
    if (this.#users > 0) {
      // Nobody waits for this close, and a file that was only read loses nothing by its failure.
      this.close().catch(() => {})
      return
    }
    this.#closing = withResolvers()
    this.#closing.resolve()
    fs.closeSync(this.#fd)
  }
}

interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (reason: unknown) => void
}

/** `Promise.withResolvers`, which Node 20 lacks. */
function withResolvers(): PromiseWithResolvers<void> {
  let resolve: (value: void) => void = () => {}
  let reject: (reason: unknown) => void = () => {}
  const promise = new Promise<void>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}
