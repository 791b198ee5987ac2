import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { SideName } from '../sides/side.ts'
import type { ProgramName } from '../workloads/programs.ts'
import { runTask } from './run-task.ts'

const benchDirectory = new URL('../../', import.meta.url)
export const resultsDirectory = fileURLToPath(new URL('results/', benchDirectory))
const profileDirectory = join(resultsDirectory, 'profiles')

type Work =
  | { readonly kind: 'probe'; readonly side: SideName }
  | { readonly kind: 'program'; readonly side: SideName; readonly program: ProgramName }
  | { readonly kind: 'measure'; readonly measure: string }

/** Where databases are made and processes are started. */
export class Workshop {
  readonly rows: number
  readonly #root: string
  readonly #profile: boolean

  constructor(o: { rows: number; profile: boolean }) {
    this.rows = o.rows
    this.#profile = o.profile
    this.#root = fileURLToPath(new URL(`.data/${process.pid}/`, benchDirectory))
  }

  async emptyDirectory(name: string): Promise<string> {
    const directory = join(this.#root, name)
    await rm(directory, { recursive: true, force: true })
    await mkdir(directory, { recursive: true })
    return directory
  }

  run(work: Work, directory: string): Promise<Readonly<Record<string, number>>> {
    return runTask({ ...work, directory, rows: this.rows }, { profileDirectory: this.#profile ? profileDirectory : undefined })
  }

  async clear(): Promise<void> {
    await rm(this.#root, { recursive: true, force: true })
  }
}
