/**
 * What all deltas of a rowset together say of some of its rows at a snapshot, column by column: of each row that has
 * changed, the change that is applied last and sets the column wins, and the winners' values are gathered into a patch.
 *   undo with time > T, from the newest to the oldest, then redo with time ≤ T, from the oldest to the newest
 * Only sources that apply are opened, and only columns that are asked for are read.
 */
import { invariant } from '../base/errors.ts'
import type { ColumnVector } from '../schema/column-vector.ts'
import type { ColumnSchema, TableSchema } from '../schema/table-schema.ts'
import { concatVectors, defaultVector, gatherVector } from '../schema/vector-ops.ts'
import { AppliedRun, type Claims, elect } from './applied-run.ts'
import { deltaOps } from './delta-schema.ts'
import type { DeltaStack } from './delta-stack.ts'
import type { ColumnPatch, DeltaSource, MemDeltaSource, RowChanges } from './row-changes.ts'

/** The changes of rows `[firstRow .. firstRow + rowCount)` at a timestamp. The caller holds the stack as long as it uses them. */
export function changesOf(
  stack: DeltaStack,
  o: { schema: TableSchema; firstRow: number; rowCount: number; timestamp: number },
): RunChanges {
  const { schema, firstRow, rowCount, timestamp } = o
  return new RunChanges(stack, { schema, timestamp, rowCount, rows: firstRow })
}

/** As `changesOf`, of rows that a list of distinct ids names: row i is `ids[i]`. All sources lie in memory. */
export function changesOfRows(
  stack: DeltaStack<MemDeltaSource>,
  o: { schema: TableSchema; ids: Int32Array; timestamp: number },
): RunChanges {
  const { schema, ids, timestamp } = o
  return new RunChanges(stack, { schema, timestamp, rowCount: ids.length, rows: ids })
}

interface RunChangesOptions {
  readonly schema: TableSchema
  readonly timestamp: number
  readonly rowCount: number
  /** The first row's id, or all of them: then each source lies in memory. */
  readonly rows: number | Int32Array
}

/** A source that applies; opened when it is first needed. */
interface Part {
  readonly source: DeltaSource
  readonly isUndo: boolean
  /** By position: whether the column was prepared. What a live store is given meanwhile is no change that applies. */
  readonly isPrepared: boolean[]
  applied: AppliedRun | undefined
}

/** Changes of some rows at a snapshot. Columns and `dead` are there once `prepare` has named them. */
export class RunChanges implements RowChanges {
  readonly rowCount: number
  private readonly o: RunChangesOptions
  /** In the order of application, as far as it goes by source. */
  private readonly parts: Part[] = []
  private readonly overlapping: boolean
  private deadRows: Int32Array | undefined
  private isDeadKnown = false

  constructor({ undo, redo }: DeltaStack, o: RunChangesOptions) {
    this.o = o
    this.rowCount = o.rowCount
    for (const source of undo) if (source.maxTime > o.timestamp) this.add(source, true)
    for (const source of redo) if (source.minTime <= o.timestamp) this.add(source, false)
    this.overlapping = overlap(this.parts)
  }

  private add(source: DeltaSource, isUndo: boolean): void {
    const { rows, rowCount } = this.o
    if (typeof rows === 'number' && source.countIn(rows, rows + rowCount) === 0) return
    this.parts.push({ source, isUndo, isPrepared: [], applied: undefined })
  }

  /** Whether it is known, without reading, that the rows are as the base has them. */
  get isEmpty(): boolean {
    return this.parts.length === 0
  }

  /** Whether a change may kill a row or bring it back, as far as is known without reading. */
  get mayKill(): boolean {
    for (const { source } of this.parts) if (source.mayKill) return true
    return false
  }

  /** Whether some row may have another value in a column than the base, as far as is known without reading. */
  mayUpdate(position: number): boolean {
    if (this.o.schema.keyColumns.includes(position)) return false
    for (const { source } of this.parts) if (source.mayUpdate(position)) return true
    return false
  }

  /** Brings into memory what is needed for the columns and, if asked, for dead rows: undefined if all of it is there. */
  prepare(positions: readonly number[], o: { dead: boolean }): Promise<void> | undefined {
    let pending: Promise<void>[] | undefined
    for (const part of this.parts) {
      const wanted = this.wantedOf(part, positions, o)
      const loading = wanted && this.opened(part).run.prepare(wanted)
      if (loading) pending = [...(pending ?? []), loading]
    }
    return pending && Promise.all(pending).then(() => undefined)
  }

  /** As `prepare`, blocking. */
  prepareSync(positions: readonly number[], o: { dead: boolean }): void {
    for (const part of this.parts) {
      const wanted = this.wantedOf(part, positions, o)
      if (wanted) this.opened(part).run.prepareSync(wanted)
    }
  }

  get dead(): Int32Array | undefined {
    if (!this.isDeadKnown) {
      this.isDeadKnown = true
      this.deadRows = this.mayKill ? this.findDead() : undefined
    }
    return this.deadRows
  }

  patch(position: number): ColumnPatch | undefined {
    const column = this.o.schema.columns[position]
    invariant(column !== undefined, 'a patch of a column that the table does not have')
    if (this.o.schema.keyColumns.includes(position)) return undefined
    const lists: Claims[] = []
    const values: ColumnVector[] = []
    let base = 0
    for (const part of this.parts) {
      const found = claimsOn(part, column, position, base)
      if (!found) continue
      lists.push(found.claims)
      values.push(found.values)
      base += found.values.length
    }
    if (lists.length === 0) return undefined
    const { rows, says } = elect(lists, this.rowCount, this.overlapping && lists.length > 1)
    for (let k = 0; k < says.length; k++) says[k] = (says[k] as number) - 1
    return { rows, values: gatherVector(concatVectors(values), says) }
  }

  /** What was read of a source; undefined: nothing, so far. */
  appliedOf(source: DeltaSource): AppliedRun | undefined {
    for (const part of this.parts) if (part.source === source) return part.applied
    return undefined
  }

  private findDead(): Int32Array | undefined {
    const lists = this.parts.flatMap(({ source, applied }) => (source.mayKill ? (applied?.killers() ?? []) : []))
    if (lists.length === 0) return undefined
    const { rows, says } = elect(lists, this.rowCount, this.overlapping && lists.length > 1)
    let count = 0
    for (let k = 0; k < rows.length; k++) if (says[k] === deltaOps.delete) rows[count++] = rows[k] as number
    return count === 0 ? undefined : rows.subarray(0, count)
  }

  /** What a source is to prepare; undefined: it has nothing to say. */
  private wantedOf({ source, isPrepared }: Part, positions: readonly number[], o: { dead: boolean }): number[] | undefined {
    const wanted = positions.filter((position) => source.mayUpdate(position) && !this.o.schema.keyColumns.includes(position))
    for (const position of wanted) isPrepared[position] = true
    return wanted.length > 0 || (o.dead && source.mayKill) ? wanted : undefined
  }

  private opened(part: Part): AppliedRun {
    if (part.applied === undefined) {
      const { source, isUndo } = part
      const { timestamp, rows, rowCount } = this.o
      const run = typeof rows === 'number' ? source.open(rows, rows + rowCount) : (source as MemDeltaSource).openRows(rows)
      part.applied = new AppliedRun({ source, isUndo, isTimed: this.overlapping, timestamp, rows, run })
    }
    return part.applied
  }
}

/** Who sets a column in one source, and the values that their indexes, from `base` on, point into. */
function claimsOn(
  { applied, isPrepared }: Part,
  column: ColumnSchema,
  position: number,
  base: number,
): { claims: Claims; values: ColumnVector } | undefined {
  if (applied === undefined || isPrepared[position] !== true) return undefined
  const { run } = applied
  const isKnown = run.knows(position)
  const claims = isKnown ? applied.setters(position, base) : applied.defaulters(base)
  return claims && { claims, values: isKnown ? run.column(position) : defaultVector(column, 1) }
}

/** Whether changes of two sources of one kind may come in another order than the sources do. */
function overlap(parts: readonly Part[]): boolean {
  for (let i = 1; i < parts.length; i++) {
    const before = parts[i - 1] as Part
    const part = parts[i] as Part
    if (before.isUndo !== part.isUndo) continue
    if (part.isUndo || before.source.maxTime > part.source.minTime) return true
  }
  return false
}
