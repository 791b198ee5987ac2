import {
  avg,
  count,
  type Database,
  type DatabaseConfig,
  defineTable,
  double,
  gt,
  int32,
  open,
  string,
  sum,
  type Table,
  timestamp,
} from '../../../src/index.ts'
import type { CpuChange } from '../data/changed-rows.ts'
import { rowSum } from '../data/expected-answers.ts'
import { type MetricColumns, type MetricRow, startMs } from '../data/metrics-data.ts'
import { type Operations, operationKinds, raisedCpu } from '../data/operations.ts'
import type { PointKeys, Side, SideOptions } from './side.ts'

export const metrics = defineTable('metrics', {
  columns: { host: int32(), at: timestamp(), cpu: double(), mem: double(), status: int32(), tag: string() },
  primaryKey: ['host', 'at'],
})

/** The product, through its public API, with its default configuration. */
export async function openVarve({ directory, durability }: SideOptions): Promise<VarveSide> {
  return openVarveWith({ directory, durability })
}

export async function openVarveWith(config: DatabaseConfig): Promise<VarveSide> {
  const database = await open(config)
  return new VarveSide(database, await database.createTable(metrics, { ifNotExists: true }))
}

export class VarveSide implements Side {
  readonly database: Database
  readonly table: Table<typeof metrics>

  constructor(database: Database, table: Table<typeof metrics>) {
    this.database = database
    this.table = table
  }

  async insertRows(rows: MetricRow[]): Promise<void> {
    await this.table.insert(rows)
  }

  async insertEach(rows: readonly MetricRow[]): Promise<void> {
    for (const row of rows) await this.table.insert(row)
  }

  async insertColumns(columns: MetricColumns): Promise<void> {
    await this.table.insertColumns({ ...columns })
  }

  settle(): Promise<void> {
    return this.database.flush()
  }

  compact(): Promise<void> {
    return this.database.compact(this.table, { kind: 'full' })
  }

  pauseMaintenance(): void {
    this.database.maintenance.pause()
  }

  async updateRows(changes: readonly CpuChange[]): Promise<void> {
    await this.table.update(changes)
  }

  async operate({ kinds, hosts, ats, cpus, rows }: Operations): Promise<number> {
    const { table } = this
    let total = 0
    for (let i = 0; i < kinds.length; i++) {
      const kind = kinds[i] as number
      if (kind === operationKinds.insert) {
        await table.insert(rows[i] as MetricRow)
        continue
      }
      const host = hosts[i] as number
      const at = ats[i] as number
      let cpu = cpus[i] as number
      if (kind !== operationKinds.update) {
        const row = (await table.get({ host, at })) as MetricRow
        total += rowSum(row)
        if (kind === operationKinds.read) continue
        cpu = raisedCpu(row.cpu, cpu)
      }
      await table.update({ host, at, cpu })
    }
    return total
  }

  async readEach({ hosts, ats }: PointKeys): Promise<number> {
    let total = 0
    for (let i = 0; i < hosts.length; i++) {
      const row = await this.table.get({ host: hosts[i] as number, at: ats[i] as number })
      total += rowSum(row as MetricRow)
    }
    return total
  }

  readEachSync({ hosts, ats }: PointKeys): number {
    let total = 0
    for (let i = 0; i < hosts.length; i++) {
      total += rowSum(this.table.getSync({ host: hosts[i] as number, at: ats[i] as number }) as MetricRow)
    }
    return total
  }

  async readMany({ hosts, ats }: PointKeys, keysPerCall: number): Promise<number> {
    let total = 0
    for (let from = 0; from < hosts.length; from += keysPerCall) {
      const keys = []
      for (let i = from; i < Math.min(hosts.length, from + keysPerCall); i++) keys.push({ host: hosts[i] as number, at: ats[i] as number })
      for (const row of await this.table.getMany(keys)) total += rowSum(row as MetricRow)
    }
    return total
  }

  async readRanges(hosts: Int32Array, limit: number): Promise<number> {
    let total = 0
    for (const host of hosts) {
      for (const row of await this.table.scan({ prefix: { host }, order: 'key', limit }).toArray()) total += rowSum(row)
    }
    return total
  }

  async filterAggregate(threshold: number) {
    const answer = await this.table.aggregate({ select: { count: count(), sum: sum('cpu'), avg: avg('mem') }, where: gt('cpu', threshold) })
    return { count: answer.count, sum: answer.sum ?? 0, avg: answer.avg ?? 0 }
  }

  async groupByHost() {
    const groups = await this.table.aggregate({ select: { sum: sum('cpu'), avg: avg('mem') }, groupBy: ['host'] })
    return groups.map((group) => ({ host: group.host, sum: group.sum ?? 0, avg: group.avg ?? 0 }))
  }

  async scanAll(): Promise<number> {
    let total = 0
    for await (const batch of this.table.scan().batches()) {
      const host = batch.column('host').values as Int32Array
      const at = batch.column('at').values as Float64Array
      const cpu = batch.column('cpu').values as Float64Array
      const mem = batch.column('mem').values as Float64Array
      const status = batch.column('status').values as Int32Array
      const tag = batch.column('tag').values as readonly string[]
      const { selection } = batch
      const rowCount = selection ? selection.length : batch.rowCount
      for (let n = 0; n < rowCount; n++) {
        const i = selection ? (selection[n] as number) : n
        total +=
          (host[i] as number) +
          ((at[i] as number) - startMs) / 1000 +
          (cpu[i] as number) +
          (mem[i] as number) +
          (status[i] as number) +
          (tag[i] as string).length
      }
    }
    return total
  }

  count(): Promise<number> {
    return this.table.count()
  }

  close(): Promise<void> {
    return this.database.close()
  }
}
