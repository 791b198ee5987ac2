import type { SeededRandom } from '../../../src/base/seeded-random.ts'
import type { ScanSource } from '../../../src/query/match-batch.ts'
import type { BatchNeeds, BatchSource, ZoneMap } from '../../../src/rowset/batch-source.ts'
import type { BytesVector, ColumnVector, DictionaryVector, KeyBlock, RowBlock } from '../../../src/schema/column-vector.ts'
import { compareBytes, compareKeys, encodeKeys, keyBytes, keyLayout } from '../../../src/schema/key-encoding.ts'
import { valueAt } from '../../../src/schema/row-decoder.ts'
import { rowEncoder } from '../../../src/schema/row-encoder.ts'
import type { ColumnSchema, TableSchema } from '../../../src/schema/table-schema.ts'
import { gatherBlock, sliceVector, toBytesVector } from '../../../src/schema/vector-ops.ts'
import type { RowStream } from '../../../src/tablet/pinned-streams.ts'
import type { PlainRow } from './random-rows.ts'

/** How a batch shows its rows; `random` decides the rest. */
export interface Shape {
  readonly random: SeededRandom
  /** Rows that the snapshot does not see, or that lie outside of the range. */
  readonly hidden?: (row: PlainRow) => boolean
  readonly zoneMaps?: boolean
}

/** A batch that is strict about its contract: nothing may be asked for that was not prepared, and it is prepared late. */
export class FakeBatch implements BatchSource {
  readonly rowCount: number
  readonly sorted: boolean
  readonly #schema: TableSchema
  readonly #block: RowBlock
  readonly #keys: KeyBlock
  readonly #selection: Int32Array | undefined
  readonly #shape: Shape
  readonly #prepared = new Set<number | 'keys' | 'selection'>()
  /** Positions of columns that were asked for. */
  readonly columnsRead = new Set<number>()

  constructor(schema: TableSchema, rows: readonly PlainRow[], shape: Shape, o: { sorted?: boolean } = {}) {
    this.#schema = schema
    this.#shape = shape
    this.sorted = o.sorted ?? false
    const block = rowEncoder(schema).encode(rows)
    this.rowCount = rows.length
    this.#keys = encodeKeys(schema, block)
    this.#block = { rowCount: rows.length, columns: block.columns.map((vector) => reshaped(vector, shape.random)) }
    const { hidden } = shape
    const seen = rows.flatMap((row, i) => (hidden?.(row) ? [] : [i]))
    this.#selection = seen.length === rows.length && shape.random.below(3) > 0 ? undefined : Int32Array.from(seen)
  }

  zoneMap(position: number): ZoneMap | undefined {
    if (this.#shape.zoneMaps === false) return undefined
    return trueZoneMap(this.#schema.columns[position] as ColumnSchema, this.#block.columns[position] as ColumnVector)
  }

  prepare(needs: BatchNeeds): Promise<void> | undefined {
    const asked = [...needs.columns, ...(needs.keys ? (['keys'] as const) : []), 'selection' as const].filter(
      (each) => !this.#prepared.has(each),
    )
    const settle = () => {
      for (const each of asked) this.#prepared.add(each)
    }
    if (asked.length > 0 && this.#shape.random.below(3) === 0) return Promise.resolve().then(settle)
    settle()
    return undefined
  }

  prepareSync(needs: BatchNeeds): void {
    for (const each of [...needs.columns, ...(needs.keys ? (['keys'] as const) : []), 'selection' as const]) this.#prepared.add(each)
  }

  selection(): Int32Array | undefined {
    this.#require('selection')
    return this.#selection
  }

  column(position: number): ColumnVector {
    this.#require(position)
    this.columnsRead.add(position)
    return this.#block.columns[position] as ColumnVector
  }

  keys(): KeyBlock {
    this.#require('keys')
    return this.#keys
  }

  /** Encoded keys of the first and last row, for sorted batches. */
  get bounds(): readonly [Uint8Array, Uint8Array] {
    const layout = keyLayout(this.#schema)
    return [keyBytes(this.#keys, 0, layout), keyBytes(this.#keys, this.rowCount - 1, layout)]
  }

  #require(what: number | 'keys' | 'selection'): void {
    if (!this.#prepared.has(what)) throw new Error(`${what} was asked for before it was prepared`)
  }
}

/** Other forms of the same values: dictionaries with codes of any width, slices of longer arrays. */
function reshaped(vector: ColumnVector, random: SeededRandom): ColumnVector {
  const shaped = vector.form === 'bytes' && random.below(2) === 0 ? dictionaryOf(vector, random) : vector
  if (random.below(3) > 0 || shaped.length === 0) return shaped
  // With rows before and after it that belong to nobody.
  const padded = gatherBlock({ rowCount: shaped.length, columns: [shaped] }, Int32Array.of(0, ...Array(shaped.length).keys(), 0))
    .columns[0] as ColumnVector
  return sliceVector(padded, 1, shaped.length + 1)
}

export function dictionaryOf(given: ColumnVector, random: SeededRandom): DictionaryVector {
  const vector = toBytesVector(given)
  const isNull = (i: number) => vector.nulls?.[i] === 1
  const hexOf = (i: number) => Buffer.from(vector.bytes.subarray(vector.offsets[i], vector.offsets[i + 1])).toString('hex')
  const hexes = Array.from({ length: vector.length }, (_, i) => hexOf(i))
  // An entry that no row has, now and then: filters leave such behind.
  const unused = random.below(2) === 0 ? [Buffer.from('unused').toString('hex')] : []
  const distinct = [...new Set([...hexes.filter((_, i) => !isNull(i)), ...unused])].map((hex) => Buffer.from(hex, 'hex')).sort(compareBytes)
  const offsets = new Uint32Array(distinct.length + 1)
  distinct.forEach((bytes, i) => {
    offsets[i + 1] = (offsets[i] as number) + bytes.length
  })
  const dictionary: BytesVector = {
    form: 'bytes',
    length: distinct.length,
    offsets,
    bytes: new Uint8Array(Buffer.concat(distinct)),
    nulls: undefined,
  }
  const codeOf = new Map(distinct.map((bytes, code) => [bytes.toString('hex'), code]))
  const plain = hexes.map((hex, i) => (isNull(i) ? 0 : (codeOf.get(hex) as number)))
  const wideEnough = [Uint8Array, Uint16Array, Int32Array].slice(distinct.length <= 256 ? 0 : distinct.length <= 65536 ? 1 : 2)
  const codes = wideEnough[random.below(wideEnough.length)]?.from(plain) as Uint8Array
  return { form: 'dictionary', length: vector.length, codes, dictionary, nulls: vector.nulls }
}

/** What an SSTable would know of these rows; bounds of strings are cut short. */
export function trueZoneMap(column: ColumnSchema, vector: ColumnVector): ZoneMap {
  const plain = { ...column, mode: 'bigint' as const }
  const values = Array.from({ length: vector.length }, (_, i) => valueAt(plain, vector, i))
  const nullCount = values.filter((value) => value === null).length
  const hasNaN = values.some((value) => Number.isNaN(value))
  const kept = values.filter((value) => value !== null && !Number.isNaN(value))
  if (kept.length === 0) return { min: undefined, max: undefined, nullCount, hasNaN, known: true }
  if (column.kind === 'string' || column.kind === 'binary') {
    const bytes = kept.map((value) => new Uint8Array(Buffer.from(value as string))).sort(compareBytes)
    const [least, most] = [bytes[0] as Uint8Array, bytes.at(-1) as Uint8Array]
    const cut = most.length <= 32 ? most : most.slice(0, 32)
    if (cut !== most) {
      if (cut[31] === 255) return { min: undefined, max: undefined, nullCount, hasNaN, known: false }
      cut[31] = (cut[31] as number) + 1
    }
    return { min: least.slice(0, 32), max: cut, nullCount, hasNaN, known: true }
  }
  const numbers = kept.map((value) =>
    typeof value === 'bigint' && BigInt(Number(value)) === value && Math.abs(Number(value)) <= 2 ** 53
      ? Number(value)
      : typeof value === 'boolean'
        ? Number(value)
        : (value as number | bigint),
  )
  const sorted = numbers.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  return { min: sorted[0], max: sorted.at(-1), nullCount, hasNaN, known: true }
}

/** Rows cut into batches at random, a stream each time `streams` says so. */
export function unorderedSource(schema: TableSchema, lots: readonly (readonly PlainRow[])[], shape: Shape): CountedSource {
  const streams = lots.map((rows): RowStream => {
    const batches: FakeBatch[] = []
    for (let from = 0; from < rows.length; ) {
      const to = from + 1 + shape.random.below(20)
      batches.push(new FakeBatch(schema, rows.slice(from, to), shape))
      from = to
    }
    return {
      minKey: undefined,
      maxKey: undefined,
      prepare: () => (shape.random.below(2) === 0 ? undefined : Promise.resolve()),
      batches: () => batches,
    }
  })
  return countedSource(streams)
}

/** Streams in key order, with or without known bounds. */
export function sortedSource(
  schema: TableSchema,
  lots: readonly (readonly PlainRow[])[],
  shape: Shape,
  o: { reverse: boolean },
): CountedSource {
  const streams = lots.map((rows): RowStream => {
    const sorted = inKeyOrder(schema, rows)
    const batches: FakeBatch[] = []
    for (let from = 0; from < sorted.length; ) {
      const to = from + 1 + shape.random.below(12)
      batches.push(new FakeBatch(schema, sorted.slice(from, to), shape, { sorted: true }))
      from = to
    }
    const known = batches.length > 0 && shape.random.below(3) > 0
    return {
      minKey: known ? batches[0]?.bounds[0] : undefined,
      maxKey: known ? batches.at(-1)?.bounds[1] : undefined,
      prepare: () => (shape.random.below(2) === 0 ? undefined : Promise.resolve()),
      batches: () => (o.reverse ? batches.toReversed() : batches),
    }
  })
  return countedSource(streams)
}

export function inKeyOrder(schema: TableSchema, rows: readonly PlainRow[]): PlainRow[] {
  const keys = encodeKeys(schema, rowEncoder(schema).encode(rows))
  return [...rows.keys()].sort((a, b) => compareKeys(keys, a, keys, b)).map((i) => rows[i] as PlainRow)
}

/** A source that counts how often it was released. */
export interface CountedSource extends ScanSource {
  readonly releases: number
}

export function countedSource(streams: readonly RowStream[]): CountedSource {
  let releases = 0
  return {
    range: { lower: undefined, upper: undefined },
    streams,
    release: () => {
      releases++
    },
    get releases() {
      return releases
    },
  }
}
