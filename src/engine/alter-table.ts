/**
 * Altering a table. Files stay as they are, since columns are told by their ids; what is in memory has the layout of the old
 * schema, and is flushed:
 *   1. compactions of the table are cancelled, and none begins; writes and reads go on
 *   2. its memory is flushed, and writes still go on
 *   3. writes to it are held: those called from now on wait, those under way are finished, and what they left is flushed
 *   4. maintenance lets go of the table: nobody changes anything of it now
 *   5. the edit with the new schema is synced: a crash before it leaves the old table, one after it the new
 *   6. in one tick tablets under the new schema, over the same files, take the place of the old ones
 *   7. writes that waited go on, with the new schema
 * Reads that had begun go on under the old schema, in the old tablets. If a step fails, the table is as before.
 */
import type { TableSchema } from '../schema/table-schema.ts'
import type { Tablet } from '../tablet/tablet.ts'
import { type EngineTable, TableForm } from './engine-table.ts'

/** Told of tablets that come and go, so that maintenance can follow. */
export interface TabletMaintenance {
  added(tablet: Tablet): void
  /** Resolves once it has let go of the tablet. */
  removed(tablet: Tablet): Promise<void>
  /** Writes to files what is in memory only. */
  flush(tablets: readonly Tablet[]): Promise<void>
}

export interface AlterTableOptions {
  readonly maintenance: TabletMaintenance
  /** Resolves when the writes called until now are finished. */
  settleWrites(): Promise<void>
  /** Resolves when the edit that gives the table this schema is durable. */
  commit(schema: TableSchema): Promise<void>
  /** In the tick in which the table has become another one. */
  altered(): void
}

export async function alterTable(table: EngineTable, schema: TableSchema, o: AlterTableOptions): Promise<void> {
  const { tablets } = table
  const { maintenance } = o
  const claims = await Promise.all(tablets.map((tablet) => tablet.claims.takeForAlteration()))
  let isLetGo = false
  try {
    await maintenance.flush(tablets)
    await table.holdWrites()
    await o.settleWrites()
    await maintenance.flush(tablets)
    for (const tablet of tablets) tablet.beginEnd('being altered')
    isLetGo = true
    await Promise.all(tablets.map((tablet) => maintenance.removed(tablet)))
    await commit(table, schema, o)
  } catch (error) {
    for (const tablet of tablets) tablet.cancelEnd()
    throw error
  } finally {
    for (const claim of claims) claim.release()
    if (isLetGo) for (const tablet of table.tablets) maintenance.added(tablet)
    table.letWrite()
  }
}

/** What could go wrong is done before the edit is written. */
async function commit(table: EngineTable, schema: TableSchema, o: AlterTableOptions): Promise<void> {
  const before = table.tablets
  const successors = before.map((tablet) => tablet.successor(schema))
  try {
    await o.commit(schema)
  } catch (error) {
    for (const tablet of successors) tablet.drop()
    throw error
  }
  for (const tablet of before) tablet.supersede()
  table.become(new TableForm(schema, successors))
  o.altered()
}
