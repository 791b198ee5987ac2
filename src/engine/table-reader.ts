/**
 * Point reads. A key is looked for in the live store, the frozen one, then on disk; a read that finds everything in
 * memory is done within the call, another one loads what it misses and tries again.
 */
import { throwIfAborted } from '../base/errors.ts'
import { eventLoopGate } from '../base/event-loop-gate.ts'
import { columnAt, columnPositions } from '../query/columns.ts'
import { LookupMisses } from '../rowset/lookup-misses.ts'
import type { KeyBlock } from '../schema/column-vector.ts'
import { hashKey, hashKeys, keysOf, singleKey } from '../schema/key-encoding.ts'
import { partitionOfKeys } from '../schema/partitioner.ts'
import { rowBuilder } from '../schema/row-builder.ts'
import type { ColumnValue, TableSchema } from '../schema/table-schema.ts'
import type { Tablet } from '../tablet/tablet.ts'
import type { ReadOptions } from './api.ts'
import type { Snapshots } from './snapshots.ts'

type GetOptions = ReadOptions & { readonly columns?: readonly PropertyKey[] }
type AnyRow = Record<string, unknown>

/** The columns of a read, room for their values, and what makes a row of them. */
interface Shape {
  readonly positions: readonly number[]
  readonly out: ColumnValue[]
  readonly build: (values: readonly ColumnValue[]) => AnyRow
}

export class TableReader {
  readonly #schema: TableSchema
  readonly #tablets: readonly Tablet[]
  readonly #snapshots: Snapshots
  readonly #whole: Shape

  constructor(schema: TableSchema, tablets: readonly Tablet[], snapshots: Snapshots) {
    this.#schema = schema
    this.#tablets = tablets
    this.#snapshots = snapshots
    this.#whole = shapeOf(
      schema,
      schema.columns.map((_, position) => position),
    )
  }

  /** The row of a key, or undefined; throws for a key or options that make no sense. */
  get(key: unknown, o: GetOptions | undefined): Promise<AnyRow | undefined> {
    const timestamp = this.#snapshots.timestampOf(o)
    const shape = this.#shape(o)
    throwIfAborted(o?.signal)
    const keys = singleKey(this.#schema, key)
    const hash = hashKey(keys, 0)
    const tablet = this.#tabletOf(keys, 0)
    const misses = new LookupMisses()
    const found = tablet.readRow(keys, 0, hash, { ...shape, timestamp, misses })
    if (found === undefined) return this.#readLater(tablet, keys, 0, hash, timestamp, shape, misses, o?.signal)
    return eventLoopGate.resolve(found ? shape.build(shape.out) : undefined)
  }

  getSync(key: unknown, o: GetOptions | undefined): AnyRow | undefined {
    const timestamp = this.#snapshots.timestampOf(o)
    const shape = this.#shape(o)
    throwIfAborted(o?.signal)
    const keys = singleKey(this.#schema, key)
    const tablet = this.#tabletOf(keys, 0)
    const misses = new LookupMisses()
    for (;;) {
      const found = tablet.readRow(keys, 0, hashKey(keys, 0), { ...shape, timestamp, misses })
      if (found !== undefined) return found ? shape.build(shape.out) : undefined
      misses.loadSync()
    }
  }

  async getMany(input: readonly unknown[], o: GetOptions | undefined): Promise<(AnyRow | undefined)[]> {
    const timestamp = this.#snapshots.timestampOf(o)
    const shape = this.#shape(o)
    throwIfAborted(o?.signal)
    const keys = keysOf(this.#schema, input)
    const hashes = hashKeys(keys)
    const rows: (AnyRow | undefined)[] = new Array(keys.count)
    for (let i = 0; i < keys.count; i++) {
      const tablet = this.#tabletOf(keys, i)
      const hash = hashes[i] as number
      const misses = new LookupMisses()
      const found = tablet.readRow(keys, i, hash, { ...shape, timestamp, misses })
      if (found) rows[i] = shape.build(shape.out)
      else if (found === undefined) rows[i] = await this.#readLater(tablet, keys, i, hash, timestamp, shape, misses, o?.signal)
      const pause = (i & 63) === 63 ? eventLoopGate.pause() : undefined
      if (pause) await pause
    }
    throwIfAborted(o?.signal)
    return rows
  }

  /** Loads what was missed and asks again, until the answer is there. `out` is filled and read in one tick, so that reads may share it. */
  async #readLater(
    tablet: Tablet,
    keys: KeyBlock,
    i: number,
    hash: number,
    timestamp: number,
    shape: Shape,
    misses: LookupMisses,
    signal: AbortSignal | undefined,
  ): Promise<AnyRow | undefined> {
    for (;;) {
      await misses.load()
      throwIfAborted(signal)
      const found = tablet.readRow(keys, i, hash, { ...shape, timestamp, misses })
      if (found !== undefined) return found ? shape.build(shape.out) : undefined
    }
  }

  #tabletOf(keys: KeyBlock, i: number): Tablet {
    const ordinal = this.#tablets.length === 1 ? 0 : partitionOfKeys(this.#schema, keys, i)
    return this.#tablets[ordinal] as Tablet
  }

  #shape(o: GetOptions | undefined): Shape {
    return o?.columns === undefined ? this.#whole : shapeOf(this.#schema, columnPositions(this.#schema, o.columns))
  }
}

function shapeOf(schema: TableSchema, positions: readonly number[]): Shape {
  const names = positions.map((position) => columnAt(schema, position).name)
  return { positions, out: new Array<ColumnValue>(positions.length).fill(null), build: rowBuilder(names) }
}
