import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const benchDirectory = new URL('../../', import.meta.url)
/** Product and bench, compiled together: workers then start as they do for users, without a loader. */
export const buildDirectory = new URL('.build/', benchDirectory)

/** Compiles the product as it stands in the sources, and the processes of the bench with it. */
export function buildProduct(): void {
  rmSync(buildDirectory, { recursive: true, force: true })
  const compiler = fileURLToPath(new URL('node_modules/typescript/bin/tsc', benchDirectory))
  const { status, stdout, stderr } = spawnSync(process.execPath, [compiler, '-p', fileURLToPath(benchDirectory)], { encoding: 'utf8' })
  if (status !== 0) process.stderr.write(`The sources have type errors; measuring what they compile to all the same.\n${stdout}${stderr}\n`)
}
