/** Removes what an earlier build left, so that a file that was deleted or renamed is not published. */
import { rm } from 'node:fs/promises'
import { root } from './source-files.ts'

await rm(`${root}dist`, { recursive: true, force: true })
