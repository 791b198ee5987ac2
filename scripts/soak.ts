/**
 * `npm run soak -- --minutes 30 [files…]`: repeats the tests that work with chance (crashes, models, random operations)
 * until the time is up or one fails. Each round has a new seed, in VARVE_SEED; a test that does not read it draws its
 * own and prints it. A failure ends with the line that plays the round again.
 */
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { root } from './source-files.ts'

const { values, positionals } = parseArgs({ options: { minutes: { type: 'string', default: '10' } }, allowPositionals: true })
const minutes = Number(values.minutes)
if (!(minutes > 0)) throw new TypeError(`--minutes takes a number above 0, not '${values.minutes}'.`)
const files = positionals.length > 0 ? positionals : ['test/crash/**/*.test.ts', 'test/model/**/*.test.ts', 'test/**/*random*.test.ts']

const endMs = performance.now() + minutes * 60_000
let rounds = 0
do {
  const seed = Math.floor(Math.random() * 2 ** 31)
  console.log(`\nRound ${rounds + 1}, VARVE_SEED=${seed}`)
  const env = { ...process.env, VARVE_SEED: String(seed) }
  const { status } = spawnSync('npx', ['--no-install', 'ava', ...files], { cwd: root, env, stdio: 'inherit' })
  if (status !== 0) {
    console.error(
      `\nRound ${rounds + 1} failed. To play it again:\n  VARVE_SEED=${seed} npx ava ${files.map((file) => `'${file}'`).join(' ')}`,
    )
    process.exit(1)
  }
  rounds++
} while (performance.now() < endMs)
console.log(`\n${rounds} rounds passed.`)
