import { compareBytes } from '../schema/key-encoding.ts'
import { valueAt } from '../schema/row-decoder.ts'
import type { ColumnValue } from '../schema/table-schema.ts'
import type { AggregatePlan, MeasurePlan } from './aggregate-plan.ts'
import { columnAt } from './columns.ts'
import { type MatchedBatch, matchedBatches, type ScanSource } from './matched-batches.ts'

export { type AggregatePlan, type AggregateRequest, planAggregate } from './aggregate-plan.ts'

interface State { count: number; sum: number | bigint | undefined; value: ColumnValue; by: ColumnValue; set: Set<unknown> | undefined }
interface Group { key: ColumnValue[]; states: State[] }

/** Runs an aggregate over a source, which it releases: one object without groupBy, else one for each group. */
export async function runAggregate(plan: AggregatePlan, source: ScanSource, signal: AbortSignal | undefined): Promise<object | object[]> {
  const groups = new Map<string, Group>()
  const fresh = (key: ColumnValue[]): Group => ({ key, states: plan.measures.map(() => ({ count: 0, sum: undefined, value: null, by: null, set: undefined })) })
  const all = fresh([])
  try {
    if (!plan.scan.range.empty) {
      for await (const batch of matchedBatches(plan.scan, source, { positions: plan.scan.positions, signal })) {
        const count = batch.selection?.length ?? batch.rowCount
        for (let k = 0; k < count; k++) {
          const row = batch.selection ? (batch.selection[k] as number) : k
          let group: Group | undefined = all
          if (plan.groups) {
            const key = plan.groups.map(({ column, position, bucket }) => {
              const value = valueAt(column, batch.column(position), row)
              return bucket && typeof value === 'number' ? bucket.spanOf(value).start : value
            })
            const id = key.map((value) => `${typeof value}${String(value)}`).join('|')
            group = groups.get(id)
            if (!group) groups.set(id, (group = fresh(key)))
          }
          for (let m = 0; m < plan.measures.length; m++) add(plan, plan.measures[m] as MeasurePlan, group.states[m] as State, batch, row)
        }
      }
    }
  } finally {
    source.release()
  }
  const row = ({ key, states }: Group): Record<string, ColumnValue> => {
    const out: Record<string, ColumnValue> = {}
    for (const [i, { name }] of (plan.groups ?? []).entries()) out[name] = key[i] as ColumnValue
    for (const [m, measure] of plan.measures.entries()) out[measure.name] = result(measure, states[m] as State)
    return out
  }
  if (!plan.groups) return row(all)
  const rows = [...groups.values()].map(row)
  const names = [...plan.groups, ...plan.measures].map(({ name }) => name)
  rows.sort((a, b) => {
    for (const { index, descending } of plan.order) {
      const order = compareValues(a[names[index] as string] as ColumnValue, b[names[index] as string] as ColumnValue)
      if (order !== 0) return descending ? -order : order
    }
    return 0
  })
  return rows.slice(0, plan.limit)
}

function add(plan: AggregatePlan, { op, position, by }: MeasurePlan, state: State, batch: MatchedBatch, row: number): void {
  if (position === undefined) {
    state.count++
    return
  }
  const value = valueAt(columnAt(plan.scan.schema, position), batch.column(position), row)
  if (by !== undefined) {
    const key = valueAt(columnAt(plan.scan.schema, by), batch.column(by), row)
    if (key === null) return
    const order = state.by === null ? 1 : compareValues(key, state.by)
    if (state.by !== null && (op === 'last' ? order < 0 : order >= 0)) return
    state.by = key
    state.value = value
    return
  }
  if (value === null) return
  state.count++
  if (op === 'sum' || op === 'avg') state.sum = state.sum === undefined ? (value as number) : ((state.sum as number) + (value as number))
  else if (op === 'countDistinct') (state.set ??= new Set()).add(value instanceof Uint8Array ? value.join() : value)
  else if (op === 'min' && !Number.isNaN(value) && (state.value === null || compareValues(value, state.value) < 0)) state.value = value
  else if (op === 'max' && !Number.isNaN(value) && (state.value === null || compareValues(value, state.value) > 0)) state.value = value
}

function result({ op }: MeasurePlan, { count, sum, value, set }: State): ColumnValue {
  if (op === 'count') return count
  if (op === 'countDistinct') return set?.size ?? 0
  if (op === 'sum') return sum ?? null
  if (op === 'avg') return sum === undefined ? null : Number(sum) / count
  return value
}

function compareValues(a: ColumnValue, b: ColumnValue): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? -1 : 1
  if (a instanceof Uint8Array) return compareBytes(a, b as Uint8Array)
  return a < b ? -1 : a > b ? 1 : 0
}
