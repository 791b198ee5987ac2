import { EventEmitter } from 'eventemitter3'
import { abortedError, asError } from '../base/errors.ts'
import type { EventBus, EventMap, EventName, Listener } from './event-map.ts'

/**
 * The event bus of a database, over eventemitter3, with every listener guarded:
 * - A listener that throws, or whose promise rejects, harms neither the emitter nor the other listeners: it is
 *   reported as `background-error` with `{ event }` as context.
 * - A failure that no `background-error` can carry (its own listener failed, one failed while a report was being
 *   made, or nobody listens to `background-error`) becomes a process warning, so that it neither loops nor is lost.
 * - Listeners are called in the order in which they subscribed. One that subscribes during an emission does not hear
 *   it; one that is disposed of during an emission, before its turn, does not either.
 * - Emitting what nobody listens to is one look-up and allocates nothing.
 */
export class GuardedEventBus implements EventBus {
  readonly #emitter = new EventEmitter<EventName>()
  #reporting = false

  on<E extends EventName>(event: E, listener: Listener<EventMap[E]>): Disposable {
    if (typeof listener !== 'function') throw new TypeError(`The listener of "${event}" must be a function.`)
    let subscribed = true
    const guarded = (payload: EventMap[E]) => {
      if (!subscribed) return
      try {
        const result: unknown = listener(payload)
        if (isThenable(result)) result.then(undefined, (thrown: unknown) => this.#report(event, thrown))
      } catch (thrown) {
        this.#report(event, thrown)
      }
    }
    this.#emitter.on(event, guarded)
    return {
      [Symbol.dispose]: () => {
        if (!subscribed) return
        subscribed = false
        this.#emitter.off(event, guarded)
      },
    }
  }

  once<E extends EventName>(event: E, o: { signal?: AbortSignal } = {}): Promise<EventMap[E]> {
    const { signal } = o
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(abortedError(signal))
        return
      }
      const onAbort = () => {
        subscription[Symbol.dispose]()
        reject(abortedError(signal as AbortSignal))
      }
      const subscription = this.on(event, (payload) => {
        subscription[Symbol.dispose]()
        signal?.removeEventListener('abort', onAbort)
        resolve(payload)
      })
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  }

  emit<E extends EventName>(event: E, payload: EventMap[E]): void {
    this.#emitter.emit(event, payload)
  }

  /** How many listeners an event has, `once` included. */
  listenerCount(event: EventName): number {
    return this.#emitter.listenerCount(event)
  }

  #report(event: EventName, thrown: unknown): void {
    const error = asError(thrown)
    if (event === 'background-error' || this.#reporting || this.#emitter.listenerCount('background-error') === 0) {
      process.emitWarning(`A listener of the event "${event}" failed: ${error.message}`, {
        type: 'VarveListenerWarning',
        detail: error.stack ?? '',
      })
      return
    }
    this.#reporting = true
    try {
      this.#emitter.emit('background-error', { error, context: { event } })
    } finally {
      this.#reporting = false
    }
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}
