import type { Container } from 'inversify'
import { tokenName } from '../base/token.ts'
import type { Binding } from './bind-recorder.ts'
import { pluginFailure } from './plugin-failure.ts'

/** An instance, and the plugin that made it. */
export interface OwnedInstance {
  readonly plugin: string
  readonly instance: unknown
}

/**
 * Makes what plugins bound, one after the other, and ends it exactly backwards. The container would end instances in
 * the order of binding, a dependency before its user; so the order is kept here.
 */
export class InstanceStore {
  readonly #container: Container
  readonly #made: { readonly binding: Binding; readonly instance: unknown; readonly owned: boolean }[] = []
  /** Instances that are someone's to end already: the host's values, and what was bound before under another token. */
  readonly #owned: Set<unknown>

  constructor(container: Container, hostValues: Iterable<unknown>) {
    this.#container = container
    this.#owned = new Set(hostValues)
  }

  /** Makes the instance of a binding whose dependencies are made. If that fails, ends all that was made and rejects. */
  async make(binding: Binding): Promise<void> {
    const { plugin, token, id } = binding
    try {
      const instance: unknown = await this.#container.getAsync(id)
      if (instance === undefined || instance === null) throw new TypeError(`its factory returned ${String(instance)}`)
      this.#made.push({ binding, instance, owned: !this.#owned.has(instance) })
      this.#owned.add(instance)
    } catch (thrown) {
      const error = pluginFailure(plugin, `make ${tokenName(token)}`, thrown)
      const errors = await this.endAll()
      throw errors.length === 0 ? error : new AggregateError([error, ...errors], error.message, { cause: error })
    }
  }

  /** What was contributed to a contribution point, in the order of making. */
  contributions(to: symbol): OwnedInstance[] {
    return this.#made.filter(({ binding }) => binding.token === to).map(({ binding, instance }) => ({ plugin: binding.plugin, instance }))
  }

  /** Ends everything backwards, whatever fails; returns the errors. */
  async endAll(): Promise<Error[]> {
    const errors: Error[] = []
    for (const { binding, instance, owned } of this.#made.splice(0).reverse()) {
      try {
        await this.#end(binding, instance, owned)
      } catch (thrown) {
        errors.push(pluginFailure(binding.plugin, `close ${tokenName(binding.token)}`, thrown))
      }
    }
    return errors
  }

  async #end({ stop, id }: Binding, instance: unknown, owned: boolean): Promise<void> {
    if (stop === false) return
    if (stop === 'container') return this.#container.unbindAsync(id)
    if (stop !== undefined) return stop(instance)
    if (!owned || (typeof instance !== 'object' && typeof instance !== 'function') || instance === null) return
    const closable = instance as { [Symbol.asyncDispose]?: () => unknown; [Symbol.dispose]?: () => unknown; close?: () => unknown }
    const end = closable[Symbol.asyncDispose] ?? closable[Symbol.dispose] ?? closable.close
    if (typeof end === 'function') await end.call(instance)
  }
}
