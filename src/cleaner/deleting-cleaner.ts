import { systemCode } from '../base/errors.ts'
import type { FileKind, Vfs } from '../vfs/vfs.ts'
import type { Cleaner } from './cleaner.ts'

/** Removes obsolete files: the default. A file that is gone already is fine, so that cleaning can be repeated. */
export class DeletingCleaner implements Cleaner {
  readonly name = 'deleting'

  async clean(vfs: Vfs, _kind: FileKind, path: string): Promise<void> {
    try {
      await vfs.remove(path)
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error
    }
  }
}
