import { fileError } from '../base/file-error.ts'
import type { ColumnValue } from '../schema/table-schema.ts'
import type { AggregatePlan } from './aggregate-plan.ts'
import { Grouping } from './grouping.ts'
import type { MatchedBatch, ScanSource } from './match-batch.ts'
import { matchedBatches } from './matched-batches.ts'
import { Measures } from './measures.ts'
import { breathe, orderedGroups } from './ordered-groups.ts'
import { compareValues } from './value-order.ts'

export { type AggregatePlan, type AggregateRequest, planAggregate } from './aggregate-plan.ts'

type ResultRow = Record<string, ColumnValue>
/** The value of a column of the result for a group. */
type ResultColumn = (group: number) => ColumnValue

/** Result rows made between two looks at the clock. */
const rowsPerBreath = 512

/**
 * Runs an aggregate over a source, which it always releases. One object without `groupBy`; with it, an array of one
 * object for each group, in no order unless `orderBy` gives one. ABORTED.
 */
export async function runAggregate(plan: AggregatePlan, source: ScanSource, signal: AbortSignal | undefined): Promise<object | object[]> {
  const grouping = plan.groups !== undefined && plan.groups.length > 0 ? new Grouping(plan.groups) : undefined
  const measures = new Measures(plan)
  let rowCount = 0
  try {
    if (!plan.scan.range.empty) {
      const options = { positions: plan.scan.positions, keys: Measures.needKeys(plan), signal }
      for await (const batch of matchedBatches(plan.scan, source, options)) {
        addBatch(batch, grouping, measures)
        rowCount += batch.selection?.length ?? batch.rowCount
      }
    }
  } catch (error) {
    throw fileError(error)
  } finally {
    source.release()
  }
  await breathe(signal)
  const columns: ResultColumn[] = [
    ...(plan.groups ?? []).map((_, i) => (group: number) => (grouping as Grouping).valueAt(group, i)),
    ...plan.measures.map((_, i) => (group: number) => measures.resultOf(group, i)),
  ]
  const names = [...(plan.groups ?? []), ...plan.measures].map(({ name }) => name)
  if (plan.groups === undefined) return resultRow(names, columns, 0)
  return resultRows(plan, names, columns, { groupCount: grouping?.count ?? Math.min(rowCount, 1), signal })
}

function addBatch(batch: MatchedBatch, grouping: Grouping | undefined, measures: Measures): void {
  const { selection } = batch
  const count = selection?.length ?? batch.rowCount
  const { ids, runs } = grouping?.assign(batch, count) ?? { ids: undefined, runs: undefined }
  measures.add({ count, selection, ids, runs, groupCount: grouping?.count ?? 1, column: batch.column, keys: batch.keys })
}

async function resultRows(
  plan: AggregatePlan,
  names: readonly string[],
  columns: readonly ResultColumn[],
  { groupCount, signal }: { groupCount: number; signal: AbortSignal | undefined },
): Promise<ResultRow[]> {
  const count = Math.min(groupCount, plan.limit)
  const order = plan.order.length > 0 ? await orderOf(plan, columns, groupCount, signal) : undefined
  const rows: ResultRow[] = []
  for (let i = 0; i < count; i++) {
    rows.push(resultRow(names, columns, order === undefined ? i : (order[i] as number)))
    if (rows.length % rowsPerBreath === 0) await breathe(signal)
  }
  return rows
}

async function orderOf(
  plan: AggregatePlan,
  columns: readonly ResultColumn[],
  groupCount: number,
  signal: AbortSignal | undefined,
): Promise<Int32Array> {
  const terms: { values: ColumnValue[]; sign: number }[] = []
  for (const { index, descending } of plan.order) {
    const values: ColumnValue[] = []
    for (let group = 0; group < groupCount; group++) {
      values.push((columns[index] as ResultColumn)(group))
      if (values.length % rowsPerBreath === 0) await breathe(signal)
    }
    terms.push({ values, sign: descending ? -1 : 1 })
  }
  const compare = (a: number, b: number): number => {
    for (const { values, sign } of terms) {
      const order = compareValues(values[a] as ColumnValue, values[b] as ColumnValue)
      if (order !== 0) return sign * order
    }
    return 0
  }
  return orderedGroups(groupCount, plan.limit, compare, signal)
}

/** Own properties whatever their names: a column may be called `__proto__`. */
function resultRow(names: readonly string[], columns: readonly ResultColumn[], group: number): ResultRow {
  const row: ResultRow = {}
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string
    if (name === '__proto__')
      Object.defineProperty(row, name, { value: (columns[i] as ResultColumn)(group), enumerable: true, writable: true, configurable: true })
    else row[name] = (columns[i] as ResultColumn)(group)
  }
  return row
}
