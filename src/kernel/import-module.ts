import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/**
 * Imports a module by its URL. TypeScript goes through Node itself where it can (under tsx, or with type stripping),
 * else through jiti, which is loaded only then.
 */
export async function importModule(url: string): Promise<unknown> {
  if (!/\.[cm]?ts$/.test(new URL(url).pathname)) return import(url)
  const { createJiti } = await import('jiti')
  return createJiti(url, { tryNative: true, fsCache: false }).import(fileURLToPath(url))
}

/** The URL of a package's entry point (`name`, or `name/subpath`) as an import in `directory` would find it, or undefined. */
export async function resolvePackage(name: string, directory: string): Promise<string | undefined> {
  const { createJiti } = await import('jiti')
  const parent = pathToFileURL(join(directory, 'varve.config.js')).href
  try {
    const found = createJiti(parent, { fsCache: false }).esmResolve(name, { try: true, parentURL: parent })
    return found?.startsWith('/') ? pathToFileURL(found).href : found
  } catch {
    return undefined
  }
}
