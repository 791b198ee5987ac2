import { join } from 'node:path'
import {
  DOUBLE,
  type DuckDBAppender,
  type DuckDBConnection,
  DuckDBDataChunk,
  DuckDBInstance,
  type DuckDBPreparedStatement,
  DuckDBTimestampMillisecondsValue,
  INTEGER,
  TIMESTAMP_MS,
  VARCHAR,
} from '@duckdb/node-api'
import duckdb from '@duckdb/node-bindings'
import type { CpuChange } from '../data/changed-rows.ts'
import { type FilterAnswer, type GroupRow, rowSum } from '../data/expected-answers.ts'
import { type MetricColumns, type MetricRow, startMs } from '../data/metrics-data.ts'
import type { PointKeys, Side, SideOptions } from './side.ts'

const columnTypes = [INTEGER, TIMESTAMP_MS, DOUBLE, DOUBLE, INTEGER, VARCHAR]
/** DuckDB's own: rows of one vector. */
const chunkRowsMax = 2048

/**
 * DuckDB on one thread, loaded by its appender. Less is asked of it than of the product, so that it shows its best:
 * there is no primary key to check, and under durability `write` the appender commits when it likes, not per batch.
 */
export async function openDuckDb({ directory, durability }: SideOptions): Promise<Side> {
  const instance = await DuckDBInstance.create(join(directory, 'metrics.duckdb'), { threads: '1' })
  const connection = await instance.connect()
  await connection.run(`CREATE TABLE IF NOT EXISTS metrics (
    host INTEGER NOT NULL, "at" TIMESTAMP_MS NOT NULL, cpu DOUBLE NOT NULL, mem DOUBLE NOT NULL, status INTEGER NOT NULL, tag VARCHAR NOT NULL)`)
  return new DuckDbSide(instance, connection, durability === 'sync')
}

const statements = {
  insert: 'INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)',
  get: 'SELECT host, epoch_ms("at")::DOUBLE AS "at", cpu, mem, status, tag FROM metrics WHERE host = ? AND "at" = ?',
  range: 'SELECT host, epoch_ms("at")::DOUBLE AS "at", cpu, mem, status, tag FROM metrics WHERE host = ? ORDER BY metrics."at" LIMIT ?',
  filter: 'SELECT count(*)::INTEGER AS count, sum(cpu) AS sum, avg(mem) AS avg FROM metrics WHERE cpu > ?',
  groups: 'SELECT host, sum(cpu) AS sum, avg(mem) AS avg FROM metrics GROUP BY host',
  count: 'SELECT count(*)::INTEGER AS count FROM metrics',
} as const

class DuckDbSide implements Side {
  readonly #instance: DuckDBInstance
  readonly #connection: DuckDBConnection
  readonly #prepared = new Map<string, DuckDBPreparedStatement>()
  readonly #commitEach: boolean
  #appender: DuckDBAppender | undefined

  constructor(instance: DuckDBInstance, connection: DuckDBConnection, commitEach: boolean) {
    this.#instance = instance
    this.#connection = connection
    this.#commitEach = commitEach
  }

  async appendColumns({ host, at, cpu, mem, status, tag }: MetricColumns): Promise<void> {
    this.#appender ??= await this.#connection.createAppender('metrics')
    const appender = this.#appender
    for (let i = 0; i < host.length; i++) {
      appender.appendInteger(host[i] as number)
      appender.appendTimestampMilliseconds(new DuckDBTimestampMillisecondsValue(BigInt(at[i] as number)))
      appender.appendDouble(cpu[i] as number)
      appender.appendDouble(mem[i] as number)
      appender.appendInteger(status[i] as number)
      appender.appendVarchar(tag[i] as string)
      appender.endRow()
    }
  }

  async insertRows(rows: MetricRow[]): Promise<void> {
    this.#appender ??= await this.#connection.createAppender('metrics')
    const appender = this.#appender
    for (const row of rows) {
      appender.appendInteger(row.host)
      appender.appendTimestampMilliseconds(new DuckDBTimestampMillisecondsValue(BigInt(row.at)))
      appender.appendDouble(row.cpu)
      appender.appendDouble(row.mem)
      appender.appendInteger(row.status)
      appender.appendVarchar(row.tag)
      appender.endRow()
    }
    if (this.#commitEach) appender.flushSync()
  }

  async insertEach(rows: readonly MetricRow[]): Promise<void> {
    const insert = await this.#prepare('insert')
    for (const row of rows) {
      insert.bindInteger(1, row.host)
      insert.bindTimestampMilliseconds(2, new DuckDBTimestampMillisecondsValue(BigInt(row.at)))
      insert.bindDouble(3, row.cpu)
      insert.bindDouble(4, row.mem)
      insert.bindInteger(5, row.status)
      insert.bindVarchar(6, row.tag)
      await insert.run()
    }
  }

  /** Fixed-width columns are copied into DuckDB's vectors in one piece each, past its slower calls by item. */
  async insertColumns({ host, at, cpu, mem, status, tag }: MetricColumns): Promise<void> {
    this.#appender ??= await this.#connection.createAppender('metrics')
    const millis = BigInt64Array.from(at, BigInt)
    const fixed = [host, millis, cpu, mem, status]
    for (let from = 0; from < host.length; from += chunkRowsMax) {
      const count = Math.min(chunkRowsMax, host.length - from)
      const chunk = DuckDBDataChunk.create(columnTypes, count)
      for (const [column, values] of fixed.entries()) {
        const { BYTES_PER_ELEMENT: width, buffer, byteOffset } = values
        const vector = duckdb.data_chunk_get_vector(chunk.chunk, column)
        duckdb.copy_data_to_vector(vector, 0, buffer as ArrayBuffer, byteOffset + from * width, count * width)
      }
      const strings = duckdb.data_chunk_get_vector(chunk.chunk, 5)
      for (let i = 0; i < count; i++) duckdb.vector_assign_string_element(strings, i, tag[from + i] as string)
      this.#appender.appendDataChunk(chunk)
    }
  }

  async finishLoad(): Promise<void> {
    this.#appender?.closeSync()
    this.#appender = undefined
  }

  async settle(): Promise<void> {
    await this.finishLoad()
    await this.#connection.run('CHECKPOINT')
  }

  /**
   * A statement for each row would run below a thousand rows a second: a batch goes into a temporary table and is joined.
   * Of changes of one row a join may take any, so that only the last is handed in.
   */
  async updateRows(changes: readonly CpuChange[]): Promise<void> {
    await this.#connection.run('BEGIN')
    await this.#connection.run('CREATE OR REPLACE TEMP TABLE changes (host INTEGER, "at" TIMESTAMP_MS, cpu DOUBLE)')
    const appender = await this.#connection.createAppender('changes', 'main', 'temp')
    const last = new Map<number, CpuChange>()
    for (const change of changes) last.set(change.host * 2 ** 42 + change.at, change)
    for (const { host, at, cpu } of last.values()) {
      appender.appendInteger(host)
      appender.appendTimestampMilliseconds(new DuckDBTimestampMillisecondsValue(BigInt(at)))
      appender.appendDouble(cpu)
      appender.endRow()
    }
    appender.closeSync()
    await this.#connection.run(
      'UPDATE metrics SET cpu = changes.cpu FROM changes WHERE metrics.host = changes.host AND metrics."at" = changes."at"',
    )
    await this.#connection.run('COMMIT')
  }

  async readEach({ hosts, ats }: PointKeys): Promise<number> {
    const get = await this.#prepare('get')
    let total = 0
    for (let i = 0; i < hosts.length; i++) {
      get.bindInteger(1, hosts[i] as number)
      get.bindTimestampMilliseconds(2, new DuckDBTimestampMillisecondsValue(BigInt(ats[i] as number)))
      total += rowSum((await rowsOf<MetricRow>(get))[0] as MetricRow)
    }
    return total
  }

  async readRanges(hosts: Int32Array, limit: number): Promise<number> {
    const range = await this.#prepare('range')
    let total = 0
    for (const host of hosts) {
      range.bindInteger(1, host)
      range.bindInteger(2, limit)
      for (const row of await rowsOf<MetricRow>(range)) total += rowSum(row)
    }
    return total
  }

  async filterAggregate(threshold: number): Promise<FilterAnswer> {
    const filter = await this.#prepare('filter')
    filter.bindDouble(1, threshold)
    return (await rowsOf<FilterAnswer>(filter))[0] as FilterAnswer
  }

  async groupByHost(): Promise<GroupRow[]> {
    return rowsOf<GroupRow>(await this.#prepare('groups'))
  }

  /** Numbers are read from DuckDB's vectors in place. */
  async scanAll(): Promise<number> {
    const result = await this.#connection.stream('SELECT * FROM metrics')
    let total = 0
    for (;;) {
      const chunk = await result.fetchChunk()
      if (chunk === null || chunk.rowCount === 0) return total
      total += sumOfChunk(chunk)
    }
  }

  async count(): Promise<number> {
    return (await rowsOf<{ count: number }>(await this.#prepare('count')))[0]?.count ?? 0
  }

  async close(): Promise<void> {
    if (this.#appender) this.#appender.closeSync()
    this.#connection.closeSync()
    this.#instance.closeSync()
  }

  /** At first use: a statement that was prepared over an empty table fails over a full one. */
  async #prepare(name: keyof typeof statements): Promise<DuckDBPreparedStatement> {
    const known = this.#prepared.get(name)
    if (known) return known
    const statement = await this.#connection.prepare(statements[name])
    this.#prepared.set(name, statement)
    return statement
  }
}

function sumOfChunk(chunk: DuckDBDataChunk): number {
  const { rowCount } = chunk
  const bytes = (column: number, width: number) =>
    duckdb.vector_get_data(duckdb.data_chunk_get_vector(chunk.chunk, column), rowCount * width)
  const view = (column: number, width: number): [ArrayBuffer, number, number] => {
    const { buffer, byteOffset } = bytes(column, width)
    return [buffer as ArrayBuffer, byteOffset, rowCount]
  }
  const host = new Int32Array(...view(0, 4))
  const at = new BigInt64Array(...view(1, 8))
  const cpu = new Float64Array(...view(2, 8))
  const mem = new Float64Array(...view(3, 8))
  const status = new Int32Array(...view(4, 4))
  const tag = chunk.getColumnVector(5)
  let total = 0
  for (let i = 0; i < rowCount; i++) {
    total +=
      (host[i] as number) +
      (Number(at[i]) - startMs) / 1000 +
      (cpu[i] as number) +
      (mem[i] as number) +
      (status[i] as number) +
      (tag.getItem(i) as string).length
  }
  return total
}

async function rowsOf<R>(statement: DuckDBPreparedStatement): Promise<R[]> {
  const result = await statement.run()
  return (await result.getRowObjectsJS()) as R[]
}
