import { stripVTControlCharacters } from 'node:util'

export interface TestCount {
  readonly passed: number
  readonly failed: number
}

const failure = /^(\d+) (?:hooks? failed|tests? failed|unhandled rejections?|uncaught exceptions?|tests? remained pending after a timeout)$/

/**
 * Counts from what ava's default reporter printed. A run that passed states its count; one that failed states only
 * failures, so that its ticks are counted. A run that ended badly in any other way counts as one failure at least.
 */
export function countTests(output: string, exitCode: number | null): TestCount {
  const lines = stripVTControlCharacters(output).split('\n')
  const summary = lines.slice(lines.findLastIndex((line) => line.trim() === '─') + 1).map((line) => line.trim())
  const failures = summary.map((line) => Number(failure.exec(line)?.[1] ?? 0)).reduce((sum, count) => sum + count, 0)
  const stated = summary.map((line) => /^(\d+) tests? passed$/.exec(line)?.[1]).find((count) => count !== undefined)
  const ticks = lines.filter((line) => line.startsWith('  ✔ ')).length
  return { passed: stated === undefined ? ticks : Number(stated), failed: exitCode === 0 ? failures : Math.max(1, failures) }
}
