import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { MergeableRowSet } from '../../../src/tablet/merging-policy.ts'

const name = 'test/data/ycsb-rowsets.tsv'

/**
 * The rowsets of a real tablet: those of `test/data/ycsb-rowsets.tsv`, or of the file that VARVE_ROWSETS names, in the same
 * form (size in MiB, least key, greatest key; tabs between; `#` begins a comment).
 */
export function realTablet(path = process.env['VARVE_ROWSETS'] ?? inRepository()): MergeableRowSet[] {
  const encoder = new TextEncoder()
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [sizeMiB, minKey, maxKey] = line.split('\t') as [string, string, string]
      const sizeBytes = Number(sizeMiB) * 2 ** 20
      const keys = { minKey: encoder.encode(minKey), maxKey: encoder.encode(maxKey) }
      return { ...keys, sizeBytes, rowCount: sizeBytes / 1024, deadRowCount: 0, available: true }
    })
}

/** This file runs as source and compiled, at different depths below the repository's root. */
function inRepository(): string {
  for (let folder = new URL('.', import.meta.url); ; folder = new URL('..', folder)) {
    const file = new URL(name, folder)
    if (existsSync(file)) return fileURLToPath(file)
    if (folder.pathname === '/') throw new Error(`${name} is not there; name a file of rowsets in VARVE_ROWSETS.`)
  }
}
