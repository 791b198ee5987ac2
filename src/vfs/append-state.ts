import { invariant } from '../base/errors.ts'
import { systemError } from './system-error.ts'

/**
 * What every `AppendFile` must know about its end: how long the file is, whether an append is under way, and whether
 * one failed, so that bytes of unknown number follow `sizeBytes` until the file is truncated. It refuses what would
 * put bytes in the wrong place: overlapping appends, and an append behind a torn one.
 */
export class AppendState {
  readonly #path: string
  #sizeBytes: number
  #pending = false
  #torn = false
  #closed = false

  constructor(path: string, sizeBytes: number) {
    this.#path = path
    this.#sizeBytes = sizeBytes
  }

  /** Bytes of all appends that were begun and have not failed. */
  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** From now on everything is refused with EBADF. */
  close(): void {
    this.#closed = true
  }

  /** Begins an append and says where its first byte goes. */
  begin(lengthBytes: number): number {
    if (this.#closed) throw systemError('EBADF', 'write', this.#path)
    invariant(!this.#pending, `An append to ${this.#path} was begun while another was pending.`)
    invariant(!this.#torn, `An append to ${this.#path} was begun after a failed one; truncate the file first.`)
    const position = this.#sizeBytes
    this.#pending = true
    this.#sizeBytes += lengthBytes
    return position
  }

  /** Ends an append that wrote all its bytes. */
  succeed(): void {
    this.#pending = false
  }

  /** Ends an append that did not; the file may be longer than `position`. */
  fail(position: number): void {
    this.#pending = false
    this.#torn = true
    this.#sizeBytes = position
  }

  /** Checks a length that the file is about to be cut to. */
  checkTruncate(sizeBytes: number): void {
    if (this.#closed) throw systemError('EBADF', 'ftruncate', this.#path)
    invariant(!this.#pending, `${this.#path} was truncated while an append was pending.`)
    const fits = Number.isSafeInteger(sizeBytes) && sizeBytes >= 0 && sizeBytes <= this.#sizeBytes
    if (!fits) throw new TypeError(`${this.#path} holds ${this.#sizeBytes} bytes and cannot be cut to ${sizeBytes}.`)
  }

  /** The file was cut; it ends where it says again. */
  truncated(sizeBytes: number): void {
    this.#sizeBytes = sizeBytes
    this.#torn = false
  }
}
