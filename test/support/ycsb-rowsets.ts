import { readFileSync } from 'node:fs'
import type { MergeableRowSet } from '../../src/plugin.ts'

const file = new URL('../data/ycsb-rowsets.tsv', import.meta.url)

/** The rowsets of a real tablet (test/data/README.md). */
export function ycsbRowSets(): MergeableRowSet[] {
  const lines = readFileSync(file, 'utf8').split('\n')
  return lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [sizeMiB, minKey, maxKey] = line.split('\t') as [string, string, string]
      const sizeBytes = Number(sizeMiB) * 2 ** 20
      const keys = { minKey: new TextEncoder().encode(minKey), maxKey: new TextEncoder().encode(maxKey) }
      return { ...keys, sizeBytes, rowCount: sizeBytes / 1024, deadRowCount: 0, available: true }
    })
}
