import { VarveError } from '../base/errors.ts'
import { isContributionToken, tokenName } from '../base/token.ts'
import type { Binding } from './bind-recorder.ts'
import { dependencyOrder } from './dependency-order.ts'
import { hostName, type SelectedPlugin, type Selection } from './plugin-selection.ts'

/**
 * Checks what plugins declare to need of each other, and orders them by it (`requires`, `dependsOn`): the order in
 * which they bind. Throws PLUGIN_REQUIRES or PLUGIN_CYCLE.
 */
export function orderByDeclaration(selection: Selection, host: ReadonlySet<symbol>): SelectedPlugin[] {
  const { plugins } = selection
  const byName = new Map(plugins.map((plugin) => [plugin.spec.name, plugin]))
  const owners = new Map(
    plugins.flatMap((plugin) =>
      plugin.spec.provides.filter((service) => !plugin.taken.has(service)).map((service) => [service, plugin] as const),
    ),
  )
  for (const { spec } of plugins) {
    for (const service of spec.requires) {
      if (!owners.has(service) && !host.has(service)) throw missingService(`Plugin "${spec.name}"`, spec.name, service, selection)
    }
    for (const name of spec.dependsOn) {
      if (!byName.has(name)) throw missingPlugin(spec.name, name, selection)
    }
  }
  const declared = (plugin: SelectedPlugin) => [
    ...plugin.spec.requires.flatMap((service) => owners.get(service) ?? []),
    ...plugin.spec.dependsOn.map((name) => byName.get(name) as SelectedPlugin),
  ]
  const sorted = dependencyOrder(plugins, declared)
  if ('order' in sorted) return sorted.order
  const names = sorted.circle.map((plugin) => plugin.spec.name)
  throw cycle(
    names.map((name) => `"${name}"`),
    names,
  )
}

/** In which order instances are made, and in which plugins start. */
export interface DependencyPlan {
  readonly bindings: readonly Binding[]
  readonly plugins: readonly SelectedPlugin[]
}

/**
 * Checks what factories need, and orders everything that is made after what it is made from: its needs, what its
 * plugin `requires`, and all of the plugins that its plugin depends on. Plugins start in an order that follows
 * declarations always and needs where they allow it: two plugins may use each other's services as long as no two
 * instances do. Throws PLUGIN_REQUIRES or PLUGIN_CYCLE.
 */
export function orderByNeeds(
  selection: Selection,
  declaredOrder: readonly SelectedPlugin[],
  bindings: readonly Binding[],
  host: ReadonlySet<symbol>,
): DependencyPlan {
  const byToken = groupBy(bindings, (binding) => binding.token)
  const byPlugin = groupBy(bindings, (binding) => binding.plugin)
  const specs = new Map(declaredOrder.map((plugin) => [plugin.spec.name, plugin.spec]))
  for (const { plugin, token, needs } of bindings) {
    for (const need of needs) {
      if (need.how === 'one' && !byToken.has(need.token) && !host.has(need.token)) {
        throw missingService(`${tokenName(token)} of plugin "${plugin}"`, plugin, need.token, selection)
      }
    }
  }
  const needed = (binding: Binding): Binding[] => {
    const spec = specs.get(binding.plugin)
    return [
      ...binding.needs.flatMap((need) => byToken.get(need.token) ?? []),
      ...(spec?.requires ?? []).flatMap((service) => byToken.get(service) ?? []),
      ...(spec?.dependsOn ?? []).flatMap((name) => byPlugin.get(name) ?? []),
    ]
  }
  const sorted = dependencyOrder(
    declaredOrder.flatMap((plugin) => byPlugin.get(plugin.spec.name) ?? []),
    needed,
  )
  if ('circle' in sorted) {
    throw cycle(
      sorted.circle.map(({ plugin, token }) => `${tokenName(token)} of "${plugin}"`),
      sorted.circle.map((binding) => binding.plugin),
    )
  }
  return { bindings: sorted.order, plugins: startingOrder(declaredOrder, sorted.order, byToken) }
}

/** Edges from needs join the declared ones one by one, services before contributions; one that would close a circle is dropped. */
function startingOrder(
  declaredOrder: readonly SelectedPlugin[],
  bindings: readonly Binding[],
  byToken: ReadonlyMap<symbol, readonly Binding[]>,
): SelectedPlugin[] {
  const owner = (service: symbol) => byToken.get(service)?.[0]?.plugin
  const edges = new Map<string, Set<string>>(
    declaredOrder.map(({ spec }) => [spec.name, new Set([...spec.dependsOn, ...spec.requires.flatMap((service) => owner(service) ?? [])])]),
  )
  const reaches = (from: string, to: string): boolean => from === to || [...(edges.get(from) ?? [])].some((next) => reaches(next, to))
  for (const many of [false, true]) {
    for (const { plugin, needs } of bindings) {
      for (const need of needs) {
        if (isContributionToken(need.token) !== many) continue
        for (const source of byToken.get(need.token) ?? []) {
          if (!reaches(source.plugin, plugin)) edges.get(plugin)?.add(source.plugin)
        }
      }
    }
  }
  const byName = new Map(declaredOrder.map((plugin) => [plugin.spec.name, plugin]))
  const sorted = dependencyOrder(declaredOrder, (plugin) =>
    [...(edges.get(plugin.spec.name) ?? [])].flatMap((name) => byName.get(name) ?? []),
  )
  return 'order' in sorted ? sorted.order : [...declaredOrder]
}

/** The error for a service that is not there: says who needs it, and which default would provide it. */
export function missingService(who: string, plugin: string, service: symbol, selection: Selection): VarveError {
  const name = tokenName(service)
  const leftOut = selection.leftOut.find(({ spec }) => spec.provides.includes(service))
  const advice =
    leftOut === undefined
      ? `Add a plugin that provides it to "plugins".`
      : `The default plugin "${leftOut.spec.name}" would, but it is in "disable".`
  return new VarveError('PLUGIN_REQUIRES', `${who} requires the service ${name}, which nothing provides. ${advice}`, {
    context: { plugin, service: name },
  })
}

function missingPlugin(plugin: string, name: string, { leftOut }: Selection): VarveError {
  const why = leftOut.find(({ spec }) => spec.name === name)
  const state =
    why === undefined
      ? 'which is not in the assembly. Add it to "plugins".'
      : why.reason === 'disabled'
        ? 'which is in "disable". Remove it there.'
        : `which ${why.by.map((by) => (by === hostName ? `the ${by}` : `"${by}"`)).join(' and ')} replaced.`
  return new VarveError('PLUGIN_REQUIRES', `Plugin "${plugin}" depends on the plugin "${name}", ${state}`, {
    context: { plugin, dependsOn: name },
  })
}

function cycle(steps: readonly string[], plugins: readonly string[]): VarveError {
  return new VarveError(
    'PLUGIN_CYCLE',
    `Plugins depend on each other in a circle: ${steps.join(' → ')}. Break it: let one of them do without the other.`,
    { context: { plugins } },
  )
}

function groupBy<K, V>(values: readonly V[], keyOf: (value: V) => K): Map<K, V[]> {
  const groups = new Map<K, V[]>()
  for (const value of values) {
    const key = keyOf(value)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [value])
    else group.push(value)
  }
  return groups
}
