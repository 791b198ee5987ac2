import { systemCode } from '../base/errors.ts'
import { type FileKind, joinPath, type Vfs } from '../vfs/vfs.ts'
import { parseSegmentFileName } from '../wal/segment-header.ts'

/** Names the manifest that is in force. */
export const currentFileName = 'CURRENT'
/** Held by the process that has the database open. */
export const lockFileName = 'LOCK'

/** What lies in a database directory. `other`: a file that is not Varve's, and is left alone. */
export interface DatabaseFile {
  readonly name: string
  readonly path: string
  readonly kind: FileKind | 'current' | 'lock' | 'other'
  /** For kinds that are numbered. */
  readonly fileNumber: number | undefined
}

/** `000012.sst` */
export function sstableFileName(fileNumber: number): string {
  return `${sixDigits(fileNumber)}.sst`
}

/** `000013.delta` */
export function deltaFileName(fileNumber: number): string {
  return `${sixDigits(fileNumber)}.delta`
}

/** `MANIFEST-000001` */
export function manifestFileName(fileNumber: number): string {
  return `MANIFEST-${sixDigits(fileNumber)}`
}

/** The name of a data file by its role in a rowset. */
export function dataFileName(file: { readonly fileNumber: number; readonly role: 'base' | 'redo' | 'undo' }): string {
  return file.role === 'base' ? sstableFileName(file.fileNumber) : deltaFileName(file.fileNumber)
}

/** Only names that Varve gives: temporary files of somebody else are theirs. */
const ownTemporaryName = /^(CURRENT|LOCK\.[^.]+|(MANIFEST-)?\d{6,15}(\.\w+)?)\.tmp$/

/** What a file is, by its name. A number is read only where formatting it gives the same name again. */
export function parseDatabaseFileName(directory: string, name: string): DatabaseFile {
  const file = (kind: DatabaseFile['kind'], fileNumber?: number) => ({ name, path: joinPath(directory, name), kind, fileNumber })
  if (name === currentFileName) return file('current')
  if (name === lockFileName || name.startsWith(`${lockFileName}.break-`)) return file('lock')
  if (ownTemporaryName.test(name)) return file('temp', leadingNumber(name))
  const segment = parseSegmentFileName(name)
  if (segment !== undefined) return file('wal', segment)
  const digits = /\d{6,15}/.exec(name)?.[0]
  const fileNumber = Number(digits)
  if (digits === undefined) return file('other')
  if (name === manifestFileName(fileNumber)) return file('manifest', fileNumber)
  if (name === sstableFileName(fileNumber)) return file('sstable', fileNumber)
  if (name === deltaFileName(fileNumber)) return file('delta', fileNumber)
  return file('other')
}

/** The files of a database directory, sorted by name; empty if the directory is missing. */
export async function listDatabaseFiles(vfs: Vfs, directory: string): Promise<DatabaseFile[]> {
  try {
    return (await vfs.list(directory)).map((name) => parseDatabaseFileName(directory, name))
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  }
}

/** One more than the greatest file number present, whatever the file: no number is used twice, not even an orphan's. */
export function fileNumberAbove(files: readonly DatabaseFile[]): number {
  let above = 1
  for (const { fileNumber } of files) if (fileNumber !== undefined && fileNumber >= above) above = fileNumber + 1
  return above
}

/**
 * Files that a crash left behind: temporary files; data files that the version does not know; manifests other than
 * the one in force. Not log segments: which of those are of use, only the recovery of the log can say.
 */
export function orphanFiles(
  files: readonly DatabaseFile[],
  o: { isLive(fileNumber: number): boolean; manifestNumber: number },
): DatabaseFile[] {
  return files.filter(({ kind, fileNumber }) => {
    if (kind === 'temp') return true
    if (kind === 'manifest') return fileNumber !== o.manifestNumber
    return (kind === 'sstable' || kind === 'delta') && !o.isLive(fileNumber as number)
  })
}

function sixDigits(fileNumber: number): string {
  return String(fileNumber).padStart(6, '0')
}

/** `000012.sst.tmp` reserves its number like `000012.sst`. */
function leadingNumber(name: string): number | undefined {
  const digits = /^(?:MANIFEST-)?(\d{6,15})\./.exec(name)?.[1]
  return digits === undefined ? undefined : Number(digits)
}
