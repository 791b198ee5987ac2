import { dirname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Loader, lilconfig } from 'lilconfig'
import { VarveError } from '../base/errors.ts'
import { configDirectoryKey, type DatabaseConfig, resolveConfig } from './config.ts'
import { importModule } from './import-module.ts'

const searchPlaces = [
  'varve.config.ts',
  'varve.config.js',
  'varve.config.mjs',
  'varve.config.json',
  'varve.config.yaml',
  'varve.config.yml',
  'package.json',
]

/**
 * Loads the configuration of a project: `varve.config.{ts,js,mjs,json,yaml}`, or "varve" in `package.json`, in `cwd`
 * (the working directory by default) or the nearest directory above it. `directory` is resolved against the file's
 * directory; plugin paths and packages will be. Rejects with CONFIG_NOT_FOUND, or with CONFIG_INVALID naming the file.
 */
export async function loadConfig(cwd: string = process.cwd()): Promise<DatabaseConfig> {
  const from = resolve(cwd)
  const loaders = {
    '.ts': moduleLoader,
    '.js': moduleLoader,
    '.mjs': moduleLoader,
    '.json': jsonLoader,
    '.yaml': yamlLoader,
    '.yml': yamlLoader,
  }
  const found = await lilconfig('varve', { searchPlaces, loaders, cache: false, ignoreEmptySearchPlaces: false }).search(from)
  if (found === null) {
    throw new VarveError(
      'CONFIG_NOT_FOUND',
      `No configuration found from ${from} upward. Looked for ${searchPlaces.join(', ')} (with "varve" in it). Write varve.config.json: { "directory": "./data" }.`,
      {
        context: { directory: from, searched: searchPlaces },
      },
    )
  }
  const config: unknown = found.isEmpty ? undefined : found.config
  resolveConfig(config, { source: found.filepath })
  const directory = dirname(found.filepath)
  const valid = config as DatabaseConfig
  return { ...valid, directory: resolve(directory, valid.directory), [configDirectoryKey]: directory } as DatabaseConfig
}

const moduleLoader: Loader = (path) =>
  load(path, async () => {
    const module = (await importModule(pathToFileURL(path).href)) as { default?: unknown }
    const inner = module.default as { default?: unknown } | undefined
    return inner?.default ?? inner
  })

const jsonLoader: Loader = (path, content) => load(path, () => JSON.parse(content.replace(/^\uFEFF/, '')))

const yamlLoader: Loader = (path, content) => load(path, async () => (await import('yaml')).parse(content))

/** What cannot be read at all is a wrong configuration too. */
async function load(path: string, read: () => unknown): Promise<unknown> {
  try {
    return await read()
  } catch (cause) {
    throw new VarveError('CONFIG_INVALID', `${path} could not be loaded: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
      context: { source: path },
    })
  }
}
