/**
 * Point reads. A key is looked for among the rows kept whole, in the live store, the frozen one, then on disk; a read that finds everything in
 * memory is done within the call, another one loads what it misses and tries again.
 */
import { throwIfAborted } from '../base/errors.ts'
import { eventLoopGate } from '../base/event-loop-gate.ts'
import { fileError } from '../base/file-error.ts'
import { columnAt, columnPositions } from '../query/columns.ts'
import { LookupMisses } from '../rowset/lookup-misses.ts'
import { asValues, eachItsOwn, type RowRead } from '../rowset/row-read.ts'
import type { FixedKeys, KeyBlock } from '../schema/column-vector.ts'
import { hashKey, hashKeys, keysOf, probeKey, probeRoom } from '../schema/key-encoding.ts'
import { partitionOfKeys } from '../schema/partitioner.ts'
import { rowBuilder } from '../schema/row-builder.ts'
import { type RowDecoder, rowDecoder } from '../schema/row-decoder.ts'
import type { ColumnValue, TableSchema } from '../schema/table-schema.ts'
import type { Tablet } from '../tablet/tablet.ts'
import type { ReadOptions } from './api.ts'
import type { TableForm } from './engine-table.ts'
import type { MissLoader } from './miss-loader.ts'
import { requireHistory } from './retained-history.ts'
import type { Snapshots } from './snapshots.ts'

type GetOptions = ReadOptions & { readonly columns?: readonly PropertyKey[] }
type AnyRow = Record<string, unknown>

/** Room for the answer of a read of some columns, and what makes a row of it. */
interface Shape {
  readonly read: RowRead
  readonly build: (values: readonly ColumnValue[]) => AnyRow
  readonly decoder: RowDecoder
}

/** Shapes kept: reads of the same columns share one. */
const shapesMax = 64

export class TableReader {
  readonly #form: TableForm
  readonly #schema: TableSchema
  readonly #tablets: readonly Tablet[]
  readonly #snapshots: Snapshots
  readonly #missLoader: MissLoader
  readonly #requireUsable: () => void
  readonly #whole: Shape
  /** Room for the key of a read that is done within its call. */
  #probe: FixedKeys | undefined
  readonly #shapes = new Map<string, Shape>()

  /** `requireUsable` throws once the table is dropped or its database closed: rows that were in memory are gone then. */
  constructor(form: TableForm, snapshots: Snapshots, missLoader: MissLoader, requireUsable: () => void) {
    const { schema, tablets } = form
    this.#form = form
    this.#schema = schema
    this.#tablets = tablets
    this.#snapshots = snapshots
    this.#missLoader = missLoader
    this.#requireUsable = requireUsable
    this.#probe = probeRoom(schema)
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
    const keys = this.#keyOf(key)
    const hash = hashKey(keys, 0)
    const tablet = this.#tabletOf(keys, 0)
    requireHistory(tablet, timestamp)
    const cached = this.#cached(tablet, keys, 0, hash, shape, timestamp)
    if (cached !== undefined) return eventLoopGate.resolve(cached)
    const found = find(tablet, keys, 0, hash, shape, timestamp, new LookupMisses())
    if (found === undefined) return this.#readLater(tablet, kept(keys), 0, hash, shape, timestamp, o?.signal)
    return eventLoopGate.resolve(found ? this.#take(tablet, keys, 0, hash, shape, timestamp) : undefined)
  }

  getSync(key: unknown, o: GetOptions | undefined): AnyRow | undefined {
    const timestamp = this.#snapshots.timestampOf(o)
    const shape = this.#shape(o)
    throwIfAborted(o?.signal)
    const keys = this.#keyOf(key)
    const hash = hashKey(keys, 0)
    const tablet = this.#tabletOf(keys, 0)
    requireHistory(tablet, timestamp)
    const cached = this.#cached(tablet, keys, 0, hash, shape, timestamp)
    if (cached !== undefined) return cached
    const misses = new LookupMisses()
    for (;;) {
      const found = find(tablet, keys, 0, hash, shape, timestamp, misses)
      if (found === undefined) {
        loadNow(misses)
        continue
      }
      const row = found ? this.#take(tablet, keys, 0, hash, shape, timestamp) : undefined
      misses.end()
      return row
    }
  }

  async getMany(input: readonly unknown[], o: GetOptions | undefined): Promise<(AnyRow | undefined)[]> {
    const timestamp = this.#snapshots.timestampOf(o)
    const shape = this.#shape(o)
    throwIfAborted(o?.signal)
    const keys = keysOf(this.#schema, input)
    this.#form.retain()
    const held = this.#snapshots.hold(timestamp)
    try {
      return await this.#rowsOf(keys, shape, timestamp, o?.signal)
    } finally {
      held.close()
      this.#form.release()
    }
  }

  async #rowsOf(keys: KeyBlock, shape: Shape, timestamp: number, signal: AbortSignal | undefined): Promise<(AnyRow | undefined)[]> {
    const hashes = hashKeys(keys)
    const rows = new Array<AnyRow | undefined>(keys.count).fill(undefined)
    for (let i = 0; i < keys.count; i++) {
      const tablet = this.#tabletOf(keys, i)
      requireHistory(tablet, timestamp)
      const hash = hashes[i] as number
      rows[i] = this.#cached(tablet, keys, i, hash, shape, timestamp)
      const found = rows[i] === undefined ? find(tablet, keys, i, hash, shape, timestamp, new LookupMisses()) : false
      if (found) rows[i] = this.#take(tablet, keys, i, hash, shape, timestamp)
      else if (found === undefined) rows[i] = await this.#readLater(tablet, keys, i, hash, shape, timestamp, signal)
      const pause = (i & 63) === 63 ? eventLoopGate.pause() : undefined
      if (!pause) continue
      await pause
      this.#requireUsable()
    }
    throwIfAborted(signal)
    return rows
  }

  /** Loads what is missed and asks again, until the answer is there. */
  async #readLater(
    tablet: Tablet,
    keys: KeyBlock,
    i: number,
    hash: number,
    shape: Shape,
    timestamp: number,
    signal: AbortSignal | undefined,
  ): Promise<AnyRow | undefined> {
    const misses = new LookupMisses()
    this.#form.retain()
    // What the newest state needs is not dropped while a read of it waits; what an older one needs may be about to be.
    const held = this.#snapshots.hold(timestamp)
    try {
      for (;;) {
        // The answer is found and taken within one tick, so that reads may share the room for it.
        const found = find(tablet, keys, i, hash, shape, timestamp, misses)
        if (found !== undefined) return found ? this.#take(tablet, keys, i, hash, shape, timestamp) : undefined
        const loading = this.#missLoader.load(misses)
        if (loading === undefined) continue
        await loading
        throwIfAborted(signal)
        this.#requireUsable()
        requireHistory(tablet, timestamp)
      }
    } catch (error) {
      throw fileError(error)
    } finally {
      misses.end()
      held.close()
      this.#form.release()
    }
  }

  /** The key, valid until the next call. A getter of the key object might read from the same table: the room is not there then. */
  #keyOf(key: unknown): KeyBlock {
    const room = this.#probe
    this.#probe = undefined
    try {
      return probeKey(this.#schema, key, room)
    } finally {
      this.#probe = room
    }
  }

  /** The row, if it is kept whole and the read asks for all of it, as it is now. */
  #cached(tablet: Tablet, keys: KeyBlock, i: number, hash: number, shape: Shape, timestamp: number): AnyRow | undefined {
    return shape === this.#whole && timestamp === this.#snapshots.newest ? tablet.cachedRow(keys, i, hash) : undefined
  }

  /** The row that `find` has just found; one from disk is kept for the next time. */
  #take(tablet: Tablet, keys: KeyBlock, i: number, hash: number, shape: Shape, timestamp: number): AnyRow {
    const { index, indexes, values, vectors } = shape.read
    if (index === asValues) return shape.build(values)
    const row = shape.decoder.row(vectors, index === eachItsOwn ? indexes : index)
    if (shape === this.#whole && timestamp === this.#snapshots.newest) tablet.cacheRow(keys, i, hash, row)
    return row
  }

  #tabletOf(keys: KeyBlock, i: number): Tablet {
    const ordinal = this.#tablets.length === 1 ? 0 : partitionOfKeys(this.#schema, keys, i)
    return this.#tablets[ordinal] as Tablet
  }

  #shape(o: GetOptions | undefined): Shape {
    if (o?.columns === undefined) return this.#whole
    const positions = columnPositions(this.#schema, o.columns)
    const name = positions.join()
    let shape = this.#shapes.get(name)
    if (!shape) {
      if (this.#shapes.size === shapesMax) this.#shapes.clear()
      shape = shapeOf(this.#schema, positions)
      this.#shapes.set(name, shape)
    }
    return shape
  }
}

function shapeOf(schema: TableSchema, positions: readonly number[]): Shape {
  const names = positions.map((position) => columnAt(schema, position).name)
  const values = new Array<ColumnValue>(positions.length).fill(null)
  const read: RowRead = { timestamp: 0, misses: new LookupMisses(), positions, values, vectors: [], index: asValues, indexes: [] }
  return { read, build: rowBuilder(names), decoder: rowDecoder(schema, positions) }
}

/** Keys that stay valid when the room for a read's key is used again. Made of those: asked again, a getter might answer otherwise. */
function kept(keys: KeyBlock): KeyBlock {
  return keys.form === 'fixed' ? { ...keys, words: keys.words.slice() } : keys
}

function loadNow(misses: LookupMisses): void {
  try {
    misses.loadSync()
  } catch (error) {
    throw fileError(error)
  }
}

function find(
  tablet: Tablet,
  keys: KeyBlock,
  i: number,
  hash: number,
  { read }: Shape,
  timestamp: number,
  misses: LookupMisses,
): boolean | undefined {
  read.timestamp = timestamp
  read.misses = misses
  return tablet.readRow(keys, i, hash, read)
}
