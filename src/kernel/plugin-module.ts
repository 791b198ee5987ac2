import type { ContainerModuleLoadOptions } from 'inversify'
import type { ContributionToken, ServiceRef } from '../base/token.ts'
import type { Given, Needs } from './needs.ts'

/** What a plugin may say about the instance that its factory makes. */
export interface ProvideOptions<T> {
  /**
   * Ends the instance; called once, after everything that was made from it has been ended. Without it, the instance's
   * own `[Symbol.asyncDispose]()`, `[Symbol.dispose]()` or `close()` is called, whichever is there first. `false`: never.
   */
  readonly stop?: ((instance: T) => void | Promise<void>) | false
}

/**
 * How a plugin says what it makes: thin typed covers over inversify's `toResolvedValue`. Everything is made once per
 * database. A factory may be asynchronous; it is given its needs in order; a need that no plugin fills is
 * PLUGIN_REQUIRES before anything is made. Usable only until `bind` has ended.
 */
export interface PluginModule {
  /** Provides a service. `module.provide(BlockCache, [Clock], (clock) => new LruBlockCache(clock))`. */
  provide<T, const A extends readonly unknown[]>(
    service: ServiceRef<T>,
    needs: Needs<A>,
    factory: (...needs: Given<A>) => T | Promise<T>,
    o?: ProvideOptions<T>,
  ): void
  /** Adds to a contribution point; any number of times. */
  contribute<T, const A extends readonly unknown[]>(
    to: ContributionToken<T>,
    needs: Needs<A>,
    factory: (...needs: Given<A>) => T | Promise<T>,
    o?: ProvideOptions<T>,
  ): void
  /**
   * Inversify's own, for what these two cannot say. Varve's tokens must be declared here too, and only those of this
   * plugin may be bound; classes, strings and private symbols are the plugin's own affair. The kernel sees no needs
   * here: declare them in `requires`, and end what you made in a `Lifecycle`.
   */
  readonly container: ContainerModuleLoadOptions
}
