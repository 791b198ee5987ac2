import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'
import { run } from '../../src/cli/run.ts'

/** What a command line did. */
export interface CliResult {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Gathers what is written to it. */
export class TextSink extends Writable {
  text = ''

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString()
    done()
  }
}

const inlinePool = fileURLToPath(new URL('./fixtures/inline-pool.ts', import.meta.url))

/** A directory of its own for a test, removed at its end, and `varve` run in it; its configuration names the directory `data`. */
export function workspace(t: ExecutionContext): {
  directory: string
  path(name: string): string
  varve(...argv: string[]): Promise<CliResult>
} {
  const directory = mkdtempSync(join(tmpdir(), 'varve-cli-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  writeFileSync(join(directory, 'varve.config.json'), JSON.stringify({ directory: './data', plugins: [inlinePool] }))
  return {
    directory,
    path: (name) => join(directory, name),
    varve: (...argv) => runIn(directory, argv),
  }
}

/** Runs `varve` as if in a directory. */
export async function runIn(cwd: string, argv: readonly string[]): Promise<CliResult> {
  const stdout = new TextSink()
  const stderr = new TextSink()
  const code = await run(argv, { stdout, stderr, cwd })
  return { code, out: stdout.text, err: stderr.text }
}
