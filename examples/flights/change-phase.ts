import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Database, rowsetPicture, VarveError } from 'varve'
import { type ChangeRecord, changeFlights } from './change-flights.ts'
import type { FlightsTable } from './flights-table.ts'
import { measureReads, type ReadMeasure } from './measure-reads.ts'
import { type ReadBack, readBack } from './verify-flights.ts'

export interface ChangePhase {
  readonly changes: readonly ChangeRecord[]
  /** Before the changes, after them, and after compaction. */
  readonly reads: readonly ReadMeasure[]
  readonly compactMs: number
  /** What was read while the changes lay beside the rows. */
  readonly readBack: ReadBack
  /** Paths of the pictures of the table's rowsets. */
  readonly pictures: { readonly changed: string; readonly compacted: string }
}

/**
 * Corrects the flights, reads them, compacts the table and reads them again. Maintenance begins nothing of its own while
 * reads are measured: what it has begun may still run.
 */
export async function changePhase(db: Database, table: FlightsTable, o: { rowCount: number; pictures: string }): Promise<ChangePhase> {
  const before = await measureReads(table, 'before')
  const changes = await changeFlights(table, o.rowCount)
  db.maintenance.pause()
  try {
    await db.flush(table)
    const changed = await measureReads(table, 'changed')
    const read = await readBack(table)
    const changedPicture = await draw(table, o.pictures, 'rowsets-changed.svg', 'with the changes beside the rows')
    const begunMs = performance.now()
    await compact(db, table)
    const compactMs = performance.now() - begunMs
    const compacted = await measureReads(table, 'compacted')
    const compactedPicture = await draw(table, o.pictures, 'rowsets-compacted.svg', 'compacted')
    const pictures = { changed: changedPicture, compacted: compactedPicture }
    return { changes, reads: [before, changed, compacted], compactMs, readBack: read, pictures }
  } finally {
    db.maintenance.resume()
  }
}

/** Until a plugin contributes merging compaction there is nobody who could. */
async function compact(db: Database, table: FlightsTable): Promise<void> {
  try {
    await db.compact(table)
  } catch (error) {
    if (!(error instanceof VarveError && error.code === 'SERVICE_NOT_FOUND')) throw error
  }
}

async function draw(table: FlightsTable, directory: string, file: string, state: string): Promise<string> {
  await mkdir(directory, { recursive: true })
  const path = join(directory, file)
  await writeFile(path, rowsetPicture(table.stats(), { title: `Rowsets of ${table.name}, ${state}` }))
  return path
}
