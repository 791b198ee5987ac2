import { VarveError } from '../base/errors.ts'
import { nearestName } from '../base/suggest.ts'
import { tokenName } from '../base/token.ts'
import { type ConfiguredPlugin, optionsOf, type PluginSpec, specOf } from './define-plugin.ts'
import type { LoadedPlugin, PluginOrigin } from './plugin-loader.ts'

/**
 * Chooses which plugins take part, by these rules:
 *
 * 1. The defaults take part, and the entries of `plugins`.
 * 2. An entry that has a default's name takes that default's place: it sets its options.
 * 3. An entry that provides a service which a default provides replaces that default. A default all of whose services
 *    are replaced is left out whole, its contributions too: they were there to serve what it provided (the eviction
 *    op of a cache goes with the cache). A default that keeps at least one service stays, contributions included, and
 *    only the `provide` of the replaced services is skipped. A default that provides nothing is never replaced, only
 *    disabled. What should outlive a replacement belongs in a plugin of its own.
 * 4. `disable` leaves a default out.
 * 5. Host services count as provided, and replace defaults as an entry would; an entry replaces a host service unless
 *    that is fixed.
 * 6. Two entries of one name or with a service in common, an entry for a fixed host service, and two defaults with a
 *    service in common are a PLUGIN_CONFLICT that names both.
 */
export interface Selection {
  readonly plugins: readonly SelectedPlugin[]
  readonly leftOut: readonly LeftOutPlugin[]
  /** Host services that an entry provides instead, and the entry's name. */
  readonly hostReplaced: ReadonlyMap<symbol, string>
}

export interface SelectedPlugin {
  readonly spec: PluginSpec
  /** As given, unchecked. */
  readonly options: unknown
  readonly origin: PluginOrigin
  readonly source: string
  readonly loadMs: number
  /** Services it declares that something else provides now, and what does. */
  readonly taken: ReadonlyMap<symbol, string>
  /** Services that it provides instead of a default or the host, and instead of whom. */
  readonly replaces: ReadonlyMap<symbol, string>
}

/** A default that does not take part, and why. */
export interface LeftOutPlugin {
  readonly spec: PluginSpec
  readonly reason: 'disabled' | 'replaced'
  /** Who replaced it: plugin names, or `host`. */
  readonly by: readonly string[]
}

export interface HostClaim {
  readonly token: symbol
  readonly fixed: boolean
}

/** What a host service is called where a plugin would be named. */
export const hostName = 'host'

export function selectPlugins(
  entries: readonly LoadedPlugin[],
  defaults: readonly ConfiguredPlugin[],
  disable: readonly string[],
  host: readonly HostClaim[],
): Selection {
  const defaultSpecs = defaults.map(specOf)
  refuseDuplicates(defaultSpecs)
  refuseDuplicates(entries.map((entry) => specOf(entry.plugin)))
  const entryByName = new Map(entries.map((entry) => [entry.plugin.plugin, entry]))
  checkDisabled(disable, defaultSpecs, entryByName)

  const providers = providersOf(entries, host)
  const hostTokens = new Set(host.map((claim) => claim.token))
  const replacedFrom = new Map<symbol, string>()
  for (const spec of defaultSpecs) {
    for (const service of spec.provides) replacedFrom.set(service, spec.name)
  }

  const plugins: SelectedPlugin[] = []
  const leftOut: LeftOutPlugin[] = []
  for (const [index, spec] of defaultSpecs.entries()) {
    if (entryByName.has(spec.name)) continue
    const taken = new Map(
      spec.provides.flatMap((service) => (providers.has(service) ? [[service, providers.get(service) as string] as const] : [])),
    )
    if (disable.includes(spec.name)) leftOut.push({ spec, reason: 'disabled', by: [] })
    else if (taken.size > 0 && taken.size === spec.provides.length)
      leftOut.push({ spec, reason: 'replaced', by: [...new Set(taken.values())] })
    else
      plugins.push({
        spec,
        options: optionsOf(defaults[index] as ConfiguredPlugin),
        origin: 'default',
        source: spec.name,
        loadMs: 0,
        taken,
        replaces: new Map(),
      })
  }
  for (const { plugin, origin, source, loadMs } of entries) {
    const spec = specOf(plugin)
    const replaces = new Map<symbol, string>()
    for (const service of spec.provides) {
      const from = hostTokens.has(service) ? hostName : replacedFrom.get(service)
      if (from !== undefined && from !== spec.name) replaces.set(service, from)
    }
    plugins.push({ spec, options: optionsOf(plugin), origin, source, loadMs, taken: new Map(), replaces })
  }
  const hostReplaced = new Map([...providers].filter(([token, by]) => by !== hostName && hostTokens.has(token)))
  return { plugins, leftOut, hostReplaced }
}

/** Who provides what besides the defaults: the entries, else the host. */
function providersOf(entries: readonly LoadedPlugin[], host: readonly HostClaim[]): Map<symbol, string> {
  const providers = new Map<symbol, string>(host.map((claim) => [claim.token, hostName]))
  for (const { plugin } of entries) {
    for (const service of specOf(plugin).provides) {
      if (host.some((claim) => claim.fixed && claim.token === service)) {
        throw new VarveError(
          'PLUGIN_CONFLICT',
          `Plugin "${plugin.plugin}" provides ${tokenName(service)}, which the ${hostName} provides itself and cannot be replaced.`,
          {
            context: { plugins: [hostName, plugin.plugin], service: tokenName(service) },
          },
        )
      }
      providers.set(service, plugin.plugin)
    }
  }
  return providers
}

function refuseDuplicates(specs: readonly PluginSpec[]): void {
  const names = new Set<string>()
  const providers = new Map<symbol, string>()
  for (const { name, provides } of specs) {
    if (names.has(name))
      throw new VarveError('PLUGIN_CONFLICT', `Two plugins have the name "${name}". List it once, or give one another name.`, {
        context: { plugins: [name, name] },
      })
    names.add(name)
    for (const service of provides) {
      const other = providers.get(service)
      if (other !== undefined) {
        throw new VarveError(
          'PLUGIN_CONFLICT',
          `Plugins "${other}" and "${name}" both provide ${tokenName(service)}. Keep one of them in "plugins".`,
          {
            context: { plugins: [other, name], service: tokenName(service) },
          },
        )
      }
      providers.set(service, name)
    }
  }
}

function checkDisabled(disable: readonly string[], defaults: readonly PluginSpec[], entries: ReadonlyMap<string, LoadedPlugin>): void {
  const names = defaults.map((spec) => spec.name)
  for (const name of disable) {
    if (!names.includes(name)) {
      const nearest = nearestName(name, names)
      const advice = nearest === undefined ? ` Default plugins: ${names.join(', ')}.` : ` Did you mean "${nearest}"?`
      throw new VarveError('PLUGIN_NOT_FOUND', `"disable" names "${name}", which is no default plugin.${advice}`, {
        context: { plugin: name, suggestion: nearest },
      })
    }
    if (entries.has(name))
      throw new VarveError('CONFIG_INVALID', `"${name}" is both in "plugins" and in "disable". Remove it from one of them.`, {
        context: { plugin: name },
      })
  }
}
