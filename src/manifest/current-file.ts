import { crc32 } from '../base/crc32.ts'
import { systemCode, VarveError } from '../base/errors.ts'
import { joinPath, type Vfs } from '../vfs/vfs.ts'
import { currentFileName, type DatabaseFile, manifestFileName, parseDatabaseFileName } from './database-files.ts'

/*
 * CURRENT is two lines of text: the name of the manifest in force, and the CRC-32 of that name in eight hexadecimal
 * digits, so that a flipped bit cannot name another manifest that happens to be there.
 *
 *     MANIFEST-000003
 *     crc32 5f1d0c2a
 */

/** The content of CURRENT for a manifest. */
export function encodeCurrent(manifestNumber: number): Uint8Array {
  const name = manifestFileName(manifestNumber)
  return new TextEncoder().encode(`${name}\ncrc32 ${hexChecksum(name)}\n`)
}

/**
 * The number of the manifest in force, or undefined if the directory holds no database: no CURRENT, and no file that
 * a database with one would have made. CORRUPTION if CURRENT is damaged, or missing beside data or log files.
 */
export async function readCurrent(vfs: Vfs, directory: string, files: readonly DatabaseFile[]): Promise<number | undefined> {
  const path = joinPath(directory, currentFileName)
  let bytes: Uint8Array
  try {
    bytes = await vfs.readFile(path)
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error
    const left = files.find(({ kind }) => kind === 'sstable' || kind === 'delta' || kind === 'wal')
    if (!left) return undefined
    const message = `The file ${path} is missing, yet ${left.name} is there: this was a database. Restore CURRENT from a copy of the database.`
    throw new VarveError('CORRUPTION', message, { context: { path, present: left.name }, cause: error })
  }
  const [name = '', check, ...rest] = new TextDecoder().decode(bytes).split('\n')
  const file = parseDatabaseFileName(directory, name)
  if (file.kind === 'manifest' && check === `crc32 ${hexChecksum(name)}` && rest.join() === '') return file.fileNumber
  const message = `The file ${path} does not name a manifest as Varve writes it. Restore it from a copy, or write the name and checksum of the newest manifest into it (docs/file-format.md).`
  throw new VarveError('CORRUPTION', message, { context: { path } })
}

const temporaryFileName = `${currentFileName}.tmp`

/** The first half of making a manifest the one in force: what CURRENT is to say is durable under a temporary name, and so is every name in the directory. */
export async function prepareCurrent(vfs: Vfs, directory: string, manifestNumber: number): Promise<void> {
  const path = joinPath(directory, temporaryFileName)
  if (await vfs.stat(path)) await vfs.remove(path)
  await using file = await vfs.create(path)
  await file.append(encodeCurrent(manifestNumber))
  await file.sync()
  await vfs.syncDirectory(directory)
}

/** The second half: one rename, made durable. If it fails, which manifest is in force is known only after a reopening. */
export async function installCurrent(vfs: Vfs, directory: string): Promise<void> {
  await vfs.rename(joinPath(directory, temporaryFileName), joinPath(directory, currentFileName))
  await vfs.syncDirectory(directory)
}

function hexChecksum(text: string): string {
  return crc32(new TextEncoder().encode(text)).toString(16).padStart(8, '0')
}
