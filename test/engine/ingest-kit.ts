import type { Database } from '../../src/index.ts'
import { type MemoryVfs, openMemory, SimulatedClock } from '../../src/testing/index.ts'
import { rowsFrom, small } from './kit.ts'

export type Wide = { id: number; text: string }

/** A database with rows 0 to 49 on disk, of which 7 is dead, and 100 to 109 in memory, of which 105 is. */
export async function filled(vfs: MemoryVfs, clock = new SimulatedClock()): Promise<Database> {
  const db = await openMemory({}, { vfs, clock })
  // No compaction of its own accord: tests count files.
  db.maintenance.pause()
  const table = await db.createTable(small)
  await table.insert(rowsFrom(0, 50))
  await table.insert(rowsFrom(100, 10))
  await db.flush()
  await table.delete([7])
  await table.insert(rowsFrom(200, 10))
  await table.delete([205])
  await vfs.makeDirectory('/in')
  return db
}

export const rowsOf = async (db: Database): Promise<Wide[]> => db.table(small).scan({ order: 'key' }).toArray() as Promise<Wide[]>
