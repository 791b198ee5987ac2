import type { Clock } from '../base/clock.ts'
import { type AppendFile, joinPath, type Vfs } from '../vfs/vfs.ts'
import { beginFrame, frameHeaderBytes, frameTypes, sealFrame } from '../wal/frame.ts'
import { installCurrent, prepareCurrent } from './current-file.ts'
import { manifestFileName } from './database-files.ts'
import { encodeEdit } from './edit-codec.ts'
import { encodeManifestHeader, manifestHeaderBytes, manifestSeed } from './manifest-header.ts'
import type { Version } from './version.ts'

/** A manifest, as the cleaner is asked to remove it. */
export interface ManifestFile {
  readonly fileNumber: number
  readonly path: string
}

/** What a manifest is made with. */
export interface ManifestPlace {
  readonly vfs: Vfs
  readonly directory: string
  readonly clock: Clock
  /** Takes the next number of the database's one sequence. */
  nextFileNumber(): number
}

/** The file being written. `sizeBytes` through the last synced edit. */
export interface OpenManifest extends ManifestFile {
  readonly file: AppendFile
  readonly seed: number
  readonly snapshotBytes: number
  sizeBytes: number
  sequence: number
}

/** Writes and syncs a manifest that CURRENT does not name yet, and the new CURRENT beside the old one. Removes what it wrote if it fails. */
export async function writeSnapshot(o: ManifestPlace, version: Version): Promise<OpenManifest> {
  const fileNumber = o.nextFileNumber()
  const path = joinPath(o.directory, manifestFileName(fileNumber))
  const seed = manifestSeed(fileNumber)
  const snapshot = version.snapshotEdit(o.clock.nowMs())
  const payload = encodeEdit({ ...snapshot, nextFileNumber: Math.max(snapshot.nextFileNumber, fileNumber + 1) })
  const frames = encodeFrames([payload], { sequence: 0, seed, position: manifestHeaderBytes, syncedBytes: 0 })
  const file = await o.vfs.create(path)
  try {
    await file.append(encodeManifestHeader(fileNumber))
    await file.append(frames)
    await file.sync()
    await prepareCurrent(o.vfs, o.directory, fileNumber)
    const sizeBytes = manifestHeaderBytes + frames.length
    return { fileNumber, path, file, seed, snapshotBytes: sizeBytes, sizeBytes, sequence: 1 }
  } catch (error) {
    await file.close().catch(() => {})
    await o.vfs.remove(path).catch(() => {})
    throw error
  }
}

/** Has CURRENT name a manifest. If that fails its file is let go, but stays: CURRENT may name it all the same. */
export async function installManifest(open: OpenManifest, { vfs, directory }: Pick<ManifestPlace, 'vfs' | 'directory'>): Promise<void> {
  try {
    await installCurrent(vfs, directory)
  } catch (error) {
    await open.file.close().catch(() => {})
    throw error
  }
}

/** Frames for payloads, end to end; for no payload, the one frame that says how much is synced. */
export function encodeFrames(
  payloads: readonly Uint8Array[],
  o: { sequence: number; seed: number; position: number; syncedBytes: number },
): Uint8Array {
  const list = payloads.length > 0 ? payloads : [new Uint8Array(0)]
  const type = payloads.length > 0 ? frameTypes.record : frameTypes.synced
  const bytes = new Uint8Array(list.reduce((total, payload) => total + frameHeaderBytes + payload.length, 0))
  const view = new DataView(bytes.buffer)
  let offset = 0
  list.forEach((payload, i) => {
    beginFrame(view, offset, type, o.sequence + i, payload.length)
    bytes.set(payload, offset + frameHeaderBytes)
    sealFrame(bytes, view, offset, { seed: o.seed, position: o.position + offset, syncedBytes: o.syncedBytes })
    offset += frameHeaderBytes + payload.length
  })
  return bytes
}
