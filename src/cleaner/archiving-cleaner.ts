import { systemCode } from '../base/errors.ts'
import { type FileKind, joinPath, type Vfs } from '../vfs/vfs.ts'
import type { Cleaner } from './cleaner.ts'

/**
 * Moves obsolete files to the directory `archive` beside them instead of removing them, as Pebble's archive cleaner
 * does; files of kind `temp` hold nothing worth keeping and are removed. A name that is taken in the archive gets a
 * number (`000012.sst.1`): nothing archived is ever overwritten. Nothing empties the archive.
 */
export class ArchivingCleaner implements Cleaner {
  readonly name = 'archiving'

  async clean(vfs: Vfs, kind: FileKind, path: string): Promise<void> {
    try {
      if (kind === 'temp') await vfs.remove(path)
      else await archive(vfs, path)
    } catch (error) {
      if (systemCode(error) !== 'ENOENT' || (await vfs.stat(path))) throw error
    }
  }
}

async function archive(vfs: Vfs, path: string): Promise<void> {
  const slash = path.lastIndexOf('/')
  const directory = slash < 0 ? 'archive' : `${path.slice(0, slash)}/archive`
  await vfs.makeDirectory(directory)
  const wanted = joinPath(directory, path.slice(slash + 1))
  let free = wanted
  for (let n = 1; await vfs.stat(free); n++) free = `${wanted}.${n}`
  await vfs.rename(path, free)
}
