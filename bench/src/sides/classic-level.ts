import type { Buffer } from 'node:buffer'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import type { CpuChange } from '../data/changed-rows.ts'
import { rowSum } from '../data/expected-answers.ts'
import type { MetricRow } from '../data/metrics-data.ts'
import { type Operations, operationKinds, raisedCpu } from '../data/operations.ts'
import { decodeRow, decodeValue, encodeKey, encodeValue } from '../data/row-codec.ts'
import { HostGroups, RunningFilter } from './row-at-a-time.ts'
import type { PointKeys, Side, SideOptions } from './side.ts'

const mebibyte = 2 ** 20
const entriesPerCall = 1000

/** LevelDB with write buffer and cache as large as the product's memory, and no check that a key is new. */
export async function openClassicLevel({ directory, durability }: SideOptions): Promise<Side> {
  const level = new ClassicLevel<Buffer, Buffer>(join(directory, 'level'), {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
    cacheSize: 128 * mebibyte,
    writeBufferSize: 64 * mebibyte,
  })
  await level.open()
  return new ClassicLevelSide(level, durability === 'sync')
}

class ClassicLevelSide implements Side {
  readonly #level: ClassicLevel<Buffer, Buffer>
  readonly #sync: boolean

  constructor(level: ClassicLevel<Buffer, Buffer>, sync: boolean) {
    this.#level = level
    this.#sync = sync
  }

  async insertRows(rows: MetricRow[]): Promise<void> {
    const operations = new Array<{ type: 'put'; key: Buffer; value: Buffer }>(rows.length)
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i] as MetricRow
      operations[i] = { type: 'put', key: encodeKey(row.host, row.at), value: encodeValue(row) }
    }
    await this.#level.batch(operations, { sync: this.#sync })
  }

  async insertEach(rows: readonly MetricRow[]): Promise<void> {
    for (const row of rows) await this.#level.put(encodeKey(row.host, row.at), encodeValue(row), { sync: this.#sync })
  }

  async settle(): Promise<void> {
    await this.#level.compactRange(encodeKey(-(2 ** 31), 0), encodeKey(2 ** 31 - 1, Number.MAX_SAFE_INTEGER))
  }

  /** Values are read and written whole: there are no columns. */
  async updateRows(changes: readonly CpuChange[]): Promise<void> {
    const keys = changes.map(({ host, at }) => encodeKey(host, at))
    const values = await this.#level.getMany(keys)
    const operations = new Array<{ type: 'put'; key: Buffer; value: Buffer }>(changes.length)
    for (let i = 0; i < changes.length; i++) {
      const value = values[i] as Buffer
      value.writeDoubleLE((changes[i] as CpuChange).cpu, 0)
      operations[i] = { type: 'put', key: keys[i] as Buffer, value }
    }
    await this.#level.batch(operations, { sync: this.#sync })
  }

  async operate({ kinds, hosts, ats, cpus, rows }: Operations): Promise<number> {
    let total = 0
    for (let i = 0; i < kinds.length; i++) {
      const kind = kinds[i] as number
      if (kind === operationKinds.insert) {
        await this.insertEach([rows[i] as MetricRow])
        continue
      }
      const host = hosts[i] as number
      const at = ats[i] as number
      const key = encodeKey(host, at)
      const value = this.#level.getSync(key) as Buffer
      let cpu = cpus[i] as number
      if (kind !== operationKinds.update) {
        const row = decodeValue(host, at, value)
        total += rowSum(row)
        if (kind === operationKinds.read) continue
        cpu = raisedCpu(row.cpu, cpu)
      }
      value.writeDoubleLE(cpu, 0)
      await this.#level.put(key, value, { sync: this.#sync })
    }
    return total
  }

  async readEach({ hosts, ats }: PointKeys): Promise<number> {
    let total = 0
    for (let i = 0; i < hosts.length; i++) {
      const [host, at] = [hosts[i] as number, ats[i] as number]
      total += rowSum(decodeValue(host, at, (await this.#level.get(encodeKey(host, at))) as Buffer))
    }
    return total
  }

  readEachSync({ hosts, ats }: PointKeys): number {
    let total = 0
    for (let i = 0; i < hosts.length; i++) {
      const host = hosts[i] as number
      const at = ats[i] as number
      total += rowSum(decodeValue(host, at, this.#level.getSync(encodeKey(host, at)) as Buffer))
    }
    return total
  }

  readRaw({ hosts, ats }: PointKeys): number {
    let total = 0
    for (let i = 0; i < hosts.length; i++) {
      total += (this.#level.getSync(encodeKey(hosts[i] as number, ats[i] as number)) as Buffer).length
    }
    return total
  }

  async readMany({ hosts, ats }: PointKeys, keysPerCall: number): Promise<number> {
    let total = 0
    for (let from = 0; from < hosts.length; from += keysPerCall) {
      const keys: Buffer[] = []
      for (let i = from; i < Math.min(hosts.length, from + keysPerCall); i++) keys.push(encodeKey(hosts[i] as number, ats[i] as number))
      const values = await this.#level.getMany(keys)
      for (let i = 0; i < keys.length; i++) total += rowSum(decodeRow(keys[i] as Buffer, values[i] as Buffer))
    }
    return total
  }

  async readRanges(hosts: Int32Array, limit: number): Promise<number> {
    let total = 0
    for (const host of hosts) {
      const range = { gte: encodeKey(host, 0), lt: encodeKey(host + 1, 0), limit }
      const entries = await this.#level.iterator(range).all()
      for (const [key, value] of entries) total += rowSum(decodeRow(key, value))
    }
    return total
  }

  async filterAggregate(threshold: number) {
    const filter = new RunningFilter(threshold)
    await this.#eachEntry((_key, value) => filter.add(value.readDoubleLE(0), value.readDoubleLE(8)))
    return filter.answer()
  }

  async groupByHost() {
    const groups = new HostGroups()
    await this.#eachEntry((key, value) => groups.add((key.readUInt32BE(0) ^ 0x80000000) | 0, value.readDoubleLE(0), value.readDoubleLE(8)))
    return groups.answer()
  }

  async scanAll(): Promise<number> {
    let total = 0
    await this.#eachEntry((key, value) => {
      total += rowSum(decodeRow(key, value))
    })
    return total
  }

  async count(): Promise<number> {
    let count = 0
    await this.#eachEntry(() => count++)
    return count
  }

  close(): Promise<void> {
    return this.#level.close()
  }

  async #eachEntry(visit: (key: Buffer, value: Buffer) => void): Promise<void> {
    const iterator = this.#level.iterator({ highWaterMarkBytes: mebibyte })
    try {
      for (;;) {
        const entries = await iterator.nextv(entriesPerCall)
        if (entries.length === 0) return
        for (const [key, value] of entries) visit(key, value)
      }
    } finally {
      await iterator.close()
    }
  }
}
