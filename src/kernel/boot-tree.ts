import { tokenName } from '../base/token.ts'
import type { PluginOrigin } from './plugin-loader.ts'
import { hostName, type SelectedPlugin, type Selection } from './plugin-selection.ts'

/** What a configuration assembles, as plain data; `renderBootTree` makes it text. In starting order. */
export interface BootTree {
  readonly host: readonly BootService[]
  readonly plugins: readonly BootPlugin[]
  readonly leftOut: readonly BootLeftOut[]
}

export interface BootPlugin {
  readonly name: string
  readonly version: string | undefined
  readonly origin: PluginOrigin
  /** A name, a file, or `object`. */
  readonly source: string
  readonly provides: readonly BootService[]
  readonly contributes: readonly string[]
  readonly requires: readonly string[]
  readonly dependsOn: readonly string[]
  /** Services that it provides instead of another: service and whose it was. */
  readonly replaces: Readonly<Record<string, string>>
  /** To find and import it, check its options and bind it. */
  readonly loadMs: number
  /** To make its services and contributions. */
  readonly makeMs: number
  /** To start its lifecycles; 0 until started. */
  readonly startMs: number
}

export interface BootService {
  readonly service: string
  /** Who provides it instead; absent if it is provided here. */
  readonly replacedBy?: string
}

export interface BootLeftOut {
  readonly name: string
  readonly reason: 'disabled' | 'replaced'
  readonly by: readonly string[]
  readonly provides: readonly string[]
  readonly contributes: readonly string[]
}

/** Milliseconds that a plugin took so far. */
export interface PluginTimes {
  loadMs: number
  makeMs: number
  startMs: number
}

/** The tree of a selection, `plugins` in starting order. */
export function bootTree(
  selection: Selection,
  plugins: readonly SelectedPlugin[],
  host: readonly symbol[],
  times: ReadonlyMap<string, Readonly<PluginTimes>>,
): BootTree {
  const service = (token: symbol, by: string | undefined): BootService =>
    by === undefined ? { service: tokenName(token) } : { service: tokenName(token), replacedBy: by }
  return {
    host: host.map((token) => service(token, selection.hostReplaced.get(token))),
    plugins: plugins.map(({ spec, origin, source, taken, replaces }) => ({
      name: spec.name,
      version: spec.version,
      origin,
      source,
      provides: spec.provides.map((token) => service(token, taken.get(token))),
      contributes: spec.contributes.map(tokenName),
      requires: spec.requires.map(tokenName),
      dependsOn: spec.dependsOn,
      replaces: Object.fromEntries([...replaces].map(([token, from]) => [tokenName(token), from])),
      ...(times.get(spec.name) ?? { loadMs: 0, makeMs: 0, startMs: 0 }),
    })),
    leftOut: selection.leftOut.map(({ spec, reason, by }) => ({
      name: spec.name,
      reason,
      by,
      provides: spec.provides.map(tokenName),
      contributes: spec.contributes.map(tokenName),
    })),
  }
}

/** The tree as text for a terminal, one plugin a paragraph. */
export function renderBootTree(tree: BootTree): string {
  const root: [string, string[]][] = []
  if (tree.host.length > 0) root.push([hostName, [`provides ${tree.host.map(serviceText).join(', ')}`]])
  for (const plugin of tree.plugins) root.push([pluginTitle(plugin), pluginLines(plugin)])
  for (const { name, reason, by, provides, contributes } of tree.leftOut) {
    const lines = [reason === 'disabled' ? 'left out: disabled by "disable"' : `left out: replaced by ${by.join(', ')}`]
    if (provides.length > 0) lines.push(`would provide ${provides.join(', ')}`)
    if (contributes.length > 0) lines.push(`would contribute ${contributes.join(', ')}`)
    root.push([`${name} (default)`, lines])
  }
  return root.map(([title, lines], index) => branch(title, lines, index === root.length - 1)).join('\n')
}

function branch(title: string, lines: readonly string[], last: boolean): string {
  const rail = last ? '   ' : '│  '
  return [
    `${last ? '└─' : '├─'} ${title}`,
    ...lines.map((line, index) => `${rail}${index === lines.length - 1 ? '└─' : '├─'} ${line}`),
  ].join('\n')
}

function pluginTitle({ name, version, origin, source, loadMs, makeMs, startMs }: BootPlugin): string {
  const where = origin === 'package' || origin === 'path' ? `${origin} ${source}` : origin
  return `${name}${version === undefined ? '' : ` ${version}`} (${where}) ${(loadMs + makeMs + startMs).toFixed(1)} ms`
}

function pluginLines({ provides, contributes, requires, dependsOn, replaces }: BootPlugin): string[] {
  const lines: string[] = []
  if (provides.length > 0) {
    lines.push(
      `provides ${provides.map((each) => serviceText(each) + (Object.hasOwn(replaces, each.service) ? ` (replaces ${replaces[each.service]})` : '')).join(', ')}`,
    )
  }
  if (contributes.length > 0) lines.push(`contributes ${contributes.join(', ')}`)
  if (requires.length > 0) lines.push(`requires ${requires.join(', ')}`)
  if (dependsOn.length > 0) lines.push(`depends on ${dependsOn.join(', ')}`)
  return lines
}

function serviceText({ service, replacedBy }: BootService): string {
  return replacedBy === undefined ? service : `${service} (replaced by ${replacedBy})`
}
