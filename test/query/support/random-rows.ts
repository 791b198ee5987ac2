import type { SeededRandom } from '../../../src/base/seeded-random.ts'
import type { ColumnKind } from '../../../src/schema/column-vector.ts'
import type { ColumnSchema, ColumnValue, TableSchema } from '../../../src/schema/table-schema.ts'

export type PlainRow = Readonly<Record<string, ColumnValue>>

function column(id: number, name: string, kind: ColumnKind, o: Partial<ColumnSchema> = {}): ColumnSchema {
  return { id, name, kind, nullable: true, mode: 'bigint', ...o }
}

/** Every kind of column, nullable but for the key; the key's first column has few values. */
export const everyKind: TableSchema = {
  tableId: 1,
  name: 't',
  columns: [
    column(1, 'host', 'int32', { nullable: false }),
    column(2, 'part', 'string', { nullable: false }),
    column(3, 'seq', 'int64', { nullable: false }),
    column(4, 'flag', 'bool'),
    column(5, 'tiny', 'int8'),
    column(6, 'short', 'int16'),
    column(7, 'int', 'int32'),
    column(8, 'big', 'int64'),
    column(9, 'count', 'int64', { mode: 'number' }),
    column(10, 'single', 'float'),
    column(11, 'value', 'double'),
    column(12, 'at', 'timestamp'),
    column(13, 'text', 'string'),
    column(14, 'blob', 'binary'),
  ],
  keyColumns: [0, 1, 2],
  partition: { scheme: 'none' },
  maintenance: { priority: 0, compaction: true },
  version: 1,
  nextColumnId: 15,
}

const texts = [
  '',
  'a',
  'ab',
  'ab\u0000',
  'abc',
  'b',
  'é',
  '\uffff',
  '\u{10000}',
  '\u{1f600}',
  'a\u{1f600}',
  'a\uffff',
  'zebra',
  'x'.repeat(40),
  `${'x'.repeat(40)}y`,
]
const wides = [0n, 1n, -1n, 5n, 2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 62n]
const doubles = [0, -0, 1, -1, 0.5, 0.25, 2, 7, -3.75, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
const times = [0, 1, 86_400_000, -86_400_000, 1_700_000_000_000, 1_700_000_000_001, 1_700_003_600_000, 8.64e15, -8.64e15]

/** A value that fits the column, from a small set with all the odd ones; null now and then where it is allowed. */
export function randomValue(
  random: SeededRandom,
  { kind, nullable, mode }: Pick<ColumnSchema, 'kind' | 'nullable' | 'mode'>,
  o: { tame?: boolean } = {},
): ColumnValue {
  if (nullable && random.below(6) === 0) return null
  const pick = <V>(values: readonly V[]): V => values[random.below(values.length)] as V
  switch (kind) {
    case 'bool':
      return random.below(2) === 1
    case 'int8':
      return pick([-128, 127, 0, random.below(6)])
    case 'int16':
      return pick([-32768, 32767, 0, random.below(6)])
    case 'int32':
      return pick([-(2 ** 31), 2 ** 31 - 1, 0, random.below(6), random.below(6)])
    case 'int64':
      if (mode === 'number') return pick([0, random.below(9), 0 - random.below(9), 2 ** 53 - 1, -(2 ** 53) + 1])
      return o.tame ? BigInt(random.below(9) - 4) : random.below(2) === 0 ? BigInt(random.below(9)) : pick(wides)
    case 'float':
      return Math.fround(pick(doubles))
    case 'double':
      return pick(doubles)
    case 'timestamp':
      return pick(times)
    case 'string':
      return pick(texts)
    case 'binary':
      return pick([new Uint8Array(0), Uint8Array.of(0), Uint8Array.of(255), Uint8Array.of(1, 2), new Uint8Array(40).fill(255)])
  }
}

/** Rows of `everyKind` with distinct keys. `tame`: this lot has no integers beyond ±2^53. */
export function randomRows(random: SeededRandom, count: number, o: { tame?: boolean; firstSeq?: number } = {}): PlainRow[] {
  return Array.from({ length: count }, (_, i) => {
    const row: Record<string, ColumnValue> = {}
    for (const each of everyKind.columns) row[each.name] = randomValue(random, each, o)
    row.seq = BigInt((o.firstSeq ?? 0) + i)
    return row
  })
}

/** A value as a message about a failed seed shows it. */
export function show(value: unknown): string {
  return JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? `${each}n` : typeof each === 'number' ? String(each) : each))
}
