/**
 * `npm test`: all checks, then all tests (arguments go to ava). The last line is `<n> passed, <n> failed`, which
 * continuous integration reads. A check that fails stops the run: it is faster to mend than the tests are to run.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { root } from './source-files.ts'
import { countTests } from './test-count.ts'

const isTerminal = process.stdout.isTTY === true

/** Runs a command in the project's root, showing what it prints; resolves with that and the exit code. */
async function run(command: string, args: readonly string[]): Promise<{ output: string; exitCode: number | null }> {
  const env = isTerminal ? { ...process.env, FORCE_COLOR: '1' } : process.env
  const child = spawn(command, args, { cwd: root, env, stdio: ['inherit', 'pipe', 'inherit'] })
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    process.stdout.write(chunk)
  })
  const [exitCode] = (await once(child, 'close')) as [number | null]
  return { output: Buffer.concat(chunks).toString('utf8'), exitCode }
}

const checks = await run('npm', ['run', '--silent', 'check'])
if (checks.exitCode !== 0) {
  console.log('\nA check failed (see above), so the tests did not run.\n\n0 passed, 1 failed')
  process.exitCode = 1
} else {
  const tests = await run('npx', ['--no-install', 'ava', ...process.argv.slice(2)])
  const { passed, failed } = countTests(tests.output, tests.exitCode)
  console.log(`\n${passed} passed, ${failed} failed`)
  if (failed > 0 || passed === 0) process.exitCode = 1
}
