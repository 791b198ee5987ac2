import { Buffer } from 'node:buffer'
import { join } from 'node:path'
import { open, type RootDatabase } from 'lmdb'
import type { CpuChange } from '../data/changed-rows.ts'
import { rowSum } from '../data/expected-answers.ts'
import type { MetricRow } from '../data/metrics-data.ts'
import { type Operations, operationKinds, raisedCpu } from '../data/operations.ts'
import { decodeRow, decodeValue, encodeKey, encodeValue } from '../data/row-codec.ts'
import { HostGroups, RunningFilter } from './row-at-a-time.ts'
import type { PointKeys, Side, SideOptions } from './side.ts'

/**
 * LMDB with binary keys and values. Synchronous transactions and puts are its quickest under `noSync`, and
 * `getBinaryFast`, whose buffer is reused by the next read, its quickest read: rows are decoded from it at once.
 */
export async function openLmdb({ directory, durability }: SideOptions): Promise<Side> {
  const options = { encoding: 'binary', keyEncoding: 'binary', compression: false, noMemInit: true } as const
  return new LmdbSide(
    open<Buffer, Buffer>({ ...options, path: join(directory, 'lmdb'), noSync: durability === 'write', overlappingSync: false }),
  )
}

class LmdbSide implements Side {
  readonly #database: RootDatabase<Buffer, Buffer>

  constructor(database: RootDatabase<Buffer, Buffer>) {
    this.#database = database
  }

  async insertRows(rows: MetricRow[]): Promise<void> {
    this.#database.transactionSync(() => {
      for (const row of rows) this.#database.putSync(encodeKey(row.host, row.at), encodeValue(row))
    })
  }

  async insertEach(rows: readonly MetricRow[]): Promise<void> {
    for (const row of rows) this.#database.putSync(encodeKey(row.host, row.at), encodeValue(row))
  }

  async settle(): Promise<void> {
    await this.#database.flushed
  }

  async updateRows(changes: readonly CpuChange[]): Promise<void> {
    this.#database.transactionSync(() => {
      for (const { host, at, cpu } of changes) this.#setCpu(encodeKey(host, at), cpu)
    })
  }

  async operate({ kinds, hosts, ats, cpus, rows }: Operations): Promise<number> {
    let total = 0
    for (let i = 0; i < kinds.length; i++) {
      const kind = kinds[i] as number
      if (kind === operationKinds.insert) {
        const row = rows[i] as MetricRow
        this.#database.putSync(encodeKey(row.host, row.at), encodeValue(row))
        continue
      }
      const host = hosts[i] as number
      const at = ats[i] as number
      const key = encodeKey(host, at)
      if (kind === operationKinds.update) {
        this.#setCpu(key, cpus[i] as number)
        continue
      }
      const row = decodeValue(host, at, this.#database.getBinaryFast(key) as Buffer)
      total += rowSum(row)
      if (kind === operationKinds.read) continue
      row.cpu = raisedCpu(row.cpu, cpus[i] as number)
      this.#database.putSync(key, encodeValue(row))
    }
    return total
  }

  /** The value is read and written whole: there are no columns. */
  #setCpu(key: Buffer, cpu: number): void {
    const before = this.#database.getBinaryFast(key) as Buffer
    const value = Buffer.allocUnsafe(before.length)
    // The buffer that is reused says its length itself, which calls that copy do not heed.
    for (let i = 0; i < before.length; i++) value[i] = before[i] as number
    value.writeDoubleLE(cpu, 0)
    this.#database.putSync(key, value)
  }

  async readEach(keys: PointKeys): Promise<number> {
    return this.readEachSync(keys)
  }

  readEachSync({ hosts, ats }: PointKeys): number {
    let total = 0
    for (let i = 0; i < hosts.length; i++) {
      const host = hosts[i] as number
      const at = ats[i] as number
      const value = this.#database.getBinaryFast(encodeKey(host, at)) as Buffer
      total += rowSum(decodeValue(host, at, value))
    }
    return total
  }

  readRaw({ hosts, ats }: PointKeys): number {
    let total = 0
    for (let i = 0; i < hosts.length; i++) {
      total += (this.#database.getBinaryFast(encodeKey(hosts[i] as number, ats[i] as number)) as Buffer).length
    }
    return total
  }

  async readMany({ hosts, ats }: PointKeys, keysPerCall: number): Promise<number> {
    let total = 0
    for (let from = 0; from < hosts.length; from += keysPerCall) {
      const keys: Buffer[] = []
      for (let i = from; i < Math.min(hosts.length, from + keysPerCall); i++) keys.push(encodeKey(hosts[i] as number, ats[i] as number))
      const values = await this.#database.getMany(keys)
      for (let i = 0; i < keys.length; i++) total += rowSum(decodeRow(keys[i] as Buffer, values[i] as Buffer))
    }
    return total
  }

  async readRanges(hosts: Int32Array, limit: number): Promise<number> {
    let total = 0
    for (const host of hosts) {
      const range = this.#database.getRange({ start: encodeKey(host, 0), end: encodeKey(host + 1, 0), limit })
      for (const { key, value } of range) total += rowSum(decodeRow(key, value))
    }
    return total
  }

  async filterAggregate(threshold: number) {
    const filter = new RunningFilter(threshold)
    for (const { value } of this.#database.getRange({})) filter.add(value.readDoubleLE(0), value.readDoubleLE(8))
    return filter.answer()
  }

  async groupByHost() {
    const groups = new HostGroups()
    for (const { key, value } of this.#database.getRange({})) {
      groups.add((key.readUInt32BE(0) ^ 0x80000000) | 0, value.readDoubleLE(0), value.readDoubleLE(8))
    }
    return groups.answer()
  }

  async scanAll(): Promise<number> {
    let total = 0
    for (const { key, value } of this.#database.getRange({})) total += rowSum(decodeRow(key, value))
    return total
  }

  async count(): Promise<number> {
    return this.#database.getKeysCount()
  }

  close(): Promise<void> {
    return this.#database.close()
  }
}
