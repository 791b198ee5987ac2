import type { ColumnSchema, ColumnValue } from '../schema/table-schema.ts'
import type { Accumulator, GroupedBatch, Measure } from './accumulator.ts'
import type { AggregatePlan, MeasurePlan } from './aggregate-plan.ts'
import { columnAt } from './columns.ts'
import { DistinctCounts } from './distinct-counts.ts'
import { ExactSums } from './exact-sums.ts'
import { GroupTotals } from './group-totals.ts'
import { NullCounts } from './null-counts.ts'
import { NumberExtremes } from './number-extremes.ts'
import { RowExtremes } from './row-extremes.ts'

/** The computed columns of an aggregate. What several of them need (the sum for sum and avg, counts) is kept once. */
export class Measures {
  readonly #plan: AggregatePlan
  readonly #shared = new Map<string, Accumulator>()
  readonly #measures: readonly Measure[]

  constructor(plan: AggregatePlan) {
    this.#plan = plan
    this.#measures = plan.measures.map((measure) => this.#measure(measure))
  }

  /** Whether batches need keys: first and last decide ties by them. */
  static needKeys(plan: AggregatePlan): boolean {
    return plan.measures.some(({ by }) => by !== undefined)
  }

  add(batch: GroupedBatch): void {
    for (const accumulator of this.#shared.values()) accumulator.add(batch)
  }

  /** The result of the i-th measure for a group. */
  resultOf(group: number, i: number): ColumnValue {
    return (this.#measures[i] as Measure).resultOf(group)
  }

  #measure({ op, position, by }: MeasurePlan): Measure {
    if (position === undefined) {
      const totals = this.#totals()
      return { resultOf: (group) => totals.countOf(group) }
    }
    const column = columnAt(this.#plan.scan.schema, position)
    switch (op) {
      case 'count': {
        const counts = this.#countsOf(position, column)
        return { resultOf: (group) => counts.countOf(group) }
      }
      case 'countDistinct': {
        const distinct = this.#share(`distinct ${position}`, () => new DistinctCounts(position, column))
        return { resultOf: (group) => distinct.countOf(group) }
      }
      case 'sum':
      case 'avg':
        return this.#sum(position, column, op)
      case 'min':
      case 'max':
        return this.#extreme(position, column, op === 'max')
      default: {
        const rows = this.#rowExtremes(by as number, position, op === 'last', true)
        return { resultOf: (group) => rows.shownOf(group) }
      }
    }
  }

  #sum(position: number, column: ColumnSchema, op: 'sum' | 'avg'): Measure {
    const counts = this.#countsOf(position, column)
    const sumOf = this.#sumsOf(position, column)
    return {
      resultOf(group) {
        const count = counts.countOf(group)
        if (count === 0) return null
        return op === 'sum' ? sumOf(group) : Number(sumOf(group)) / count
      },
    }
  }

  #extreme(position: number, column: ColumnSchema, largest: boolean): Measure {
    const { kind, mode } = column
    if (kind === 'string' || kind === 'binary') {
      const rows = this.#rowExtremes(position, position, largest, false)
      return { resultOf: (group) => rows.shownOf(group) }
    }
    const extremes = this.#share(`${largest ? 'max' : 'min'} ${position}`, () => new NumberExtremes(position, largest))
    return {
      resultOf(group) {
        const value = extremes.extremeOf(group)
        if (value === undefined) return null
        if (kind === 'bool') return value === 1
        return kind === 'int64' && mode === 'bigint' ? BigInt(value) : value
      },
    }
  }

  #rowExtremes(by: number, shown: number, largest: boolean, keyed: boolean): RowExtremes {
    const { schema } = this.#plan.scan
    return this.#share(`row ${by} ${shown} ${largest} ${keyed}`, () => new RowExtremes({ schema, by, shown, largest, keyed }))
  }

  #totals(): GroupTotals {
    return this.#share('totals', () => new GroupTotals())
  }

  /** Exact for bigints; else as doubles add up. */
  #sumsOf(position: number, { kind, mode }: ColumnSchema): (group: number) => number | bigint {
    if (kind === 'int64' && mode === 'bigint') {
      const sums = this.#share(`sum ${position}`, () => new ExactSums(position))
      return (group) => sums.sumOf(group)
    }
    const totals = this.#totals()
    const index = totals.sumOfColumn(position)
    return (group) => totals.sumOf(group, index)
  }

  /** How many values of a column are not null. */
  #countsOf(position: number, { nullable }: ColumnSchema): { countOf(group: number): number } {
    const totals = this.#totals()
    if (!nullable) return totals
    const nulls = this.#share(`nulls ${position}`, () => new NullCounts(position))
    return { countOf: (group) => totals.countOf(group) - nulls.countOf(group) }
  }

  #share<A extends Accumulator>(key: string, make: () => A): A {
    let shared = this.#shared.get(key) as A | undefined
    if (!shared) {
      shared = make()
      this.#shared.set(key, shared)
    }
    return shared
  }
}
