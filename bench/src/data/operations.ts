import type { ChangedRows } from './changed-rows.ts'
import { rowSum } from './expected-answers.ts'
import type { Chance, ChooseRow } from './key-choice.ts'
import type { MetricRow } from './metrics-data.ts'

/** What one operation does. */
export const operationKinds = { read: 0, update: 1, insert: 2, readModifyWrite: 3 } as const

/** Some operations, to be done one after the other, each acknowledged before the next begins. */
export interface Operations {
  readonly kinds: Uint8Array
  /** Keys, but of inserts. */
  readonly hosts: Int32Array
  readonly ats: Float64Array
  /** Of updates the new value; of read-modify-writes what `raisedCpu` is given. */
  readonly cpus: Float64Array
  /** The rows of inserts, beside the operations. */
  readonly rows: readonly (MetricRow | undefined)[]
  /** The sum of `rowSum` over all rows that are read. */
  readonly sum: number
}

/** In percent; the rest are reads. */
export interface Mix {
  readonly updates?: number
  readonly inserts?: number
  readonly readModifyWrites?: number
}

/** YCSB's core workloads, but E, whose short scans are a line of their own. */
export const ycsbMixes = {
  A: { updates: 50 },
  B: { updates: 5 },
  C: {},
  D: { inserts: 5 },
  F: { readModifyWrites: 50 },
} as const satisfies Record<string, Mix>

/** What a read-modify-write makes of the value that it read. */
export function raisedCpu(cpu: number, by: number): number {
  return (cpu + by) % 100
}

/** Chooses the next operations, and does them to the model. */
export function nextOperations(count: number, mix: Mix, o: { model: ChangedRows; chance: Chance; choose: ChooseRow }): Operations {
  const { model, chance, choose } = o
  const kinds = new Uint8Array(count)
  const hosts = new Int32Array(count)
  const ats = new Float64Array(count)
  const cpus = new Float64Array(count)
  const rows = new Array<MetricRow | undefined>(count).fill(undefined)
  let sum = 0
  for (let i = 0; i < count; i++) {
    const kind = nextKind(mix, chance.below(100))
    kinds[i] = kind
    if (kind === operationKinds.insert) {
      rows[i] = model.insert()
      continue
    }
    const row = choose(model.count)
    const { host, at, cpu } = model.columns
    hosts[i] = host[row] as number
    ats[i] = at[row] as number
    if (kind !== operationKinds.update) sum += rowSum(model.row(row))
    if (kind === operationKinds.read) continue
    const value = chance.below(10_000) / 100
    cpus[i] = value
    cpu[row] = kind === operationKinds.update ? value : raisedCpu(cpu[row] as number, value)
  }
  return { kinds, hosts, ats, cpus, rows, sum }
}

function nextKind({ updates = 0, inserts = 0, readModifyWrites = 0 }: Mix, percent: number): number {
  if (percent < updates) return operationKinds.update
  if (percent < updates + inserts) return operationKinds.insert
  return percent < updates + inserts + readModifyWrites ? operationKinds.readModifyWrite : operationKinds.read
}
