/**
 * Checks a database directory without changing anything but its LOCK:
 *   1. CURRENT and the manifest can be read to their end
 *   2. every data file that the manifest names is there, of the size, rows and keys that it says, and every block of
 *      it is whole, in key order and known to the filter
 *   3. the log is an unbroken chain of whole records that reaches as far as the manifest knows
 * Damage does not stop it: it goes on with what can still be read.
 */

import { lockDatabase } from '../../engine/database-directory.ts'
import { type DatabaseFile, orphanFiles } from '../../manifest/database-files.ts'
import { type RecoveredManifest, recoverManifest } from '../../manifest/manifest-recovery.ts'
import type { Codec } from '../../sstable/codec.ts'
import type { Vfs } from '../../vfs/vfs.ts'
import { requireDatabase } from '../require-database.ts'
import { asProblem, type DatabaseProblem, nameOf } from './database-problem.ts'
import { verifyDataFile } from './verify-data-file.ts'
import { verifyLog } from './verify-log.ts'

export interface Verification {
  readonly directory: string
  readonly problems: readonly DatabaseProblem[]
  /** What is worth knowing but no problem: leftovers of a crash, which the next opening clears away. */
  readonly notes: readonly DatabaseProblem[]
  readonly tables: number
  readonly files: number
  readonly sizeBytes: number
  readonly rows: number
  readonly logBatches: number
}

export interface VerifyOptions {
  readonly vfs: Vfs
  readonly directory: string
  /** Codecs beside the built-in ones. */
  readonly codecs?: readonly Codec[]
  readonly signal?: AbortSignal | undefined
  onProgress?(doneBytes: number, totalBytes: number): void
}

/** Verifies the database in a directory. Rejects with DATABASE_NOT_FOUND, DATABASE_LOCKED or FORMAT_UNSUPPORTED. */
export async function verifyDatabase(o: VerifyOptions): Promise<Verification> {
  const { vfs, directory } = o
  const files = await requireDatabase(vfs, directory)
  const lock = await lockDatabase(vfs, directory)
  try {
    return await new Verifier(o, files).run()
  } finally {
    await lock.release()
  }
}

class Verifier {
  readonly #o: VerifyOptions
  readonly #files: readonly DatabaseFile[]
  readonly #problems: DatabaseProblem[] = []
  readonly #notes: DatabaseProblem[] = []

  constructor(o: VerifyOptions, files: readonly DatabaseFile[]) {
    this.#o = o
    this.#files = files
  }

  async run(): Promise<Verification> {
    const manifest = await this.#manifest()
    const live = manifest ? [...manifest.version.liveFiles()] : []
    const totalBytes = live.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    let doneBytes = 0
    for (const meta of live) {
      this.#o.signal?.throwIfAborted()
      const schema = manifest?.version.tables.get(meta.tableId)
      const { vfs, directory, codecs = [] } = this.#o
      for await (const problem of verifyDataFile(vfs, { directory, meta, schema, codecs })) this.#problems.push(problem)
      doneBytes += meta.sizeBytes
      this.#o.onProgress?.(doneBytes, totalBytes)
    }
    const log = await verifyLog(this.#o.vfs, { directory: this.#o.directory, files: this.#files, manifest })
    this.#problems.push(...log.problems)
    this.#notes.push(...log.notes)
    this.#orphans(manifest)
    return {
      directory: this.#o.directory,
      problems: this.#problems,
      notes: this.#notes,
      tables: manifest?.version.tables.size ?? 0,
      files: live.length,
      sizeBytes: totalBytes + log.sizeBytes + (manifest?.sizeBytes ?? 0),
      rows: live.reduce((sum, { role, rows }) => sum + (role === 'base' ? rows : 0), 0),
      logBatches: log.batchCount,
    }
  }

  /** The manifest in force; where it is damaged, what precedes the damage, so that the files it names are looked at all the same. */
  async #manifest(): Promise<RecoveredManifest | undefined> {
    const { vfs, directory } = this.#o
    for (const mode of ['strict', 'salvage'] as const) {
      try {
        const manifest = await recoverManifest({ vfs, directory, mode, files: this.#files })
        if (!manifest) {
          this.#problems.push({ file: 'CURRENT', offset: undefined, message: 'It is missing: nothing says which manifest is in force.' })
        } else if (manifest.cut && mode === 'strict') {
          this.#notes.push({
            file: nameOf(manifest.path),
            offset: manifest.cut.offset,
            message: `${manifest.cut.droppedBytes} bytes at its end were cut short by a crash: ${manifest.cut.problem}.`,
          })
        }
        return manifest
      } catch (error) {
        const problem = asProblem(error)
        if (mode === 'strict') this.#problems.push(problem)
      }
    }
    return undefined
  }

  #orphans(manifest: RecoveredManifest | undefined): void {
    if (!manifest) return
    const isLive = (fileNumber: number) => manifest.version.files.has(fileNumber)
    for (const { name } of orphanFiles(this.#files, { isLive, manifestNumber: manifest.fileNumber })) {
      this.#notes.push({ file: name, offset: undefined, message: 'No longer needed; the next opening for writing removes it.' })
    }
  }
}
