import { ChunkPool } from '../../../src/rowset/chunk-pool.ts'
import { DeltaMemStore } from '../../../src/rowset/delta-mem-store.ts'
import { deltaPositionOf, deltaPositions, deltaSchema } from '../../../src/rowset/delta-schema.ts'
import { MemRowSet } from '../../../src/rowset/mem-rowset.ts'
import { valueAt } from '../../../src/schema/row-decoder.ts'
import type { ColumnSchema, ColumnValue, TableSchema } from '../../../src/schema/table-schema.ts'
import { FileHandles } from '../../../src/sstable/file-handles.ts'
import { SSTableReader } from '../../../src/sstable/sstable-reader.ts'
import type { MemoryVfs } from '../../../src/vfs/memory-vfs.ts'
import { MapCache } from './caches.ts'
import { batchOf, type PlainRow, RandomTable } from './random-table.ts'

/** A row's states, each from its time on; undefined: there is no row. */
export type States = { readonly time: number; readonly row: PlainRow | undefined }[]

/** A change as a plain program notes it. */
export interface NotedChange {
  readonly row: number
  readonly time: number
  readonly op: 'update' | 'delete' | 'live'
  /** By position; undefined where it is not set. Key columns always are. */
  readonly values: readonly (ColumnValue | undefined)[]
}

/** A MemRowSet and its DeltaMemStore, filled at random, and beside them a plain model of what was done. */
export class ChangedTable {
  readonly store: MemRowSet
  readonly changes: DeltaMemStore
  /** By row id. */
  readonly states: States[] = []
  readonly keyHexes: string[] = []
  readonly noted: NotedChange[] = []
  time = 0
  private readonly table: RandomTable
  private readonly schema: TableSchema

  constructor(schema: TableSchema, seed: number) {
    this.schema = schema
    this.table = new RandomTable(schema, seed)
    const chunks = new ChunkPool()
    this.store = new MemRowSet({ schema, generation: 1, chunks })
    this.changes = new DeltaMemStore({ base: schema, chunks })
  }

  insert(count: number): void {
    this.time++
    const { block, keys, hashes, rows, keyHexes } = this.table.batch(count)
    this.store.append(block, keys, hashes, { timestamp: this.time, opId: this.time })
    for (const row of rows) this.states.push([{ time: this.time, row }])
    this.keyHexes.push(...keyHexes)
  }

  /** Changes some rows, at one time: kills or updates those that are alive, brings back those that are not. */
  change(count: number): void {
    const { random } = this.table
    this.time++
    const rows = new Set<number>()
    // A few rows change again and again.
    while (rows.size < count) rows.add(random.below(random.below(2) === 0 ? Math.min(40, this.states.length) : this.states.length))
    const chosen = [...rows]
    const alive = chosen.filter((row) => this.newest(row) !== undefined)
    const dead = chosen.filter((row) => this.newest(row) === undefined)
    const doomed = alive.filter(() => random.below(4) === 0)
    this.put('delete', doomed, [])
    this.put('live', dead, this.settable)
    const updated = alive.filter((row) => !doomed.includes(row))
    // Two sets of columns, as two calls of one batch would have.
    for (const half of [0, 1]) {
      const positions = this.settable.filter(() => random.below(2) === 0)
      this.put(
        'update',
        updated.filter((row) => row % 2 === half),
        positions.length === 0 ? this.settable.slice(0, 1) : positions,
      )
    }
  }

  /** Kills so many of the rows that are alive, at one time. */
  kill(count: number): void {
    this.time++
    const alive = this.states.flatMap((_, row) => (this.newest(row) === undefined ? [] : [row]))
    this.put('delete', alive.slice(0, count), [])
  }

  stateAt(row: number, timestamp: number): PlainRow | undefined {
    return this.states[row]?.findLast(({ time }) => time <= timestamp)?.row
  }

  /** All rows that there are at a time, by their keys. */
  rowsAt(timestamp: number): Map<string, PlainRow> {
    const rows = new Map<string, PlainRow>()
    this.states.forEach((_, row) => {
      const state = this.stateAt(row, timestamp)
      if (state !== undefined) rows.set(this.keyHexes[row] as string, state)
    })
    return rows
  }

  private get settable(): number[] {
    return this.schema.columns.map((_, position) => position).filter((position) => !this.schema.keyColumns.includes(position))
  }

  private newest(row: number): PlainRow | undefined {
    return this.states[row]?.at(-1)?.row
  }

  private put(op: NotedChange['op'], rows: readonly number[], set: readonly number[]): void {
    if (rows.length === 0) return
    const positions = [...set, ...this.schema.keyColumns].sort((a, b) => a - b)
    const fresh = this.table.batch(rows.length).rows
    const values = rows.map((row, i) => {
      const key = this.states[row]?.[0]?.row as PlainRow
      return key.map((value, position) =>
        this.schema.keyColumns.includes(position) ? value : ((fresh[i] as PlainRow)[position] as ColumnValue),
      )
    })
    rows.forEach((row, i) => {
      const next = values[i] as PlainRow
      const old = this.newest(row)
      const state =
        op === 'delete'
          ? undefined
          : next.map((value, position) => (set.includes(position) || old === undefined ? value : (old[position] as ColumnValue)))
      this.states[row]?.push({ time: this.time, row: state })
      this.noted.push({
        row,
        time: this.time,
        op,
        values: next.map((value, position) => (positions.includes(position) ? value : undefined)),
      })
    })
    const { block } = batchOf(this.schema, values)
    const columns = positions.map((position) => block.columns[position] as (typeof block.columns)[number])
    this.changes.append({
      op,
      timestamp: this.time,
      opId: this.time,
      rows: Int32Array.from(rows),
      values: { rowCount: rows.length, columns },
      positions,
    })
  }
}

/** All rows of an SSTable, with their insert timestamps. */
export async function readTable(schema: TableSchema, vfs: MemoryVfs, path: string): Promise<{ rows: PlainRow[]; insertedAt: number[] }> {
  const reader = new SSTableReader({ fileNumber: 1, path, schema, cache: new MapCache(), files: new FileHandles(vfs) })
  await reader.open()
  const rows: PlainRow[] = []
  const insertedAt: number[] = []
  const positions = schema.columns.map((_, position) => position)
  for (let group = 0; group < reader.groupCount; group++) {
    const columns = reader.loadColumnsSync(group, positions)
    for (let i = 0; i < reader.groupRowCount(group); i++)
      rows.push(
        positions.map((position) => valueAt(schema.columns[position] as ColumnSchema, columns[position] as (typeof columns)[number], i)),
      )
    insertedAt.push(...reader.loadTimestampsSync(group))
  }
  return { rows, insertedAt }
}

const opNames = [undefined, 'update', 'delete', 'live'] as const

/** All changes of a delta file, in its order, read as the table that it is. */
export async function readChanges(base: TableSchema, vfs: MemoryVfs, path: string): Promise<NotedChange[]> {
  const { schema, setPositions } = deltaSchema(base)
  const { rows } = await readTable(schema, vfs, path)
  return rows.map((row) => {
    const values = base.columns.map((_, position) => {
      const value = row[deltaPositionOf(position)] as ColumnValue
      const setPosition = setPositions[position] as number
      const isSet = setPosition < 0 ? value !== null : row[setPosition] === true
      return isSet ? value : undefined
    })
    const op = opNames[row[deltaPositions.op] as number] as NotedChange['op']
    return { row: row[deltaPositions.row] as number, time: Number(row[deltaPositions.time]), op, values }
  })
}
