import { SeededRandom } from '../../../../src/base/seeded-random.ts'
import { type DeltaOp, deltaOps } from '../../../../src/rowset/delta-schema.ts'
import type { PlainChange } from '../../../../src/rowset/write-delta-file.ts'
import type { ColumnSchema, ColumnValue, TableSchema } from '../../../../src/schema/table-schema.ts'
import { RandomTable } from '../../support/random-table.ts'
import type { BaseRow, PlainRow, RowSetDisk, RowSetFiles } from './rowset-files.ts'

const key: Partial<ColumnSchema>[] = [{ kind: 'int32' }, { kind: 'string' }]

/** Columns are named by their ids, so that a schema's columns may come and go. */
function schemaOf(version: number, columns: readonly Partial<ColumnSchema>[]): TableSchema {
  return {
    tableId: 1,
    name: 't',
    columns: [...key, ...columns].map((sketch, i) => {
      const id = sketch.id ?? i + 1
      return { id, name: `c${i}`, kind: 'int32', nullable: false, mode: 'bigint', ...sketch }
    }),
    keyColumns: [0, 1],
    partition: { scheme: 'none' },
    maintenance: { priority: 0, compaction: true },
    version,
    nextColumnId: 100,
  }
}

const before: Partial<ColumnSchema>[] = [
  { id: 3, kind: 'int32', nullable: true },
  { id: 4, kind: 'double' },
  { id: 5, kind: 'string', nullable: true },
  { id: 6, kind: 'int64' },
  { id: 7, kind: 'binary' },
  { id: 8, kind: 'bool', nullable: true, default: true },
]

/** A table whose columns come and go. Names are the positions': what matters is the id. */
export const versions: readonly TableSchema[] = [
  schemaOf(1, before),
  schemaOf(2, [
    { id: 9, kind: 'int16', nullable: true, default: 7 },
    ...before.filter(({ id }) => id !== 5),
    { id: 10, kind: 'string', default: 'fresh' },
  ]),
  schemaOf(3, [
    { id: 11, kind: 'int64', nullable: true, default: 2n ** 60n },
    { id: 9, kind: 'int16', nullable: true, default: 7 },
    ...before.filter(({ id }) => id !== 5 && id !== 4),
    { id: 10, kind: 'string', default: 'fresh' },
    { id: 12, kind: 'string', nullable: true },
  ]),
]

type Cells = Map<number, ColumnValue>

interface Row {
  readonly insertedAt: number
  alive: boolean
  readonly cells: Cells
}

/** A change as it was made: what it says of every column there ever was. */
interface Event {
  readonly row: number
  readonly time: number
  readonly op: DeltaOp
  readonly cells: ReadonlyMap<number, ColumnValue>
}

/** Rows that change at random: the files that say so, and the truth. */
export class RandomHistory {
  readonly random: SeededRandom
  readonly rowsPerGroup: number
  private version = 0
  private now = 20
  private readonly initial: { readonly insertedAt: number; readonly cells: Cells }[]
  private readonly rows: Row[]
  private readonly events: Event[] = []
  private readonly pools: PlainRow[][]

  constructor(seed: number, o: { rowCount: number; rowsPerGroup: number }) {
    this.random = new SeededRandom(seed)
    this.rowsPerGroup = o.rowsPerGroup
    this.pools = versions.map((schema) => new RandomTable(schema, seed).batch(100).rows.slice())
    const [first] = versions as [TableSchema]
    const sorted = new RandomTable(first, seed + 1).batch(o.rowCount)
    const order = sorted.keyHexes.map((hex, i) => ({ hex, i })).sort((a, b) => (a.hex < b.hex ? -1 : 1))
    this.initial = order.map(({ i }) => {
      const cells: Cells = new Map()
      for (const schema of versions) for (const { id, default: value } of schema.columns) cells.set(id, value ?? null)
      first.columns.forEach(({ id }, position) => {
        cells.set(id, sorted.rows[i]?.[position] as ColumnValue)
      })
      return { insertedAt: 1 + this.random.below(15), cells }
    })
    this.rows = this.initial.map(({ insertedAt, cells }) => ({ insertedAt, alive: true, cells: new Map(cells) }))
  }

  get schema(): TableSchema {
    return versions[this.version] as TableSchema
  }

  /** The time of the newest change. */
  get time(): number {
    return this.now
  }

  get rowCount(): number {
    return this.rows.length
  }

  /** Times from one on at which a reader may see something new, or see it for the last time: the ends, and some between. */
  timesFrom(time: number): number[] {
    const times = new Set<number>()
    for (const event of this.events) for (const near of [event.time - 1, event.time]) if (near > time) times.add(near)
    const all = times.size === 0 ? [time] : [...times]
    return [time, time + 1, this.now, this.now + 1, ...Array.from({ length: 16 }, () => all[this.random.below(all.length)] as number)]
  }

  /** Goes on to the next version of the schema, if there is one. */
  alter(): void {
    this.version = Math.min(this.version + 1, versions.length - 1)
  }

  /** Each row as it was at a time, in the terms of the current schema. */
  truthAt(time: number): (PlainRow | undefined)[] {
    const alive = this.initial.map(({ insertedAt }) => insertedAt <= time)
    const cells = this.initial.map((row) => new Map(row.cells))
    for (const event of this.events) {
      if (event.time > time) continue
      for (const [id, value] of event.cells) cells[event.row]?.set(id, value)
      if (event.op !== deltaOps.update) alive[event.row] = event.op === deltaOps.live
    }
    return cells.map((row, i) => (alive[i] ? this.schema.columns.map(({ id }) => row.get(id) as ColumnValue) : undefined))
  }

  /** The rowset as a flush would write it after `changeCount` changes: undo for what came before, redo for dead rows. */
  async flush(disk: RowSetDisk, changeCount: number): Promise<RowSetFiles> {
    const undo: PlainChange[] = []
    const deaths = new Map<number, PlainChange>()
    for (let i = 0; i < changeCount; i++) {
      const old = this.step()
      const { row, op } = old
      if (op === deltaOps.update) {
        undo.push(old)
      } else if (op === deltaOps.delete) {
        deaths.set(row, { ...old, values: this.keyOnly(row) })
      } else {
        // Undo says the state before: before the death there was life, before the reinsert there was none.
        undo.push({ ...(deaths.get(row) as PlainChange), op: deltaOps.live }, { ...old, op: deltaOps.delete })
        deaths.delete(row)
      }
    }
    const base: BaseRow[] = this.rows.map(({ insertedAt, cells }) => ({
      insertedAt,
      values: this.schema.columns.map(({ id }) => cells.get(id) as ColumnValue),
    }))
    const half = undo.filter(() => this.random.below(2) === 0)
    const undoFiles = [half, undo.filter((change) => !half.includes(change))].filter((changes) => changes.length > 0)
    const write = (changes: readonly PlainChange[]) => disk.writeDeltas(this.schema, changes, this.rowsPerGroup)
    return {
      base: await disk.writeBase(this.schema, base, this.rowsPerGroup),
      undo: await Promise.all(undoFiles.map(write)),
      redo: deaths.size === 0 ? [] : [await write([...deaths.values()])],
    }
  }

  /** Changes rows, and writes the redo file that says so. */
  async change(disk: RowSetDisk, changeCount: number): Promise<number> {
    const changes: PlainChange[] = []
    for (let i = 0; i < changeCount; i++) {
      const { row, time } = this.step()
      const { op, cells } = this.events.at(-1) as Event
      const values = this.schema.columns.map(({ id }, position) => (position < key.length ? this.rows[row]?.cells.get(id) : cells.get(id)))
      changes.push({ row, time, op, values })
    }
    return disk.writeDeltas(this.schema, changes, this.rowsPerGroup)
  }

  /** Changes a row; returns the op with the old values of what it set. */
  private step(): PlainChange {
    const row = this.random.below(3) === 0 ? this.random.below(4) : this.random.below(this.rows.length)
    const { alive, cells } = this.rows[row] as Row
    this.now += 1 + this.random.below(3)
    const op = !alive ? deltaOps.live : this.random.below(5) === 0 ? deltaOps.delete : deltaOps.update
    const pool = this.pools[this.version] as PlainRow[]
    const fresh = pool[this.random.below(pool.length)] as PlainRow
    const only = key.length + this.random.below(this.schema.columns.length - key.length)
    const set = new Map<number, ColumnValue>()
    this.schema.columns.forEach(({ id }, position) => {
      if (position < key.length || op === deltaOps.delete) return
      if (op === deltaOps.live || position === only || this.random.below(4) === 0) set.set(id, fresh[position] as ColumnValue)
    })
    const keyValues = this.keyOnly(row)
    const values = this.schema.columns.map(({ id }, position) => keyValues[position] ?? (set.has(id) ? cells.get(id) : undefined))
    this.events.push({ row, time: this.now, op, cells: set })
    for (const [id, value] of set) cells.set(id, value)
    ;(this.rows[row] as Row).alive = op !== deltaOps.delete
    return { row, time: this.now, op, values }
  }

  private keyOnly(row: number): (ColumnValue | undefined)[] {
    const cells = (this.rows[row] as Row).cells
    return this.schema.columns.map(({ id }, position) => (position < key.length ? cells.get(id) : undefined))
  }
}
