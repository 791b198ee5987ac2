import { contributionToken, token } from '../base/token.ts'
import type { FileKind, Vfs } from '../vfs/vfs.ts'

/**
 * Decides what becomes of a file that no version of the database needs any more. Called on the main thread, one call
 * at a time, after the edit that made the file obsolete is durable. A rejection is reported as `background-error`
 * and the file is offered again at the next open.
 */
export interface Cleaner {
  readonly name: string
  clean(vfs: Vfs, kind: FileKind, path: string): Promise<void>
}
export const Cleaner = token<Cleaner>('Cleaner')

/** Wraps the cleaner of the database, e.g. to copy a file before it goes. Applied in ascending `order` (default 0), the last one outermost. */
export interface CleanerDecorator {
  readonly name: string
  readonly order?: number
  decorate(inner: Cleaner): Cleaner
}
export const CleanerDecorator = contributionToken<CleanerDecorator>('CleanerDecorator')
