import { resolve } from 'node:path'
import { VarveError } from '../base/errors.ts'
import type { Database } from '../engine/api.ts'
import { type DatabaseConfig, resolveConfig } from '../kernel/config.ts'
import { loadConfig } from '../kernel/load-config.ts'
import { assembleFor, open } from '../open.ts'
import { Codec } from '../sstable/codec.ts'
import { diskVfs } from '../vfs/disk-vfs.ts'
import { loadConfigFile } from './config-file.ts'
import { requireDatabase } from './require-database.ts'

/** The options by which every command is told its database. */
export interface TargetOptions {
  readonly directory?: string
  readonly config?: string
}

/**
 * The configuration of the database that a command is about. `--config FILE`, else the nearest `varve.config.*`, gives
 * the settings; `--directory` goes before the directory that they name, and is enough by itself. CONFIG_NOT_FOUND if
 * there is neither.
 */
export async function targetConfig(o: TargetOptions, cwd: string): Promise<DatabaseConfig> {
  const directory = o.directory === undefined ? undefined : resolve(cwd, o.directory)
  const found = o.config === undefined ? await nearestConfig(cwd) : await loadConfigFile(resolve(cwd, o.config))
  if (found) return directory === undefined ? found : { ...found, directory }
  if (directory !== undefined) return { directory }
  const message = `Which database? There is no varve.config.* in ${cwd} or above it. Give --directory DIR, or write a configuration with "varve init".`
  throw new VarveError('CONFIG_NOT_FOUND', message, { context: { directory: cwd } })
}

/** The nearest configuration from a directory upward; undefined if there is none. */
export async function nearestConfig(cwd: string): Promise<DatabaseConfig | undefined> {
  try {
    return await loadConfig(cwd)
  } catch (error) {
    if (error instanceof VarveError && error.code === 'CONFIG_NOT_FOUND') return undefined
    throw error
  }
}

/** The configuration for a command that only reads: nothing is created or changed, no maintenance runs. */
export function readOnlyConfig(config: DatabaseConfig): DatabaseConfig {
  const { createIfMissing: _, errorIfExists: __, ...rest } = config
  return { ...rest, readOnly: true }
}

/** The codecs that plugins of the configuration contribute; rejects with what `open` says of them. */
export async function codecsOf(config: DatabaseConfig): Promise<readonly Codec[]> {
  if (config.plugins === undefined || config.plugins.length === 0) return []
  const assembly = await assembleFor(resolveConfig(readOnlyConfig(config)))
  try {
    return assembly.getAll(Codec)
  } finally {
    await assembly.stop()
  }
}

/** Opens the database for reading, does the work, and closes it whatever happened. */
export async function withDatabase<R>(o: TargetOptions, cwd: string, work: (db: Database) => Promise<R>): Promise<R> {
  const config = readOnlyConfig(await targetConfig(o, cwd))
  await requireDatabase(diskVfs(), config.directory)
  return using(await open(config), work)
}

/** Does the work and closes the database; the error of the work goes before that of closing. */
export async function using<R>(db: Database, work: (db: Database) => Promise<R>, o: { flush?: boolean } = {}): Promise<R> {
  let result: R
  try {
    result = await work(db)
  } catch (error) {
    await db.close().catch(() => undefined)
    throw error
  }
  await db.close(o)
  return result
}
