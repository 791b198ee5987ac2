/**
 * What happened to a database, as its user knows it: the batches that were written, in order, and what was promised
 * of each. `check` holds what is found after a crash against it.
 */
import type { Random } from '../../src/base/random.ts'
import {
  type AnyTable,
  type Database,
  defineTable,
  double,
  hashPartition,
  int32,
  int64,
  rangePartition,
  string,
  timestamp,
} from '../../src/index.ts'

export const definitions = {
  plain: defineTable('plain', {
    columns: { id: int32(), batch: int32(), i: int32(), text: string() },
    primaryKey: ['id'],
  }),
  hashed: defineTable('hashed', {
    columns: { id: int32(), batch: int32(), i: int32(), text: string(), amount: double().nullable(), kind: string().default('none') },
    primaryKey: ['id'],
    partitionBy: hashPartition(['id'], 3),
  }),
  ranged: defineTable('ranged', {
    columns: { day: timestamp(), id: int32(), batch: int32(), i: int32(), text: string(), large: int64().nullable() },
    primaryKey: ['id', 'day'],
    partitionBy: rangePartition(['id'], [300_000, 700_000]),
  }),
} as const

export type TableName = keyof typeof definitions
export const tableNames = Object.keys(definitions) as TableName[]

/** One life of a table, from its creation to its drop. */
interface TableLife {
  readonly name: TableName
  state: 'creating' | 'there' | 'dropping'
}

export interface Batch {
  readonly number: number
  readonly table: TableLife
  readonly keys: readonly number[]
  readonly fat: boolean
  /** `refused`: not one of its rows may ever be seen. */
  state: 'asked' | 'acknowledged' | 'refused'
}

type StoredRow = { id: number; batch: number; i: number; text: string; [column: string]: unknown }

/** Scatters ascending numbers, each to one of its own. */
const scattered = (n: number) => (n * 7919) % 1_000_003

export class Story {
  readonly tables = new Map<TableName, TableLife>()
  batches: Batch[] = []
  /** Every batch up to this number is on disk for good. */
  durableThrough = 0
  #lastNumber = 0
  #lastKey = 0
  #freeKeys: number[] = []

  begin(name: TableName, rowCount: number, o: { fat?: boolean; refused?: boolean } = {}): Batch {
    const table = this.tables.get(name) as TableLife
    const keys = Array.from({ length: rowCount }, () => this.#freeKeys.pop() ?? scattered(++this.#lastKey))
    if (o.refused) keys[keys.length - 1] = this.#presentKey(name) ?? (keys[0] as number)
    const batch: Batch = { number: ++this.#lastNumber, table, keys, fat: o.fat ?? false, state: o.refused ? 'refused' : 'asked' }
    this.batches.push(batch)
    return batch
  }

  #presentKey(name: TableName): number | undefined {
    return this.batches.findLast(({ table, state }) => table === this.tables.get(name) && state === 'acknowledged')?.keys[0]
  }

  /** The rows of a batch, which say of themselves what they must be. */
  rowsOf({ number, table, keys, fat }: Batch): Record<string, unknown>[] {
    return keys.map((id, i) => rowOf(table.name, id, number, i, fat))
  }

  acknowledge(batch: Batch, o: { durable: boolean }): void {
    batch.state = 'acknowledged'
    if (o.durable) this.madeDurable(batch.number)
  }

  madeDurable(through: number): void {
    this.durableThrough = Math.max(this.durableThrough, through)
  }

  /** The newest acknowledged batch, of one table or of all; 0 if there is none. */
  lastAcknowledged(name?: TableName): number {
    return this.batches.findLast(({ state, table }) => state === 'acknowledged' && (!name || table.name === name))?.number ?? 0
  }

  /** A table that was dropped takes its batches along. */
  dropped(name: TableName): void {
    const life = this.tables.get(name)
    this.tables.delete(name)
    this.batches = this.batches.filter(({ table }) => table !== life)
  }

  /**
   * Reads everything and returns what is wrong, if anything. `promised`: which batches must be there. After that the
   * story goes on from what was found; it is durable, since recovery has synced it.
   */
  async check(db: Database, random: Random, promised: 'acknowledged' | 'durable'): Promise<string | undefined> {
    const present = new Set(db.tables().map(({ name }) => name))
    for (const [name, life] of [...this.tables]) {
      if (present.has(name)) life.state = 'there'
      else if (life.state === 'there') return `table ${name} is gone`
      else this.dropped(name)
    }
    const found = new Map<number, number>()
    for (const name of present) {
      if (!this.tables.has(name as TableName)) return `table ${name} has come back`
      const problem = await this.#readTable(db.table(name), found, random)
      if (problem) return problem
    }
    return this.#settle(found, promised)
  }

  async #readTable(table: AnyTable, found: Map<number, number>, random: Random): Promise<string | undefined> {
    const name = table.name as TableName
    const life = this.tables.get(name)
    const byNumber = new Map(this.batches.filter((batch) => batch.table === life).map((batch) => [batch.number, batch]))
    const rows = (await table.scan({ order: random.below(3) === 0 ? 'key' : 'any' }).toArray()) as StoredRow[]
    for (const row of rows) {
      const batch = byNumber.get(row.batch)
      if (batch?.keys[row.i] !== row.id) return `${name} has a row that nobody wrote: ${JSON.stringify(row, bigintText)}`
      const wrong = difference(row, rowOf(name, row.id, row.batch, row.i, batch.fat))
      if (wrong) return `${name}, key ${row.id}, batch ${row.batch}: ${wrong}`
      found.set(row.batch, (found.get(row.batch) ?? 0) + 1)
    }
    if (new Set(rows.map(({ id }) => id)).size !== rows.length) return `${name} has a key twice`
    if ((await table.count()) !== rows.length) return `${name}: count() is ${await table.count()}, a scan finds ${rows.length}`
    if (table.stats().rows !== rows.length) return `${name}: stats() say ${table.stats().rows} rows, a scan finds ${rows.length}`
    for (let i = 0; i < 5 && rows.length > 0; i++) {
      const row = rows[random.below(rows.length)] as StoredRow
      const wrong = difference((await table.get(table.keyOf(row))) as StoredRow | undefined, row)
      if (wrong) return `get of ${name}, key ${row.id}: ${wrong}`
    }
    if ((await table.get(table.keyOf(rowOf(name, 1_000_003 + random.below(9), 0, 0, false)))) !== undefined)
      return `${name}: get finds a key that nobody wrote`
    return undefined
  }

  #settle(found: ReadonlyMap<number, number>, promised: 'acknowledged' | 'durable'): string | undefined {
    let lost: Batch | undefined
    for (const batch of this.batches) {
      const { number, state, keys } = batch
      const count = found.get(number) ?? 0
      const what = `batch ${number} (${state}, ${keys.length} rows, ${batch.table.name})`
      if (state === 'refused') {
        if (count > 0) return `${what} was refused, yet ${count} rows of it are there`
        continue
      }
      if (count !== 0 && count !== keys.length) return `${what} is half there: ${count} rows`
      const safe = promised === 'acknowledged' ? state === 'acknowledged' : number <= this.durableThrough
      if (count === 0 && safe) return `${what} is lost, though promised; durable through ${this.durableThrough}`
      if (count > 0 && lost) return `${what} is there, but batch ${lost.number}, written before it, is not`
      if (count === 0) lost ??= batch
    }
    for (const batch of this.batches) {
      if (batch.state !== 'refused' && !found.has(batch.number)) this.#freeKeys.push(...batch.keys)
      else if (batch.state !== 'refused') batch.state = 'acknowledged'
    }
    this.batches = this.batches.filter(({ number }) => found.has(number))
    this.madeDurable(this.#lastNumber)
    return undefined
  }
}

function rowOf(name: TableName, id: number, batch: number, i: number, fat: boolean): Record<string, unknown> {
  const text = `row ${i} of ${batch}${fat ? '.'.repeat(5000) : ''}`
  if (name === 'plain') return { id, batch, i, text }
  if (name === 'hashed') return { id, batch, i, text, amount: i % 3 === 0 ? null : i / 4, kind: i % 2 === 0 ? 'none' : 'some' }
  return { day: 1_700_000_000_000 + id, id, batch, i, text, large: i % 5 === 0 ? null : BigInt(id) ** 3n }
}

/** The columns of a batch, as `insertColumns` takes them. */
export function columnsOf(rows: readonly Record<string, unknown>[], name: TableName): Record<string, unknown> {
  const values = (column: string) => rows.map((row) => row[column])
  const nulls = (column: string) => Uint8Array.from(values(column), (value) => (value === null ? 1 : 0))
  const common = {
    id: Int32Array.from(values('id') as number[]),
    batch: Int32Array.from(values('batch') as number[]),
    i: Int32Array.from(values('i') as number[]),
    text: values('text') as string[],
  }
  if (name === 'plain') return common
  if (name === 'hashed') {
    const amount = { values: Float64Array.from(values('amount') as (number | null)[], (value) => value ?? 0), nulls: nulls('amount') }
    return { ...common, amount, kind: values('kind') }
  }
  const large = { values: BigInt64Array.from(values('large') as (bigint | null)[], (value) => value ?? 0n), nulls: nulls('large') }
  return { ...common, day: Float64Array.from(values('day') as number[]), large }
}

function difference(found: Record<string, unknown> | undefined, expected: Record<string, unknown>): string | undefined {
  if (!found) return 'there is no such row'
  for (const [column, value] of Object.entries(expected)) {
    if (found[column] !== value) return `${column} is ${String(found[column])}, not ${String(value)}`
  }
  return undefined
}

const bigintText = (_: string, value: unknown) => (typeof value === 'bigint' ? `${value}` : value)
