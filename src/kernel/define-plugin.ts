import type { StandardSchemaV1 } from '@standard-schema/spec'
import { didYouMean } from '../base/suggest.ts'
import { type ContributionToken, isContributionToken, type ServiceRef, tokenName, tokenOf } from '../base/token.ts'
import { type OptionRecord, type RecordInput, type RecordOutput, recordSchema } from './option-record.ts'
import type { PluginModule } from './plugin-module.ts'

/** Under these symbols a configured plugin carries what the kernel reads. `Symbol.for`: two loaded copies of Varve agree. */
const specKey = Symbol.for('varve/plugin-spec')
const optionsKey = Symbol.for('varve/plugin-options')

/** A plugin ready for the list `plugins` of a configuration: a definition, or a definition called with options. */
export interface ConfiguredPlugin {
  /** The plugin's name. */
  readonly plugin: string
}

/** What `definePlugin` returns. Call it with options to configure it: `lruBlockCache({ capacity: '64MiB' })`. */
export interface PluginDefinition<I = never> extends ConfiguredPlugin {
  readonly name: string
  (options: I): ConfiguredPlugin
}

type Services<P extends readonly unknown[]> = { readonly [K in keyof P]: ServiceRef<P[K]> }
type ContributionTokens<P extends readonly unknown[]> = { readonly [K in keyof P]: ContributionToken<P[K]> }
/** What a plugin may state its options by. */
export type OptionsSchema = StandardSchemaV1 | OptionRecord
type OutOf<S> = S extends StandardSchemaV1 ? StandardSchemaV1.InferOutput<S> : S extends OptionRecord ? RecordOutput<S> : undefined
type InOf<S> = S extends StandardSchemaV1 ? StandardSchemaV1.InferInput<S> : S extends OptionRecord ? RecordInput<S> : undefined

/** What a plugin says about itself. The kernel holds it to every word. */
export interface PluginDeclaration<
  S extends OptionsSchema | undefined,
  P extends readonly unknown[],
  C extends readonly unknown[],
  R extends readonly unknown[],
> {
  /** Unique in an assembly; like a package name: `lru-block-cache`, `@acme/varve-cache`. */
  readonly name: string
  readonly version?: string
  /**
   * Any Standard Schema (zod, valibot, arktype …) of an object, or one for each option: `{ capacity: byteSize() }`.
   * Keys it does not know are an error.
   */
  readonly options?: S
  /** Services that `bind` provides: exactly these. */
  readonly provides?: Services<P>
  /** Contribution points that `bind` contributes to: exactly these, each any number of times but at least once. */
  readonly contributes?: ContributionTokens<C>
  /** Services of others that must be there. Their plugins start earlier and stop later. Needs of factories imply it. */
  readonly requires?: Services<R>
  /** Plugins, by name, that must be there. They start earlier and stop later. */
  readonly dependsOn?: readonly string[]
  /** Says how everything declared is made. Called once per assembly, with checked options; makes nothing itself. */
  bind(module: PluginModule, options: OutOf<S>): void | Promise<void>
}

/** A declaration without its types, as the kernel keeps it. */
export interface PluginSpec {
  readonly name: string
  readonly version: string | undefined
  readonly options: StandardSchemaV1 | undefined
  readonly provides: readonly symbol[]
  readonly contributes: readonly symbol[]
  readonly requires: readonly symbol[]
  readonly dependsOn: readonly string[]
  readonly bind: (module: PluginModule, options: never) => void | Promise<void>
}

/**
 * Defines a plugin. The result is itself an entry for `plugins` (with default options), and can be called with options.
 * A declaration that is wrong in itself (no name, a contribution point under `provides`, an unknown key …) is a
 * TypeError here, before any database is opened.
 */
export function definePlugin<
  const S extends OptionsSchema | undefined = undefined,
  const P extends readonly unknown[] = readonly unknown[],
  const C extends readonly unknown[] = readonly unknown[],
  const R extends readonly unknown[] = readonly unknown[],
>(declaration: PluginDeclaration<S, P, C, R>): PluginDefinition<InOf<S>> {
  const spec = checkDeclaration(declaration as unknown as Readonly<Record<string, unknown>>)
  const configure = (options: InOf<S>): ConfiguredPlugin => Object.freeze({ plugin: spec.name, [specKey]: spec, [optionsKey]: options })
  return Object.freeze(
    Object.defineProperties(configure, {
      name: { value: spec.name, enumerable: true },
      plugin: { value: spec.name, enumerable: true },
      [specKey]: { value: spec },
    }),
  ) as unknown as PluginDefinition<InOf<S>>
}

/** Whether a value is a plugin definition or a configured plugin, of this copy of Varve or another. */
export function isConfiguredPlugin(value: unknown): value is ConfiguredPlugin {
  return (typeof value === 'object' || typeof value === 'function') && value !== null && specKey in value
}

/** What the plugin declared. */
export function specOf(plugin: ConfiguredPlugin): PluginSpec {
  const spec = (plugin as { [specKey]?: PluginSpec })[specKey]
  if (spec === undefined) throw new TypeError('Not a plugin: expected what definePlugin returns.')
  return spec
}

/** The options that the definition was called with, unchecked; undefined if it was not called. */
export function optionsOf(plugin: ConfiguredPlugin): unknown {
  return (plugin as { [optionsKey]?: unknown })[optionsKey]
}

/** The same plugin with other options. */
export function withOptions(plugin: ConfiguredPlugin, options: unknown): ConfiguredPlugin {
  return Object.freeze({ plugin: plugin.plugin, [specKey]: specOf(plugin), [optionsKey]: options })
}

const declarationKeys = ['name', 'version', 'options', 'provides', 'contributes', 'requires', 'dependsOn', 'bind']
const namePattern = /^(@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*$/

function checkDeclaration(given: Readonly<Record<string, unknown>>): PluginSpec {
  if (typeof given !== 'object' || given === null)
    throw new TypeError('definePlugin takes an object such as { name, provides, bind(module, options) { … } }.')
  const { name, version, options, bind } = given
  if (typeof name !== 'string' || !namePattern.test(name)) {
    throw new TypeError(`definePlugin: "name" must be like a package name ('my-cache', '@me/my-cache'), found ${JSON.stringify(name)}.`)
  }
  const where = `definePlugin "${name}"`
  for (const key of Object.keys(given)) {
    if (!declarationKeys.includes(key)) throw new TypeError(`${where}: unknown key "${key}".${didYouMean(key, declarationKeys)}`)
  }
  if (version !== undefined && typeof version !== 'string') throw new TypeError(`${where}: "version" must be a string.`)
  if (typeof bind !== 'function') throw new TypeError(`${where}: "bind" must be a function (module, options) => void.`)
  const provides = checkTokens(where, 'provides', given['provides'], false)
  const contributes = checkTokens(where, 'contributes', given['contributes'], true)
  const requires = checkTokens(where, 'requires', given['requires'], false)
  const own = requires.find((token) => provides.includes(token))
  if (own !== undefined) throw new TypeError(`${where}: it requires ${tokenName(own)}, which it provides itself.`)
  const dependsOn = checkList(where, 'dependsOn', given['dependsOn'], (each): each is string => typeof each === 'string', 'a plugin name')
  if (dependsOn.includes(name)) throw new TypeError(`${where}: it depends on itself.`)
  return Object.freeze({
    name,
    version,
    provides,
    contributes,
    requires,
    dependsOn,
    options: checkSchema(where, options),
    bind: (bind as PluginSpec['bind']).bind(given),
  })
}

function checkSchema(where: string, options: unknown): StandardSchemaV1 | undefined {
  if (options === undefined || isSchema(options)) return options
  if (typeof options === 'object' && options !== null && Object.values(options).every(isSchema))
    return recordSchema(options as OptionRecord)
  throw new TypeError(`${where}: "options" must be a Standard Schema, such as z.object({ … }) of zod, or an object of them.`)
}

function isSchema(value: unknown): value is StandardSchemaV1 {
  return typeof (value as Partial<StandardSchemaV1> | null | undefined)?.['~standard']?.validate === 'function'
}

function checkTokens(where: string, key: string, given: unknown, many: boolean): readonly symbol[] {
  const named = Array.isArray(given) ? given.map(tokenOf) : given
  const tokens = checkList(where, key, named, (each): each is symbol => typeof each === 'symbol', 'a token')
  for (const token of tokens) {
    if (isContributionToken(token) === many) continue
    const advice = many
      ? 'is a service; list it under "provides"'
      : key === 'requires'
        ? 'is a contribution point; nobody has to provide it'
        : 'is a contribution point; list it under "contributes"'
    throw new TypeError(`${where}: ${tokenName(token)} in "${key}" ${advice}.`)
  }
  return tokens
}

function checkList<T>(where: string, key: string, given: unknown, fits: (each: unknown) => each is T, what: string): readonly T[] {
  if (given === undefined) return []
  if (!Array.isArray(given)) throw new TypeError(`${where}: "${key}" must be an array.`)
  given.forEach((each: unknown, index) => {
    if (!fits(each)) throw new TypeError(`${where}: "${key}[${index}]" is not ${what}. A circular import leaves a token undefined.`)
    if (given.indexOf(each) !== index)
      throw new TypeError(`${where}: "${key}" lists ${typeof each === 'symbol' ? tokenName(each) : String(each)} twice.`)
  })
  return Object.freeze([...(given as T[])])
}
