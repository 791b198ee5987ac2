/** What a file of a database says of itself, by its name. Needs no database around it. */
import { basename, dirname } from 'node:path'
import { systemCode } from '../../base/errors.ts'
import { encodeCurrent } from '../../manifest/current-file.ts'
import { parseDatabaseFileName } from '../../manifest/database-files.ts'
import { type InspectedManifest, inspectManifest } from '../../manifest/inspect-manifest.ts'
import { inspectSSTable, type SSTableDescription } from '../../sstable/inspect.ts'
import { describeThisProcess, type Liveness, type LockHolder, livenessOf, parseLockHolder } from '../../vfs/lock-holder.ts'
import type { Vfs } from '../../vfs/vfs.ts'
import { type InspectedSegment, inspectWal } from '../../wal/inspect-wal.ts'
import { UsageError } from '../usage-error.ts'

export type InspectedFile =
  | ({ readonly kind: 'sstable' | 'delta' } & SSTableDescription)
  | InspectedManifest
  | InspectedSegment
  | { readonly kind: 'current'; readonly sizeBytes: number; readonly manifest: string; readonly checksumFits: boolean }
  | { readonly kind: 'lock'; readonly sizeBytes: number; readonly holder: LockHolder | undefined; readonly liveness: Liveness | undefined }

/** Describes a file. UsageError for a name that no file of Varve has; ENOENT; CORRUPTION if it is damaged past describing. */
export async function inspectFile(vfs: Vfs, path: string): Promise<InspectedFile> {
  const name = basename(path)
  const { kind } = parseDatabaseFileName(dirname(path), name)
  const stat = await vfs.stat(path)
  if (!stat) throw Object.assign(new Error(`${path} is missing`), { code: 'ENOENT', path })
  if (stat.isDirectory) throw new UsageError(`${path} is a directory. Give one of its files; "varve verify" looks at all of them.`)
  switch (kind) {
    case 'sstable':
    case 'delta':
      return { kind, ...(await inspectSSTable(vfs, path)) }
    case 'wal':
      return inspectWal(name, await contentOf(vfs, path))
    case 'manifest':
      return inspectManifest(name, await contentOf(vfs, path))
    case 'current':
      return inspectCurrent(await contentOf(vfs, path))
    case 'lock':
      return inspectLock(await contentOf(vfs, path))
    default:
      throw new UsageError(
        `${name} has no name of a file that can be inspected: NNNNNN.sst, NNNNNN.delta, NNNNNN.wal, MANIFEST-NNNNNN, CURRENT or LOCK.`,
      )
  }
}

function inspectCurrent(bytes: Uint8Array): InspectedFile {
  const text = new TextDecoder().decode(bytes)
  const manifest = text.split('\n')[0] ?? ''
  const { kind, fileNumber } = parseDatabaseFileName('', manifest)
  const checksumFits = kind === 'manifest' && fileNumber !== undefined && new TextDecoder().decode(encodeCurrent(fileNumber)) === text
  return { kind: 'current', sizeBytes: bytes.length, manifest, checksumFits }
}

function inspectLock(bytes: Uint8Array): InspectedFile {
  const holder = parseLockHolder(new TextDecoder().decode(bytes))
  return { kind: 'lock', sizeBytes: bytes.length, holder, liveness: holder && livenessOf(holder, describeThisProcess()) }
}

async function contentOf(vfs: Vfs, path: string): Promise<Uint8Array> {
  try {
    await using file = await vfs.open(path)
    return await file.read(0, await file.size())
  } catch (error) {
    throw Object.assign(error as Error, { code: systemCode(error) ?? 'EIO', path })
  }
}
