import { VarveError } from '../base/errors.ts'
import { parseDatabaseFileName } from './database-files.ts'
import { readManifest } from './manifest-recovery.ts'
import type { VersionEdit } from './version-edit.ts'

/** A manifest, for people. */
export interface InspectedManifest {
  readonly kind: 'manifest'
  readonly sizeBytes: number
  readonly fileNumber: number
  /** The edits that can be used, in order, each with all that it says. */
  readonly edits: readonly VersionEdit[]
  /** Tables and data files of the version that they add up to. */
  readonly tables: number
  readonly files: number
  /** Through the last edit used. */
  readonly validBytes: number
  readonly problem: { readonly offset: number; readonly text: string; readonly synced: boolean } | undefined
}

/** Describes the bytes of a manifest, as far as they are whole. `name` is its file name. CORRUPTION if not even its snapshot is; FORMAT_UNSUPPORTED if a newer version wrote it. */
export function inspectManifest(name: string, bytes: Uint8Array): InspectedManifest {
  const { kind, fileNumber } = parseDatabaseFileName('', name)
  if (kind !== 'manifest' || fileNumber === undefined) throw new TypeError(`A manifest is named like MANIFEST-000001, not ${name}.`)
  const edits: VersionEdit[] = []
  const { version, sizeBytes, cut } = readManifest(bytes, { fileNumber, path: name, mode: 'salvage', onEdit: (edit) => edits.push(edit) })
  const problem = cut && { offset: cut.offset, text: cut.problem, synced: !strictlyReadable(bytes, { fileNumber, path: name }) }
  return {
    kind,
    sizeBytes: bytes.length,
    fileNumber,
    edits,
    tables: version.tables.size,
    files: version.files.size,
    validBytes: sizeBytes,
    problem,
  }
}

function strictlyReadable(bytes: Uint8Array, o: { fileNumber: number; path: string }): boolean {
  try {
    readManifest(bytes, { ...o, mode: 'strict' })
    return true
  } catch (error) {
    if (error instanceof VarveError && error.code === 'CORRUPTION') return false
    throw error
  }
}
