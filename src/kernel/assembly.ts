import 'reflect-metadata'
import { Container } from 'inversify'
import { Clock } from '../base/clock.ts'
import { InvariantError, VarveError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
import { systemClock } from '../base/system-clock.ts'
import { type ContributionToken, isContributionToken, type Token, tokenName } from '../base/token.ts'
import { type Binding, pluginModule } from './bind-recorder.ts'
import { type BootTree, bootTree, type PluginTimes } from './boot-tree.ts'
import type { ResolvedConfig } from './config.ts'
import type { ConfiguredPlugin } from './define-plugin.ts'
import { type DependencyPlan, missingService, orderByDeclaration, orderByNeeds } from './dependency-plan.ts'
import { InstanceStore, type OwnedInstance } from './instance-store.ts'
import { Lifecycle, LifecycleRunner } from './lifecycle.ts'
import { type BuiltInPlugins, type LoadedPlugin, loadPlugin } from './plugin-loader.ts'
import { checkOptions } from './plugin-options.ts'
import { hostName, type SelectedPlugin, type Selection, selectPlugins } from './plugin-selection.ts'

/** A service that the composition root brings along as a value. It is the root's to close. */
export interface HostService {
  readonly token: symbol
  readonly value: unknown
  /** A plugin that provides the service too is a PLUGIN_CONFLICT instead of its replacement. */
  readonly fixed: boolean
}

/** `hostService(Vfs, diskVfs)`: keeps token and value of one type. */
export function hostService<T>(token: Token<T>, value: T, o: { fixed?: boolean } = {}): HostService {
  if (isContributionToken(token))
    throw new TypeError(`hostService: ${tokenName(token)} is a contribution point; contribute from a plugin among the defaults.`)
  return { token, value, fixed: o.fixed ?? false }
}

export interface AssembleOptions {
  /** The part of a resolved configuration that concerns plugins. */
  readonly config: Pick<ResolvedConfig, 'plugins' | 'disable' | 'configDirectory'>
  /** The default assembly, in order. Services that need others' services (a manager that takes a policy) are plugins here, not host services. */
  readonly defaults: readonly ConfiguredPlugin[]
  /** Plugins that can be named but are not in the default assembly. */
  readonly builtIns?: BuiltInPlugins
  /** What is there before any plugin. `Clock` among them also times the boot. */
  readonly host?: readonly HostService[]
  /** Services that the composition root itself will `get`: PLUGIN_REQUIRES if nothing provides one. */
  readonly requires?: readonly symbol[]
}

/**
 * Everything that a configuration names, made and connected. In the order of use:
 * `assemble` → `configure(options)` → the engine opens and recovers → `start()` → work → the engine closes → `stop()`.
 */
export interface Assembly {
  /** A service. SERVICE_NOT_FOUND, naming the nearest, if nothing provides it. */
  get<T>(service: Token<T>): T
  has(service: symbol): boolean
  /** All contributions, in starting order of their plugins; empty if there are none. */
  getAll<T>(to: ContributionToken<T>): readonly T[]
  /** Who provides what, who was replaced or left out, what each took so far. A snapshot. */
  readonly plugins: BootTree
  /** Lets every lifecycle change the options that the engine is about to open with. Throws what a lifecycle throws. */
  configure(options: unknown): void
  /** Starts the lifecycles in dependency order. If one fails, stops those before it and rejects; `stop()` is still due, after the engine has closed. */
  start(): Promise<void>
  /** Stops the lifecycles backwards, then ends every instance that plugins made, each after its users. All are tried; one error is rejected with as it is, several as an AggregateError. Idempotent. Also right if `start` was never called. */
  stop(): Promise<void>
}

/**
 * Loads, checks and connects the plugins of a configuration, and makes everything they provide. See
 * `plugin-selection.ts` for who replaces whom. Rejects with PLUGIN_NOT_FOUND, PLUGIN_CONFLICT, PLUGIN_REQUIRES,
 * PLUGIN_CYCLE, CONFIG_INVALID (options), a TypeError (a plugin that does not do what it declares), or what a factory
 * failed with; whatever had been made by then is ended first.
 */
export async function assemble(o: AssembleOptions): Promise<Assembly> {
  const host = o.host ?? []
  const clock = host.find((service) => service.token === Clock)?.value as Clock | undefined
  const monotonicMs = () => (clock ?? systemClock).monotonicMs()
  const sources = { defaults: o.defaults, builtIns: o.builtIns ?? {}, directory: o.config.configDirectory, monotonicMs }
  const entries: LoadedPlugin[] = []
  for (const entry of o.config.plugins) entries.push(await loadPlugin(entry, sources))

  const selection = selectPlugins(entries, o.defaults, o.config.disable, host)
  const hostTokens = new Set(host.map((service) => service.token).filter((token) => !selection.hostReplaced.has(token)))
  const declaredOrder = orderByDeclaration(selection, hostTokens)
  requireForHost(o.requires ?? [], selection, hostTokens)

  const container = new Container({ defaultScope: 'Singleton', jitless: true })
  for (const { token, value } of host) {
    if (hostTokens.has(token)) container.bind(token).toConstantValue(value)
  }
  const times = new Map<string, PluginTimes>()
  const bindings = await bindAll(container, declaredOrder, monotonicMs, times)
  const plan = orderByNeeds(selection, declaredOrder, bindings, hostTokens)
  const instances = new InstanceStore(
    container,
    host.map((service) => service.value),
  )
  for (const binding of plan.bindings) {
    const beganMs = monotonicMs()
    await instances.make(binding)
    ;(times.get(binding.plugin) as PluginTimes).makeMs += monotonicMs() - beganMs
  }
  return new PluginAssembly(
    container,
    instances,
    plan,
    selection,
    host.map((service) => service.token),
    monotonicMs,
    times,
  )
}

function requireForHost(requires: readonly symbol[], selection: Selection, host: ReadonlySet<symbol>): void {
  for (const service of requires) {
    const provided = host.has(service) || selection.plugins.some(({ spec }) => spec.provides.includes(service))
    if (!provided) throw missingService('Varve itself', hostName, service, selection)
  }
}

/** Checks the options of every plugin, then lets it bind; one module each. */
async function bindAll(
  container: Container,
  plugins: readonly SelectedPlugin[],
  monotonicMs: () => number,
  times: Map<string, PluginTimes>,
): Promise<Binding[]> {
  const all: Binding[] = []
  for (const { spec, options, taken, loadMs } of plugins) {
    const beganMs = monotonicMs()
    const checked = await checkOptions(spec, options)
    const { module, bindings } = pluginModule(spec, checked, new Set(taken.keys()))
    await container.loadAsync(module)
    all.push(...bindings)
    times.set(spec.name, { loadMs: loadMs + monotonicMs() - beganMs, makeMs: 0, startMs: 0 })
  }
  return all
}

class PluginAssembly implements Assembly {
  readonly #container: Container
  readonly #instances: InstanceStore
  readonly #plan: DependencyPlan
  readonly #selection: Selection
  readonly #host: readonly symbol[]
  readonly #times: ReadonlyMap<string, PluginTimes>
  readonly #lifecycles: LifecycleRunner
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined

  constructor(
    container: Container,
    instances: InstanceStore,
    plan: DependencyPlan,
    selection: Selection,
    host: readonly symbol[],
    monotonicMs: () => number,
    times: ReadonlyMap<string, PluginTimes>,
  ) {
    this.#container = container
    this.#instances = instances
    this.#plan = plan
    this.#selection = selection
    this.#host = host
    this.#times = times
    this.#lifecycles = new LifecycleRunner(
      this.#contributions(Lifecycle).map(({ plugin, instance }) => ({ plugin, lifecycle: instance as Lifecycle })),
      monotonicMs,
      (plugin, ms) => ((times.get(plugin) as PluginTimes).startMs += ms),
    )
  }

  get<T>(service: Token<T>): T {
    if (isContributionToken(service)) throw new TypeError(`get(${tokenName(service)}): it is a contribution point; use getAll.`)
    if (this.#container.isBound(service)) return this.#container.get<T>(service)
    const known = [...this.#host, ...this.#plan.bindings.map((binding) => binding.token)]
      .filter((token) => !isContributionToken(token))
      .map(tokenName)
    const name = tokenName(service)
    throw new VarveError('SERVICE_NOT_FOUND', `No plugin provides the service ${name}.${didYouMean(name, known)}`, {
      context: { service: name, known },
    })
  }

  has(service: symbol): boolean {
    return this.#container.isBound(service)
  }

  getAll<T>(to: ContributionToken<T>): readonly T[] {
    if (!isContributionToken(to)) throw new TypeError(`getAll(${tokenName(to)}): it is a service; use get.`)
    return this.#contributions(to).map(({ instance }) => instance as T)
  }

  get plugins(): BootTree {
    return bootTree(this.#selection, this.#plan.plugins, this.#host, this.#times)
  }

  configure(options: unknown): void {
    if (this.#starting !== undefined || this.#stopping !== undefined)
      throw new InvariantError('An assembly is configured before it starts.')
    this.#lifecycles.configure(options)
  }

  start(): Promise<void> {
    if (this.#stopping !== undefined) return Promise.reject(new InvariantError('A stopped assembly cannot start again.'))
    this.#starting ??= this.#lifecycles.start()
    return this.#starting
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll()
    return this.#stopping
  }

  #contributions(to: symbol): OwnedInstance[] {
    const rank = new Map(this.#plan.plugins.map((plugin, index) => [plugin.spec.name, index]))
    return this.#instances.contributions(to).sort((a, b) => (rank.get(a.plugin) ?? 0) - (rank.get(b.plugin) ?? 0))
  }

  async #stopAll(): Promise<void> {
    await this.#starting?.catch(() => undefined)
    const errors = [...(await this.#lifecycles.stop()), ...(await this.#instances.endAll())]
    if (errors.length === 1) throw errors[0]
    if (errors.length > 1)
      throw new AggregateError(errors, `${errors.length} plugins failed to stop: ${errors.map((error) => error.message).join(' ')}`)
  }
}
