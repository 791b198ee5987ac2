import { readFile } from 'node:fs/promises'
import { dirname, extname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { asError, systemCode, VarveError } from '../base/errors.ts'
import { configDirectoryKey, type DatabaseConfig, resolveConfig } from '../kernel/config.ts'
import { importModule } from '../kernel/import-module.ts'

/** Loads the configuration file that `--config` names, whatever it is called. CONFIG_NOT_FOUND, or CONFIG_INVALID naming the file. */
export async function loadConfigFile(path: string): Promise<DatabaseConfig> {
  const config = await read(path)
  resolveConfig(config, { source: path })
  const directory = dirname(path)
  const valid = config as DatabaseConfig
  return { ...valid, directory: resolve(directory, valid.directory), [configDirectoryKey]: directory } as DatabaseConfig
}

async function read(path: string): Promise<unknown> {
  const text = await textOf(path)
  try {
    switch (extname(path)) {
      case '.ts':
      case '.js':
      case '.mjs': {
        const { default: exported } = (await importModule(pathToFileURL(path).href)) as { default?: unknown }
        return (exported as { default?: unknown } | undefined)?.default ?? exported
      }
      case '.yaml':
      case '.yml':
        return (await import('yaml')).parse(text)
      default:
        return JSON.parse(text)
    }
  } catch (cause) {
    throw new VarveError('CONFIG_INVALID', `${path} could not be loaded: ${asError(cause).message}`, { cause, context: { source: path } })
  }
}

async function textOf(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).replace(/^\uFEFF/, '')
  } catch (cause) {
    const why =
      systemCode(cause) === 'ENOENT' ? 'there is no such file' : `it could not be read (${systemCode(cause) ?? asError(cause).message})`
    throw new VarveError('CONFIG_NOT_FOUND', `--config names ${path}: ${why}. "varve init" writes a configuration file.`, {
      cause,
      context: { source: path },
    })
  }
}
