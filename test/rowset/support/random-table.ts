import { inspect, isDeepStrictEqual } from 'node:util'
import { SeededRandom } from '../../../src/base/seeded-random.ts'
import type { BatchSource, KeyRange } from '../../../src/rowset/batch-source.ts'
import type { ColumnVector, KeyBlock, RowBlock } from '../../../src/schema/column-vector.ts'
import { encodeKeys, hashKeys, keyBytes, keyLayout } from '../../../src/schema/key-encoding.ts'
import { valueAt } from '../../../src/schema/row-decoder.ts'
import { rowEncoder } from '../../../src/schema/row-encoder.ts'
import type { ColumnSchema, ColumnValue, TableSchema } from '../../../src/schema/table-schema.ts'

export const openRange: KeyRange = { lower: undefined, upper: undefined }

/** A schema whose columns are named c0, c1 …, and whose key is `keyColumns`. */
export function schemaOf(columns: readonly Partial<ColumnSchema>[], keyColumns: readonly number[]): TableSchema {
  return {
    tableId: 1,
    name: 't',
    columns: columns.map((sketch, i) => ({ id: i + 1, name: `c${i}`, kind: 'int32', nullable: false, mode: 'bigint', ...sketch })),
    keyColumns,
    partition: { scheme: 'none' },
    maintenance: { priority: 0, compaction: true },
    version: 1,
    nextColumnId: columns.length + 1,
  }
}

/** Every kind, most of them nullable, behind a fixed key of 13 bytes. */
export const fixedKeySchema = schemaOf(
  [
    { kind: 'int32' },
    { kind: 'int64' },
    { kind: 'bool' },
    { kind: 'int8', nullable: true },
    { kind: 'int16' },
    { kind: 'int64', nullable: true },
    { kind: 'int64', mode: 'number' },
    { kind: 'float', nullable: true },
    { kind: 'double' },
    { kind: 'timestamp', nullable: true },
    { kind: 'string', nullable: true },
    { kind: 'binary' },
  ],
  [0, 1, 2],
)

/** A string leads the key. */
export const variableKeySchema = schemaOf(
  [{ kind: 'double' }, { kind: 'string' }, { kind: 'int16' }, { kind: 'string', nullable: true }],
  [1, 2],
)

export type PlainRow = readonly ColumnValue[]

/** A row with its encoded key in hex and the timestamp it was inserted at. */
export interface ModelRow {
  readonly row: PlainRow
  readonly keyHex: string
  readonly timestamp: number
}

export interface Batch {
  readonly block: RowBlock
  readonly keys: KeyBlock
  readonly hashes: Uint32Array
  readonly rows: readonly PlainRow[]
  readonly keyHexes: readonly string[]
}

/** Random rows with distinct keys over the calls of one instance. */
export class RandomTable {
  readonly random: SeededRandom
  readonly schema: TableSchema
  private readonly seen = new Set<string>()
  private readonly longStrings: boolean

  constructor(schema: TableSchema, seed: number, o: { longStrings?: boolean } = {}) {
    this.schema = schema
    this.random = new SeededRandom(seed)
    this.longStrings = o.longStrings ?? false
  }

  /** `count` rows whose keys no earlier batch had. */
  batch(count: number): Batch {
    const rows: PlainRow[] = []
    while (rows.length < count) {
      const row = this.schema.columns.map((column, position) => this.value(column, this.schema.keyColumns.includes(position)))
      const key = this.schema.keyColumns.map((position) => String(row[position])).join('\u0001')
      if (this.seen.has(key)) continue
      this.seen.add(key)
      rows.push(row)
    }
    return batchOf(this.schema, rows)
  }

  private value({ kind, nullable, mode }: ColumnSchema, inKey: boolean): ColumnValue {
    const { random } = this
    if (nullable && random.below(5) === 0) return null
    switch (kind) {
      case 'bool':
        return random.below(2) === 1
      case 'int8':
        return random.below(256) - 128
      case 'int16':
        return random.below(65536) - 32768
      case 'int32':
        return inKey ? random.below(40) - 20 : random.below(2 ** 32) - 2 ** 31
      case 'int64':
        if (mode === 'number') return random.below(2 ** 52) - 2 ** 51
        return random.below(50) === 0 ? 2n ** 62n - BigInt(random.below(2 ** 40)) : BigInt(random.below(2 ** 40)) - 2n ** 39n
      case 'float':
        return Math.fround(random.next())
      case 'double':
        return random.next() - 0.5
      case 'timestamp':
        return random.below(2 ** 41)
      case 'string':
        return this.text(inKey)
      case 'binary':
        return Uint8Array.from({ length: random.below(9) }, () => random.below(256))
    }
  }

  private text(inKey: boolean): string {
    const { random } = this
    if (inKey) return `${random.below(2) === 0 ? 'a common beginning ' : ''}${'x'.repeat(random.below(3))}${random.below(5000)}`
    return random.below(4) === 0 ? 'žluťoučký\u{1f40e}' : 'z'.repeat(random.below(this.longStrings ? 5000 : 20))
  }
}

export function batchOf(schema: TableSchema, rows: readonly PlainRow[]): Batch {
  const block = rowEncoder(schema).encode(rows.map((row) => Object.fromEntries(row.map((value, i) => [`c${i}`, value]))))
  const keys = encodeKeys(schema, block)
  const keyHexes = rows.map((_, i) => Buffer.from(keyBytes(keys, i, keyLayout(schema))).toString('hex'))
  return { block, keys, hashes: hashKeys(keys), rows, keyHexes }
}

export interface ScannedRow {
  readonly row: PlainRow
  readonly keyHex: string
}

/** All visible rows of some batches, in the order in which they come; with their keys, read from the batch. */
export function readBatches(schema: TableSchema, batches: Iterable<BatchSource>, o: { reverse?: boolean } = {}): ScannedRow[] {
  const scanned: ScannedRow[] = []
  for (const batch of batches) {
    batch.prepareSync({ columns: schema.columns.map((_, position) => position), keys: true })
    const rows: ScannedRow[] = []
    const selection = batch.selection() ?? Int32Array.from({ length: batch.rowCount }, (_, i) => i)
    const columns = schema.columns.map((_, position) => batch.column(position))
    const keys = batch.keys()
    for (const i of selection) {
      const row = columns.map((vector, position) => valueAt(schema.columns[position] as ColumnSchema, vector as ColumnVector, i))
      rows.push({ row, keyHex: Buffer.from(keyBytes(keys, i, keyLayout(schema))).toString('hex') })
    }
    scanned.push(...(o.reverse === true ? rows.reverse() : rows))
  }
  return scanned
}

/** The rows of the model that a scan must give, in key order. */
export function expectedRows(model: readonly ModelRow[], o: { timestamp: number; range?: KeyRange }): ScannedRow[] {
  const lower = hex(o.range?.lower)
  const upper = hex(o.range?.upper)
  return model
    .filter(
      ({ keyHex, timestamp }) =>
        timestamp <= o.timestamp && (lower === undefined || keyHex >= lower) && (upper === undefined || keyHex < upper),
    )
    .sort(byKey)
    .map(({ row, keyHex }) => ({ row, keyHex }))
}

/** Undefined if the lists are equal, else where they first differ. Much faster on long lists than an assertion that could draw a difference. */
export function firstDifference(actual: readonly unknown[], expected: readonly unknown[]): string | undefined {
  if (isDeepStrictEqual(actual, expected)) return undefined
  const at = actual.findIndex((value, i) => !isDeepStrictEqual(value, expected[i]))
  const place = at < 0 ? actual.length : at
  return `${actual.length} and ${expected.length} long, differ at ${place}: ${inspect(actual[place])} is not ${inspect(expected[place])}`
}

export function byKey(a: { keyHex: string }, b: { keyHex: string }): number {
  return a.keyHex < b.keyHex ? -1 : a.keyHex > b.keyHex ? 1 : 0
}

function hex(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString('hex')
}
