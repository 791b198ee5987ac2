import { defineTable, int32, string, type Table } from '../../src/index.ts'
import type { MemoryVfs } from '../../src/testing/index.ts'

/** A table of two columns, for tests that care about anything but columns. */
export const small = defineTable('small', { columns: { id: int32(), text: string() }, primaryKey: ['id'] })
export type SmallTable = Table<typeof small>

/** Rows with ids from `first` on, whose texts follow from them. */
export function rowsFrom(first: number, count = 1): { id: number; text: string }[] {
  return Array.from({ length: count }, (_, i) => ({ id: first + i, text: `row ${first + i}` }))
}

export function filesOf(vfs: MemoryVfs, ending: string): string[] {
  return [...vfs.snapshot().keys()].filter((path) => path.endsWith(ending))
}

export const walFiles = (vfs: MemoryVfs): string[] => filesOf(vfs, '.wal')
export const sstFiles = (vfs: MemoryVfs): string[] => filesOf(vfs, '.sst')

/** A promise's outcome as data: the code of its VarveError, or its other error, or its value. */
export async function outcome<V>(promise: Promise<V>): Promise<V | string> {
  try {
    return await promise
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
}

/** Lets the event loop turn so many times. */
export async function turns(count = 1): Promise<void> {
  for (let left = count; left > 0; left--) await new Promise((resolve) => setImmediate(resolve))
}
