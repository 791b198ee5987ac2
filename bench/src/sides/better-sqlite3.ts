import { join } from 'node:path'
import Database from 'better-sqlite3'
import type { CpuChange } from '../data/changed-rows.ts'
import { type FilterAnswer, type GroupRow, rowSum } from '../data/expected-answers.ts'
import type { MetricRow } from '../data/metrics-data.ts'
import { type Operations, operationKinds, raisedCpu } from '../data/operations.ts'
import type { PointKeys, Side, SideOptions } from './side.ts'

/** SQLite in WAL mode, clustered on the key, every statement prepared, its cache as large as the product's memory. */
export async function openBetterSqlite3({ directory, durability }: SideOptions): Promise<Side> {
  const database = new Database(join(directory, 'metrics.sqlite'))
  database.pragma('journal_mode = WAL')
  database.pragma(`synchronous = ${durability === 'sync' ? 'FULL' : 'NORMAL'}`)
  database.pragma('cache_size = -131072')
  database.pragma('mmap_size = 1073741824')
  database.exec(`CREATE TABLE IF NOT EXISTS metrics (
    host INTEGER NOT NULL, at INTEGER NOT NULL, cpu REAL NOT NULL, mem REAL NOT NULL, status INTEGER NOT NULL, tag TEXT NOT NULL,
    PRIMARY KEY (host, at)) WITHOUT ROWID, STRICT`)
  return new BetterSqlite3Side(database)
}

class BetterSqlite3Side implements Side {
  readonly #database: Database.Database
  readonly #insert: Database.Statement
  readonly #insertAll: (rows: readonly MetricRow[]) => void
  readonly #update: Database.Statement
  readonly #updateAll: (changes: readonly CpuChange[]) => void
  readonly #get: Database.Statement
  readonly #range: Database.Statement
  readonly #filter: Database.Statement
  readonly #groups: Database.Statement
  readonly #all: Database.Statement

  constructor(database: Database.Database) {
    this.#database = database
    const insert = database.prepare('INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)')
    this.#insert = insert
    this.#insertAll = database.transaction((rows: readonly MetricRow[]) => {
      for (const { host, at, cpu, mem, status, tag } of rows) insert.run(host, at, cpu, mem, status, tag)
    })
    const update = database.prepare('UPDATE metrics SET cpu = ? WHERE host = ? AND at = ?')
    this.#update = update
    this.#updateAll = database.transaction((changes: readonly CpuChange[]) => {
      for (const { host, at, cpu } of changes) update.run(cpu, host, at)
    })
    this.#get = database.prepare('SELECT * FROM metrics WHERE host = ? AND at = ?')
    this.#range = database.prepare('SELECT * FROM metrics WHERE host = ? ORDER BY at LIMIT ?')
    this.#filter = database.prepare('SELECT count(*) AS count, sum(cpu) AS sum, avg(mem) AS avg FROM metrics WHERE cpu > ?')
    this.#groups = database.prepare('SELECT host, sum(cpu) AS sum, avg(mem) AS avg FROM metrics GROUP BY host')
    this.#all = database.prepare('SELECT * FROM metrics')
  }

  async insertRows(rows: MetricRow[]): Promise<void> {
    this.#insertAll(rows)
  }

  async insertEach(rows: readonly MetricRow[]): Promise<void> {
    for (const { host, at, cpu, mem, status, tag } of rows) this.#insert.run(host, at, cpu, mem, status, tag)
  }

  async settle(): Promise<void> {
    this.#database.pragma('wal_checkpoint(TRUNCATE)')
  }

  async updateRows(changes: readonly CpuChange[]): Promise<void> {
    this.#updateAll(changes)
  }

  async operate({ kinds, hosts, ats, cpus, rows }: Operations): Promise<number> {
    let total = 0
    for (let i = 0; i < kinds.length; i++) {
      const kind = kinds[i] as number
      if (kind === operationKinds.insert) {
        const { host, at, cpu, mem, status, tag } = rows[i] as MetricRow
        this.#insert.run(host, at, cpu, mem, status, tag)
        continue
      }
      let cpu = cpus[i] as number
      if (kind !== operationKinds.update) {
        const row = this.#get.get(hosts[i], ats[i]) as MetricRow
        total += rowSum(row)
        if (kind === operationKinds.read) continue
        cpu = raisedCpu(row.cpu, cpu)
      }
      this.#update.run(cpu, hosts[i], ats[i])
    }
    return total
  }

  async compact(): Promise<void> {
    this.#database.exec('VACUUM')
    await this.settle()
  }

  async readEach(keys: PointKeys): Promise<number> {
    return this.readEachSync(keys)
  }

  readEachSync({ hosts, ats }: PointKeys): number {
    let total = 0
    for (let i = 0; i < hosts.length; i++) total += rowSum(this.#get.get(hosts[i], ats[i]) as MetricRow)
    return total
  }

  async readRanges(hosts: Int32Array, limit: number): Promise<number> {
    let total = 0
    for (const host of hosts) {
      for (const row of this.#range.all(host, limit) as MetricRow[]) total += rowSum(row)
    }
    return total
  }

  async filterAggregate(threshold: number): Promise<FilterAnswer> {
    return this.#filter.get(threshold) as FilterAnswer
  }

  async groupByHost(): Promise<GroupRow[]> {
    return this.#groups.all() as GroupRow[]
  }

  async scanAll(): Promise<number> {
    let total = 0
    for (const row of this.#all.iterate() as IterableIterator<MetricRow>) total += rowSum(row)
    return total
  }

  async count(): Promise<number> {
    return this.#database.prepare('SELECT count(*) FROM metrics').pluck().get() as number
  }

  async close(): Promise<void> {
    this.#database.close()
  }
}
