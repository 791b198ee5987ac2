import { InvariantError, systemCode, VarveError } from '../base/errors.ts'
import { fileError } from '../base/file-error.ts'
import { joinPath, type Vfs } from '../vfs/vfs.ts'
import { type Frame, type FramedFile, findSyncProof, framedFile, frameProblem, frameTypes, readFrame } from '../wal/frame.ts'
import { readCurrent } from './current-file.ts'
import { type DatabaseFile, listDatabaseFiles, manifestFileName } from './database-files.ts'
import { decodeEdit } from './edit-codec.ts'
import { manifestHeaderBytes, manifestHeaderProblem, manifestSeed } from './manifest-header.ts'
import { Version } from './version.ts'
import { VersionBuilder } from './version-builder.ts'
import type { VersionEdit } from './version-edit.ts'

/** What was read of the manifest in force. */
export interface RecoveredManifest {
  readonly version: Version
  readonly fileNumber: number
  readonly path: string
  /** Through the last edit used. */
  readonly sizeBytes: number
  /** Edits used, the snapshot included. */
  readonly editCount: number
  /** Set if the file went on past what was used: a record cut short by a crash, or, when salvaging, damage. */
  readonly cut: { readonly offset: number; readonly droppedBytes: number; readonly problem: string } | undefined
}

/**
 * Reads the version that a database directory is in, or undefined if it holds no database. Changes nothing.
 *
 * A record that is not whole ends the manifest: a crash cut it short, and nobody was told that it is durable. Where a
 * later record proves that it had been synced, that is CORRUPTION; with `salvage` the manifest ends there all the
 * same. The header and the first record (the snapshot) were synced before CURRENT named the file: damage to them is
 * always CORRUPTION.
 */
export async function recoverManifest(o: {
  vfs: Vfs
  directory: string
  mode: 'strict' | 'salvage'
  /** The directory's files, if the caller has listed them. */
  files?: readonly DatabaseFile[]
  /** Sees every edit used, in order. */
  onEdit?(edit: VersionEdit): void
}): Promise<RecoveredManifest | undefined> {
  const files = o.files ?? (await listDatabaseFiles(o.vfs, o.directory))
  const fileNumber = await readCurrent(o.vfs, o.directory, files)
  if (fileNumber === undefined) return undefined
  const path = joinPath(o.directory, manifestFileName(fileNumber))
  const bytes = await readManifestFile(o.vfs, path)
  return readManifest(bytes, { fileNumber, path, mode: o.mode, ...(o.onEdit && { onEdit: o.onEdit }) })
}

/** Reads the bytes of a manifest; see `recoverManifest`. */
export function readManifest(
  bytes: Uint8Array,
  o: { fileNumber: number; path: string; mode: 'strict' | 'salvage'; onEdit?(edit: VersionEdit): void },
): RecoveredManifest {
  const { fileNumber, path } = o
  const headerProblem = manifestHeaderProblem(bytes, fileNumber, path)
  if (headerProblem) throw damaged(path, 0, headerProblem)
  const file = framedFile(bytes, manifestSeed(fileNumber))
  const builder = new VersionBuilder(Version.empty)
  let position = manifestHeaderBytes
  let end = position
  let editCount = 0
  let cut: RecoveredManifest['cut']
  while (position < bytes.length) {
    const frame = readFrame(file, position)
    if (!frame) {
      const problem = frameProblem(file, position) as string
      const offset = position
      if (o.mode === 'strict') refuseSyncedDamage(file, offset, path, problem)
      cut = { offset, droppedBytes: bytes.length - offset, problem }
      break
    }
    position = frame.payloadEnd
    if (frame.type === frameTypes.synced) continue
    const edit = editOf(file, frame, editCount, path)
    try {
      builder.apply(edit)
    } catch (error) {
      if (error instanceof InvariantError) throw damaged(path, frame.position, error.message, error)
      throw error
    }
    o.onEdit?.(edit)
    editCount++
    end = position
  }
  if (editCount === 0) throw damaged(path, manifestHeaderBytes, cut?.problem ?? 'it holds no snapshot')
  return { version: new Version(builder.build()), fileNumber, path, sizeBytes: end, editCount, cut }
}

/** The version edit in a frame, the `sequence`-th of its manifest. */
function editOf(file: FramedFile, frame: Frame, sequence: number, path: string): VersionEdit {
  if (frame.type !== frameTypes.record) throw damaged(path, frame.position, `a record has the unknown type ${frame.type}`)
  if (frame.sequence !== sequence) throw damaged(path, frame.position, `edit ${sequence} is missing before edit ${frame.sequence}`)
  const edit = decodeEdit(file.bytes.subarray(frame.payloadStart, frame.payloadEnd), { path, offset: frame.position })
  if ((edit.reason.kind === 'snapshot') !== (sequence === 0)) throw damaged(path, frame.position, 'a snapshot is not its first edit')
  return edit
}

function refuseSyncedDamage(file: FramedFile, offset: number, path: string, problem: string): void {
  const proof = findSyncProof(file, offset)
  if (proof)
    throw damaged(path, offset, `${problem}, yet the record at ${proof.position} shows that ${proof.syncedBytes} bytes had been synced`)
}

function damaged(path: string, offset: number, problem: string, cause?: unknown): VarveError {
  const message = `The manifest ${path} is damaged at offset ${offset}: ${problem}. Restore the database from a copy, or open it with recovery: 'salvage' to use what precedes the damage.`
  return new VarveError('CORRUPTION', message, { context: { path, offset }, cause })
}

async function readManifestFile(vfs: Vfs, path: string): Promise<Uint8Array> {
  try {
    await using file = await vfs.open(path)
    return await file.read(0, await file.size())
  } catch (error) {
    // A right that is lacking, or a disk that fails for a while, says nothing about the bytes: IO_ERROR.
    if (systemCode(error) !== 'ENOENT') throw fileError(error)
    const message = `The manifest ${path}, which CURRENT names, is missing. Restore it from a copy of the database.`
    throw new VarveError('CORRUPTION', message, { context: { path }, cause: error })
  }
}
