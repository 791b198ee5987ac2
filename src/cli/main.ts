#!/usr/bin/env node
/** The `varve` program: see run.ts for all that it does. */
import { run } from './run.ts'

const interrupted = new AbortController()
// The first Ctrl-C ends work in order; the second, the process.
process.once('SIGINT', () => interrupted.abort(new Error('interrupted')))

process.exitCode = await run(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  cwd: process.cwd(),
  env: process.env,
  signal: interrupted.signal,
})
