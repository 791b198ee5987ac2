import { type ChildProcess, execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** What a program printed, and how it ended. */
export interface ProgramRun {
  readonly stdout: string
  readonly stderr: string
  readonly exitCode: number
}

/**
 * Runs a program of `examples/` from source, as `npm start` does, in a directory of its own. `watch` is given the process
 * while it runs.
 */
export async function runExample(
  path: string,
  args: readonly string[],
  cwd: string,
  watch?: (child: ChildProcess) => void,
): Promise<ProgramRun> {
  // Both are found from the working directory otherwise: the loader, and where 'varve' is in this project.
  const env = { ...process.env, TSX_TSCONFIG_PATH: `${root}tsconfig.json`, NODE_OPTIONS: '' }
  const command = [`--import=${import.meta.resolve('tsx')}`, `${root}examples/${path}`, ...args]
  try {
    const running = promisify(execFile)(process.execPath, command, { cwd, env, maxBuffer: 1 << 26 })
    watch?.(running.child)
    const { stdout, stderr } = await running
    return { stdout, stderr, exitCode: 0 }
  } catch (error) {
    const failed = error as { code?: unknown; stdout?: string; stderr?: string }
    if (typeof failed.code !== 'number') throw error
    return { stdout: failed.stdout ?? '', stderr: failed.stderr ?? '', exitCode: failed.code }
  }
}
