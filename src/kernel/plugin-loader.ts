import { stat } from 'node:fs/promises'
import { isAbsolute, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { VarveError } from '../base/errors.ts'
import { nearestName } from '../base/suggest.ts'
import { type ConfiguredPlugin, isConfiguredPlugin, withOptions } from './define-plugin.ts'
import { importModule, resolvePackage } from './import-module.ts'

/** An entry of `plugins`: a name or path, that with options, or the plugin itself. */
export type PluginEntry = string | readonly [name: string, options: object] | ConfiguredPlugin

/** How a plugin came into the assembly. */
export type PluginOrigin = 'default' | 'built-in' | 'package' | 'path' | 'object'

/** An entry with the plugin that it stands for. */
export interface LoadedPlugin {
  readonly plugin: ConfiguredPlugin
  readonly origin: PluginOrigin
  /** Where it was found: a name, a file, or `object`. */
  readonly source: string
  readonly loadMs: number
}

/** Built-in plugins that are not in the default assembly, by name; imported when named. */
export type BuiltInPlugins = Readonly<Record<string, () => Promise<unknown>>>

export interface PluginSources {
  readonly defaults: readonly ConfiguredPlugin[]
  readonly builtIns: BuiltInPlugins
  /** The directory that paths and package names start from: that of the configuration file, else the working directory. */
  readonly directory: string
  readonly monotonicMs: () => number
}

/**
 * Finds the plugin of an entry. A string is, in this order: the name of a built-in plugin; a path, if it starts with
 * `.` or `/` or is a `file:` URL, relative to the configuration's directory; else a package, looked up from there. The
 * module must export the plugin as its default, or export exactly one. Rejects with PLUGIN_NOT_FOUND, naming what was
 * tried and the nearest built-in name.
 */
export async function loadPlugin(entry: PluginEntry, sources: PluginSources): Promise<LoadedPlugin> {
  const beganMs = sources.monotonicMs()
  if (isConfiguredPlugin(entry)) return { plugin: entry, origin: 'object', source: 'object', loadMs: 0 }
  const [name, options] = typeof entry === 'string' ? [entry, undefined] : (entry as readonly [string, object])
  const found = await find(name, sources)
  const plugin = options === undefined ? found.plugin : withOptions(found.plugin, options)
  return { ...found, plugin, loadMs: sources.monotonicMs() - beganMs }
}

type Found = Omit<LoadedPlugin, 'loadMs'>

async function find(name: string, sources: PluginSources): Promise<Found> {
  const builtIn = sources.defaults.find((each) => each.plugin === name)
  if (builtIn !== undefined) return { plugin: builtIn, origin: 'built-in', source: name }
  if (Object.hasOwn(sources.builtIns, name)) {
    const exported = await (sources.builtIns[name] as () => Promise<unknown>)()
    return { plugin: pluginOf(exported, name, name), origin: 'built-in', source: name }
  }
  if (name.startsWith('.') || isAbsolute(name) || name.startsWith('file:')) return findPath(name, sources)
  return findPackage(name, sources)
}

const endings = ['', '.js', '.mjs', '.cjs', '.ts', '.mts', '/index.js', '/index.mjs', '/index.ts']

async function findPath(name: string, { directory }: PluginSources): Promise<Found> {
  const path = name.startsWith('file:') ? fileURLToPath(name) : resolve(directory, name)
  for (const ending of endings) {
    const file = path + ending
    if (!(await isFile(file))) continue
    return { plugin: await importPlugin(file, name), origin: 'path', source: file }
  }
  throw new VarveError('PLUGIN_NOT_FOUND', `Plugin "${name}" not found. Tried the file ${path}, also with ${endings.slice(1).join(' ')}.`, {
    context: { plugin: name, tried: endings.map((ending) => path + ending) },
  })
}

async function findPackage(name: string, { directory, defaults, builtIns }: PluginSources): Promise<Found> {
  const url = await resolvePackage(name, directory)
  if (url !== undefined) {
    const file = url.startsWith('file:') ? fileURLToPath(url) : url
    return { plugin: await importPlugin(file, name), origin: 'package', source: file }
  }
  const names = [...defaults.map((each) => each.plugin), ...Object.keys(builtIns)]
  const nearest = nearestName(name, names)
  const advice =
    nearest === undefined ? `Install it with "npm install ${name}", or write a path as "./${name}".` : `Did you mean "${nearest}"?`
  throw new VarveError(
    'PLUGIN_NOT_FOUND',
    `Plugin "${name}" not found. Tried the built-in plugins (${names.join(', ') || 'none'}) and the package "${name}" from ${directory}. ${advice}`,
    { context: { plugin: name, tried: [...names, `package ${name}`], suggestion: nearest } },
  )
}

async function importPlugin(file: string, name: string): Promise<ConfiguredPlugin> {
  let exported: unknown
  try {
    exported = await importModule(isAbsolute(file) ? pathToFileURL(file).href : file)
  } catch (cause) {
    throw new VarveError(
      'PLUGIN_NOT_FOUND',
      `Plugin "${name}" was found at ${file}, but could not be loaded: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        cause,
        context: { plugin: name, tried: [file] },
      },
    )
  }
  return pluginOf(exported, name, file)
}

/** The plugin that a module exports: its default, else the only one among its exports. */
function pluginOf(exported: unknown, name: string, source: string): ConfiguredPlugin {
  if (isConfiguredPlugin(exported)) return exported
  const exports = (typeof exported === 'object' && exported !== null ? exported : {}) as Readonly<Record<string, unknown>>
  const byDefault = exports['default']
  if (isConfiguredPlugin(byDefault)) return byDefault
  const nested = (byDefault as { default?: unknown } | undefined)?.default
  if (isConfiguredPlugin(nested)) return nested
  const plugins = [...new Set(Object.values(exports).filter(isConfiguredPlugin))]
  if (plugins.length === 1) return plugins[0] as ConfiguredPlugin
  const what =
    plugins.length === 0
      ? 'exports no plugin'
      : `exports several plugins (${plugins.map((each) => each.plugin).join(', ')}), none of them as its default`
  throw new VarveError(
    'PLUGIN_NOT_FOUND',
    `Plugin "${name}" was found at ${source}, but it ${what}. Write: export default definePlugin({ … }).`,
    {
      context: { plugin: name, tried: [source] },
    },
  )
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false
}
