import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { systemCode } from '../base/errors.ts'

/** Nobody reads the output any more (`varve scan | head`): a reason to stop quietly. */
export class OutputClosed extends Error {
  override readonly name = 'OutputClosed'
}

/** A stream to write text to, at the pace of its reader. */
export class Output {
  readonly #stream: Writable
  #failure: Error | undefined
  readonly #onError = (error: Error) => {
    this.#failure = error
  }

  constructor(stream: Writable) {
    this.#stream = stream
    stream.on('error', this.#onError)
  }

  /** Writes, and waits while the reader is behind. OutputClosed once nobody reads any more. */
  async write(text: string): Promise<void> {
    this.#requireReader()
    if (this.#stream.write(text)) return
    // An error ends the wait too: it is looked at below.
    await once(this.#stream, 'drain').catch(() => undefined)
    this.#requireReader()
  }

  async line(text = ''): Promise<void> {
    await this.write(`${text}\n`)
  }

  /** For callers that cannot wait, and write little. */
  writeNow(text: string): void {
    if (!this.#failure) this.#stream.write(text)
  }

  /** Waits until the stream has taken everything, or failed. */
  async end(): Promise<void> {
    await new Promise<void>((resolve) => this.#stream.write('', () => resolve()))
    const failure = this.#failure
    this.#stream.off('error', this.#onError)
    if (failure && systemCode(failure) === 'EPIPE') this.#stream.on('error', () => undefined)
  }

  #requireReader(): void {
    const failure = this.#failure
    if (!failure && !this.#stream.destroyed) return
    if (!failure || systemCode(failure) === 'EPIPE' || systemCode(failure) === 'ERR_STREAM_DESTROYED')
      throw new OutputClosed('nobody reads the output')
    throw failure
  }
}
