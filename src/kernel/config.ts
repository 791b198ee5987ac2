import { z } from 'zod'
import { type ByteSize, byteSizeExpectation, tryParseByteSize } from '../base/byte-size.ts'
import { nearestName } from '../base/suggest.ts'
import { configError } from './config-issues.ts'
import { isConfiguredPlugin } from './define-plugin.ts'
import type { PluginEntry } from './plugin-loader.ts'

/** What `open` takes. Only `directory` is needed; an unknown key or a wrong value is CONFIG_INVALID. */
export interface DatabaseConfig {
  /** Where the database lives. In a configuration file, relative to that file. */
  directory: string
  /** Make the database if the directory holds none; true by default, false with `readOnly`. */
  createIfMissing?: boolean
  /** DATABASE_EXISTS if the directory holds a database already; false by default. */
  errorIfExists?: boolean
  /** No writes, no maintenance; false by default. */
  readOnly?: boolean
  /** When a write counts as done: on disk, in the operating system's hands (default), or at most `wal.syncIntervalMs` later. */
  durability?: 'sync' | 'write' | 'interval'
  /** At a damaged log: stop (default), or keep what precedes the damage. */
  recovery?: 'strict' | 'salvage'
  memory?: {
    /** Of write buffers, cache and maintenance together; '256MiB' by default, at least '1MiB'. */
    limit?: ByteSize
    /** Share of the limit past which memory is freed with priority; 0.6 by default. */
    pressureAt?: number
    /** Share of the limit past which writes are slowed; 0.8 by default. */
    softLimitAt?: number
  }
  maintenance?: {
    /** Worker threads; 2 by default. */
    threads?: number
    /** 250 by default. */
    pollIntervalMs?: number
    /** How long a failed op is left alone; 10,000 by default. */
    retryGraceMs?: number
    /** Decisions and runs remembered for `explain()`; 64 by default. */
    historyCount?: number
  }
  wal?: {
    /** '8MiB' by default. */
    segmentBytes?: ByteSize
    /** Size of the log past which flushes that shorten it come first; '64MiB' by default. */
    targetReplayBytes?: ByteSize
    /** For durability 'interval'; 100 by default. */
    syncIntervalMs?: number
  }
  history?: {
    /** How far back `asOf` can read; 900,000 (15 minutes) by default. */
    retentionMs?: number
  }
  /** Plugins beside the defaults, in place of them, or to set their options. */
  plugins?: readonly PluginEntry[]
  /** Default plugins to leave out. */
  disable?: readonly string[]
}

/** A configuration that has been checked, with every default filled in and sizes in bytes. */
export interface ResolvedConfig {
  readonly directory: string
  readonly createIfMissing: boolean
  readonly errorIfExists: boolean
  readonly readOnly: boolean
  readonly durability: 'sync' | 'write' | 'interval'
  readonly recovery: 'strict' | 'salvage'
  readonly memory: { readonly limitBytes: number; readonly pressureAt: number; readonly softLimitAt: number }
  readonly maintenance: {
    readonly threads: number
    readonly pollIntervalMs: number
    readonly retryGraceMs: number
    readonly historyCount: number
  }
  readonly wal: { readonly segmentBytes: number; readonly targetReplayBytes: number; readonly syncIntervalMs: number }
  readonly history: { readonly retentionMs: number }
  readonly plugins: readonly PluginEntry[]
  readonly disable: readonly string[]
  /** Where plugin paths and package names start from: the directory of the file the configuration came from, else the working directory. */
  readonly configDirectory: string
}

/** Under this symbol `loadConfig` notes the directory of the file, so that a spread copy of the configuration keeps it. */
export const configDirectoryKey = Symbol.for('varve/config-directory')

/** Returns its argument; gives an editor the types in `varve.config.ts`. */
export function defineConfig(config: DatabaseConfig): DatabaseConfig {
  return config
}

const flag = z.boolean({ error: 'true or false' })
const ratio = z
  .number({ error: 'a number above 0 and up to 1' })
  .gt(0, 'a number above 0 and up to 1')
  .lte(1, 'a number above 0 and up to 1')

function wholeNumber(min: number, max: number = Number.MAX_SAFE_INTEGER) {
  const error = max === Number.MAX_SAFE_INTEGER ? `a whole number of at least ${min}` : `a whole number from ${min} to ${max}`
  return z.custom<number>((value) => Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max, { error })
}

function oneOf<const T extends readonly string[]>(...values: T) {
  return z.enum(values, { error: `one of ${values.map((value) => `'${value}'`).join(', ')}` })
}

function section<T extends z.ZodRawShape>(shape: T) {
  return z.strictObject(shape, { error: 'an object' }).prefault({} as never)
}

/** A size in bytes as an option: takes 4096 or '64MiB', gives a number of bytes. At least `min` (1 by default). */
export function byteSize(min = 1) {
  const error = min > 1 ? `${byteSizeExpectation}, at least ${min} bytes` : byteSizeExpectation
  return z
    .custom<ByteSize>((value) => (tryParseByteSize(value) ?? -1) >= min, { error })
    .transform((value) => tryParseByteSize(value) as number)
}

const pluginEntry = z.custom<PluginEntry>(
  (value) =>
    isName(value) ||
    isConfiguredPlugin(value) ||
    (Array.isArray(value) && value.length === 2 && isName(value[0]) && isPlainObject(value[1])),
  { error: 'a plugin: its name, its path, [name, { …options }], or what definePlugin returns (perhaps called with options)' },
)

const shape = {
  directory: z.string({ error: 'the path of a directory' }).min(1, 'the path of a directory'),
  createIfMissing: flag.optional(),
  errorIfExists: flag.default(false),
  readOnly: flag.default(false),
  durability: oneOf('sync', 'write', 'interval').default('write'),
  recovery: oneOf('strict', 'salvage').default('strict'),
  memory: section({ limit: byteSize(1024 ** 2).default(256 * 1024 ** 2), pressureAt: ratio.default(0.6), softLimitAt: ratio.default(0.8) }),
  maintenance: section({
    threads: wholeNumber(1, 64).default(2),
    pollIntervalMs: wholeNumber(1).default(250),
    retryGraceMs: wholeNumber(0).default(10_000),
    historyCount: wholeNumber(0).default(64),
  }),
  wal: section({
    segmentBytes: byteSize().default(8 * 1024 ** 2),
    targetReplayBytes: byteSize().default(64 * 1024 ** 2),
    syncIntervalMs: wholeNumber(1).default(100),
  }),
  history: section({ retentionMs: wholeNumber(0).default(900_000) }),
  plugins: z.array(pluginEntry, { error: 'an array of plugins' }).default([]),
  disable: z.array(z.string({ error: 'the name of a default plugin' }), { error: 'an array of plugin names' }).default([]),
}

const schema = z.strictObject(shape, { error: "an object such as { directory: './data' }" }).check((context) => {
  const { value, issues } = context
  const refuse = (path: PropertyKey[], message: string) => issues.push({ code: 'custom', message, path, input: value })
  if (value.memory.pressureAt > value.memory.softLimitAt)
    refuse(['memory', 'pressureAt'], `at most memory.softLimitAt (${value.memory.softLimitAt})`)
  if (value.createIfMissing === false && value.errorIfExists)
    refuse(['errorIfExists'], 'false when createIfMissing is false, or nothing could ever be opened')
  if (value.readOnly && value.createIfMissing === true) refuse(['createIfMissing'], 'false or absent when readOnly is true')
  if (value.readOnly && value.errorIfExists) refuse(['errorIfExists'], 'false or absent when readOnly is true')
})

/**
 * Checks a configuration and fills in the defaults. Throws CONFIG_INVALID whose message names, for each thing wrong,
 * the path, what was expected, what was found, and the nearest known key; `source` (a file) is named too.
 */
export function resolveConfig(config: unknown, o: { source?: string } = {}): ResolvedConfig {
  const result = schema.safeParse(config)
  if (!result.success) throw configError(result.error, config, o.source, keysAt)
  const { memory, createIfMissing, ...rest } = result.data
  const noted = (config as { [configDirectoryKey]?: string })[configDirectoryKey]
  return {
    ...rest,
    createIfMissing: createIfMissing ?? !rest.readOnly,
    memory: { limitBytes: memory.limit, pressureAt: memory.pressureAt, softLimitAt: memory.softLimitAt },
    configDirectory: noted ?? process.cwd(),
  }
}

/** The key at the top of a configuration that this is, or that it is nearest to; undefined if none is near. */
export function nearestConfigKey(name: string): string | undefined {
  return nearestName(name, Object.keys(shape))
}

function keysAt(path: string): readonly string[] {
  if (path === '') return Object.keys(shape)
  const inner: unknown = (shape as Readonly<Record<string, z.ZodType>>)[path]
  return inner instanceof z.ZodPrefault && inner.unwrap() instanceof z.ZodObject ? Object.keys((inner.unwrap() as z.ZodObject).shape) : []
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0
}

function isPlainObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
