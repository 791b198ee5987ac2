import { VarveError } from '../base/errors.ts'
import { type DatabaseFile, listDatabaseFiles } from '../manifest/database-files.ts'
import type { Vfs } from '../vfs/vfs.ts'

/** The files of a directory that holds a database, damaged or not. DATABASE_NOT_FOUND if it does not. */
export async function requireDatabase(vfs: Vfs, directory: string): Promise<DatabaseFile[]> {
  const stat = await vfs.stat(directory)
  if (!stat) throw notFound(directory, 'there is no such directory')
  if (!stat.isDirectory) throw notFound(directory, 'it is a file')
  const files = await listDatabaseFiles(vfs, directory)
  if (files.some(({ kind }) => kind === 'current' || kind === 'manifest' || kind === 'sstable' || kind === 'wal')) return files
  throw notFound(directory, files.length === 0 ? 'it is empty' : 'it holds no file of Varve')
}

function notFound(directory: string, why: string): VarveError {
  const advice = 'Check the path (--directory), or make a database there with "varve import FILE --table NAME".'
  return new VarveError('DATABASE_NOT_FOUND', `${directory} is not a database: ${why}. ${advice}`, { context: { directory } })
}
