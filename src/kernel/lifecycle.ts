import { requireSynchronous } from '../base/call-options.ts'
import { contributionToken } from '../base/token.ts'
import { pluginFailure } from './plugin-failure.ts'

/**
 * Takes part in opening and closing a database. Lifecycles are called in dependency order: those of a plugin after
 * those of every plugin that it needs; `stop` exactly backwards. `O` is what the host lets plugins configure
 * (`EngineOptions`).
 */
export interface Lifecycle<in O = never> {
  /** Before the engine opens; the options may still be changed (a decorator put around the cleaner, a listener added). Synchronous. A throw fails the open. */
  configure?(options: O): void
  /** After recovery, before the application gets its database. A failure stops what was started and fails the open. */
  start?(): void | Promise<void>
  /** At close, if the database had been started and this `start` had not failed. Services that it was made from still work. A failure is reported and does not keep others from stopping. */
  stop?(): void | Promise<void>
}
export const Lifecycle = contributionToken<Lifecycle>('Lifecycle')

/** A lifecycle and the plugin that it belongs to. */
export interface OwnedLifecycle {
  readonly plugin: string
  readonly lifecycle: Lifecycle
}

/** Calls lifecycles forward to start and backward to stop. */
export class LifecycleRunner {
  readonly #lifecycles: readonly OwnedLifecycle[]
  readonly #started: OwnedLifecycle[] = []
  readonly #tookMs: (plugin: string, ms: number) => void
  readonly #monotonicMs: () => number

  /** `lifecycles` in dependency order; `tookMs` is told how long each start took. */
  constructor(lifecycles: readonly OwnedLifecycle[], monotonicMs: () => number, tookMs: (plugin: string, ms: number) => void) {
    this.#lifecycles = lifecycles
    this.#monotonicMs = monotonicMs
    this.#tookMs = tookMs
  }

  configure(options: unknown): void {
    for (const { plugin, lifecycle } of this.#lifecycles) {
      try {
        requireSynchronous('configure', (lifecycle as Lifecycle<unknown>).configure?.(options))
      } catch (thrown) {
        throw pluginFailure(plugin, 'configure the engine', thrown)
      }
    }
  }

  /** Starts one after the other. If one fails, stops those before it, backwards, and rejects with its error. */
  async start(): Promise<void> {
    for (const owned of this.#lifecycles) {
      const beganMs = this.#monotonicMs()
      try {
        await owned.lifecycle.start?.()
      } catch (thrown) {
        const error = pluginFailure(owned.plugin, 'start', thrown)
        const errors = await this.stop()
        throw errors.length === 0
          ? error
          : new AggregateError([error, ...errors], `${error.message} Others then failed to stop.`, { cause: error })
      }
      this.#started.push(owned)
      this.#tookMs(owned.plugin, this.#monotonicMs() - beganMs)
    }
  }

  /** Stops what was started, backwards, whatever fails; returns the errors. */
  async stop(): Promise<Error[]> {
    const errors: Error[] = []
    for (let owned = this.#started.pop(); owned !== undefined; owned = this.#started.pop()) {
      try {
        await owned.lifecycle.stop?.()
      } catch (thrown) {
        errors.push(pluginFailure(owned.plugin, 'stop', thrown))
      }
    }
    return errors
  }
}
