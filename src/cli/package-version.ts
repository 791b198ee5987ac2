import { readFileSync } from 'node:fs'

/** The version of this package, from its package.json: beside `src/` in the sources, above `dist/` when built. */
export function packageVersion(): string {
  for (const place of ['../../package.json', '../../../package.json']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(place, import.meta.url), 'utf8')) as { name?: string; version?: string }
      if (name === 'varve' && version !== undefined) return version
    } catch {
      // It is at the other place.
    }
  }
  return 'unknown'
}
