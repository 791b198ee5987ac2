import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Database, rowsetPicture } from 'varve'
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

/** Corrects the flights, reads them, compacts the table and reads them again. Nothing runs beside what is measured. */
export async function changePhase(db: Database, table: FlightsTable, o: { rowCount: number; pictures: string }): Promise<ChangePhase> {
  try {
    await pauseMaintenance(db)
    const before = await measureReads(table, 'before')
    db.maintenance.resume()
    const changes = await changeFlights(table, o.rowCount)
    await pauseMaintenance(db)
    await db.flush(table)
    const changed = await measureReads(table, 'changed')
    const read = await readBack(table)
    const changedPicture = await draw(table, o.pictures, 'rowsets-changed.svg', 'with the changes beside the rows')
    const begunMs = performance.now()
    await db.compact(table)
    const compactMs = performance.now() - begunMs
    const compacted = await measureReads(table, 'compacted')
    const compactedPicture = await draw(table, o.pictures, 'rowsets-compacted.svg', 'compacted')
    const pictures = { changed: changedPicture, compacted: compactedPicture }
    return { changes, reads: [before, changed, compacted], compactMs, readBack: read, pictures }
  } finally {
    db.maintenance.resume()
  }
}

/** Begins nothing more, and waits for what runs. */
async function pauseMaintenance({ maintenance, events }: Database): Promise<void> {
  maintenance.pause()
  while (maintenance.status().running.length > 0) {
    await new Promise<void>((resolve) => {
      const ended = events.on('op:end', () => {
        ended[Symbol.dispose]()
        resolve()
      })
    })
  }
}

async function draw(table: FlightsTable, directory: string, file: string, state: string): Promise<string> {
  await mkdir(directory, { recursive: true })
  const path = join(directory, file)
  await writeFile(path, rowsetPicture(table.stats(), { title: `Rowsets of ${table.name}, ${state}` }))
  return path
}
