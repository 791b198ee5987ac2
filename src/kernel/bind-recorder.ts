import 'reflect-metadata'
import { type BindToFluentSyntax, ContainerModule, type ContainerModuleLoadOptions } from 'inversify'
import { isContributionToken, tokenName, tokenOf } from '../base/token.ts'
import type { PluginSpec } from './define-plugin.ts'
import { injectOptions, type PlainNeed, plainNeeds } from './needs.ts'
import { BindError, pluginFailure } from './plugin-failure.ts'
import type { PluginModule, ProvideOptions } from './plugin-module.ts'

/** One thing a plugin makes. */
export interface Binding {
  readonly plugin: string
  /** What it is bound as for everyone: a service or a contribution point. */
  readonly token: symbol
  /** What it alone is bound as: the service's token, or a private symbol of this contribution. */
  readonly id: symbol
  readonly needs: readonly PlainNeed[]
  /** How it ends: as `provide` was told, or by inversify's own deactivation if it was bound through `container`. */
  readonly stop: ProvideOptions<unknown>['stop'] | 'container'
}

export interface BoundModule {
  readonly module: ContainerModule
  /** Filled while the module is loaded. */
  readonly bindings: Binding[]
}

/**
 * Wraps a plugin's `bind` as one inversify module that records what is bound and compares it with what was declared.
 * Services in `taken` are provided by someone else now: their `provide` is skipped, their factory never called.
 */
export function pluginModule(spec: PluginSpec, options: unknown, taken: ReadonlySet<symbol>): BoundModule {
  const bindings: Binding[] = []
  const module = new ContainerModule(async (container) => {
    const recorder = new BindRecorder(spec, container, taken, bindings)
    try {
      await spec.bind(recorder.module, options as never)
    } catch (thrown) {
      throw thrown instanceof BindError ? thrown : pluginFailure(spec.name, 'bind', thrown)
    } finally {
      recorder.ended = true
    }
    recorder.checkAllBound()
  })
  return { module, bindings }
}

class BindRecorder {
  ended = false
  readonly module: PluginModule
  readonly #spec: PluginSpec
  readonly #container: ContainerModuleLoadOptions
  readonly #taken: ReadonlySet<symbol>
  readonly #bindings: Binding[]
  readonly #bound = new Set<symbol>()

  constructor(spec: PluginSpec, container: ContainerModuleLoadOptions, taken: ReadonlySet<symbol>, bindings: Binding[]) {
    this.#spec = spec
    this.#container = container
    this.#taken = taken
    this.#bindings = bindings
    this.module = Object.freeze({
      provide: (service: unknown, needs: readonly unknown[], factory: unknown, o?: ProvideOptions<unknown>) =>
        this.#provide(tokenOf(service) as symbol, needs, factory, o),
      contribute: (to: symbol, needs: readonly unknown[], factory: unknown, o?: ProvideOptions<unknown>) =>
        this.#contribute(to, needs, factory, o),
      container: this.#guardedContainer(),
    }) as PluginModule
  }

  #provide(service: symbol, needs: readonly unknown[], factory: unknown, o: ProvideOptions<unknown> = {}): void {
    const where = `Plugin "${this.#spec.name}", provide(${nameOf(service)})`
    if (typeof service === 'symbol' && isContributionToken(service))
      throw new BindError(`${where}: it is a contribution point; use contribute.`)
    this.#declare(where, service, this.#spec.provides, 'provides')
    if (this.#bound.has(service)) throw new BindError(`${where}: the service is provided twice.`)
    this.#bound.add(service)
    this.#bind(where, { token: service, id: service }, needs, factory, o)
  }

  #contribute(to: symbol, needs: readonly unknown[], factory: unknown, o: ProvideOptions<unknown> = {}): void {
    const where = `Plugin "${this.#spec.name}", contribute(${nameOf(to)})`
    if (typeof to === 'symbol' && !isContributionToken(to)) throw new BindError(`${where}: it is a service; use provide.`)
    this.#declare(where, to, this.#spec.contributes, 'contributes')
    this.#bound.add(to)
    const id = Symbol(`${this.#spec.name}/${tokenName(to)}`)
    this.#bind(where, { token: to, id }, needs, factory, o)
    this.#container.bind(to).toService(id)
  }

  #bind(where: string, as: { token: symbol; id: symbol }, needs: readonly unknown[], factory: unknown, o: ProvideOptions<unknown>): void {
    if (typeof factory !== 'function') throw new BindError(`${where}: the factory must be a function.`)
    const plain = plainNeeds(needs, where)
    if (this.#taken.has(as.id)) return
    this.#bindings.push({ plugin: this.#spec.name, ...as, needs: plain, stop: o.stop })
    const make = factory as (...given: unknown[]) => unknown
    this.#container.bind<unknown>(as.id).toResolvedValue(make, injectOptions(plain)).inSingletonScope()
  }

  /** Refuses what the plugin did not declare, and anything at all once `bind` has ended. */
  #declare(where: string, token: symbol, declared: readonly symbol[], key: string): void {
    if (this.ended) throw new BindError(`${where}: bind has ended; the assembly is sealed. An asynchronous bind must await everything.`)
    if (typeof token !== 'symbol') throw new BindError(`${where}: not a token. A circular import leaves a token undefined.`)
    if (!declared.includes(token)) throw new BindError(`${where}: not declared. Add ${tokenName(token)} to "${key}" of the plugin.`)
  }

  checkAllBound(): void {
    const { name, provides, contributes } = this.#spec
    for (const token of [...provides, ...contributes]) {
      if (this.#bound.has(token)) continue
      const key = isContributionToken(token) ? 'contributes' : 'provides'
      throw new BindError(`Plugin "${name}" declares ${tokenName(token)} in "${key}", but its bind does not bind it.`)
    }
  }

  /** A service goes under its own token; a contribution under a private symbol; a service taken by another under a symbol nobody asks for. */
  #bindRaw<T>(token: symbol): BindToFluentSyntax<T> {
    const many = isContributionToken(token)
    if (!many && this.#bound.has(token)) throw new BindError(`Plugin "${this.#spec.name}": ${tokenName(token)} is provided twice.`)
    this.#bound.add(token)
    const id = many || this.#taken.has(token) ? Symbol(`${this.#spec.name}/${tokenName(token)}`) : token
    if (many) this.#container.bind(token).toService(id)
    if (!this.#taken.has(token)) this.#bindings.push({ plugin: this.#spec.name, token, id, needs: [], stop: 'container' })
    return this.#container.bind<T>(id)
  }

  #guardedContainer(): ContainerModuleLoadOptions {
    const guard = <I>(verb: string, id: I): I => {
      if (!isVarveToken(id)) return id
      const many = isContributionToken(id)
      this.#declare(
        `Plugin "${this.#spec.name}", container.${verb}(${tokenName(id)})`,
        id,
        many ? this.#spec.contributes : this.#spec.provides,
        many ? 'contributes' : 'provides',
      )
      return id
    }
    const inner = this.#container
    return {
      ...inner,
      bind: <T>(id: Parameters<typeof inner.bind<T>>[0]) => {
        guard('bind', id)
        return isVarveToken(id) ? this.#bindRaw<T>(id) : inner.bind<T>(id)
      },
      rebind: (id) => inner.rebind(guard('rebind', id)),
      rebindAsync: (id) => inner.rebindAsync(guard('rebindAsync', id)),
      unbind: (id) => inner.unbind(guard('unbind', id)),
      unbindAsync: (id) => inner.unbindAsync(guard('unbindAsync', id)),
    }
  }
}

function isVarveToken(id: unknown): id is symbol {
  return typeof id === 'symbol' && /^varve\/(service|contribution)\//.test(Symbol.keyFor(id) ?? '')
}

function nameOf(token: unknown): string {
  return typeof token === 'symbol' ? tokenName(token) : String(token)
}
