import { requireOptions } from '../base/call-options.ts'
import { VarveError } from '../base/errors.ts'
import { eventLoopGate, holdEventLoop } from '../base/event-loop-gate.ts'
import { count } from '../query/aggregate.ts'
import { type AggregateRequest, planAggregate, runAggregate } from '../query/aggregate-query.ts'
import { columnAt } from '../query/columns.ts'
import { QueryScan, type ScanSource } from '../query/query-scan.ts'
import { planScan, type ScanRequest } from '../query/scan-plan.ts'
import { describeValue, invalidValue } from '../schema/column-value.ts'
import { keyValuesToObject } from '../schema/key-encoding.ts'
import type { TableDefinition } from '../schema/table-definition.ts'
import { definitionFromSchema } from '../schema/table-definition.ts'
import type { ColumnValue } from '../schema/table-schema.ts'
import type { RowStream } from '../tablet/pinned-streams.ts'
import type { ReadOptions, Scan, Table, WriteOptions } from './api.ts'
import type { EngineTable, TableForm } from './engine-table.ts'
import type { TableStats } from './metrics.ts'
import { rejected } from './rejected.ts'
import { requireHistory } from './retained-history.ts'
import type { Snapshots } from './snapshots.ts'
import type { StorageEngine } from './storage-engine.ts'
import { type TableChange, tableChanges } from './table-changes.ts'
import { TableReader } from './table-reader.ts'
import { tableStats } from './table-stats.ts'
import { TableWriter } from './table-writer.ts'
import { WhereWriter } from './where-writer.ts'
import type { Write, WriteInTurn } from './write.ts'
import type { ChangesOptions, InsertOptions } from './write-api.ts'
import { requireIfExists, requireWriteOptions } from './write-options.ts'

/** What reads and writes a table under one schema. */
interface Calls {
  readonly form: TableForm
  readonly reader: TableReader
  readonly writer: TableWriter
  readonly whereWriter: WhereWriter
  definition: TableDefinition | undefined
}

/**
 * A table of an open database. Erases the types of `Table<T>`, whose words are the documentation; `VarveDatabase` hands
 * it out under its typed interface.
 */
export class VarveTable {
  readonly #engine: StorageEngine
  readonly #table: EngineTable
  readonly #snapshots: Snapshots
  /** What calls work with as long as the table is not altered. */
  #calls: Calls

  constructor(engine: StorageEngine, table: EngineTable, snapshots: Snapshots) {
    this.#engine = engine
    this.#table = table
    this.#snapshots = snapshots
    this.#calls = this.#callsFor(table.form)
  }

  get #now(): Calls {
    if (this.#calls.form !== this.#table.form) this.#calls = this.#callsFor(this.#table.form)
    return this.#calls
  }

  #callsFor(form: TableForm): Calls {
    const { config, memory } = this.#engine.parts
    const writing = {
      schema: form.schema,
      tablets: form.tablets,
      durability: config.durability,
      batchBytesMax: Math.floor(memory.limitBytes / 4),
      submit: (write: Write | Promise<Write> | WriteInTurn, signal: AbortSignal | undefined) => this.#engine.queue.submit(write, signal),
    }
    return {
      form,
      reader: new TableReader(form, this.#snapshots, this.#engine.missLoader, () => this.#requireUsable()),
      writer: new TableWriter(writing),
      whereWriter: new WhereWriter({
        ...writing,
        pin: (plan) => ({ timestamp: this.#snapshots.newest, source: this.#pin(form, plan, {}) }),
      }),
      definition: undefined,
    }
  }

  get name(): string {
    return this.#table.schema.name
  }

  get definition(): TableDefinition {
    const now = this.#now
    now.definition ??= definitionFromSchema(now.form.schema)
    return now.definition
  }

  insert(rows: object | readonly object[], o: InsertOptions = {}): Promise<number> {
    try {
      this.#requireUsable()
      requireWriteOptions('insert', o, ['ifExists'])
      requireIfExists(o)
      return this.#altered(() => this.insert(rows, o)) ?? this.#now.writer.insert(rows, o)
    } catch (error) {
      return rejected(error)
    }
  }

  upsert(rows: object | readonly object[], o: WriteOptions = {}): Promise<void> {
    return this.#write('upsert', o, () => this.#altered(() => this.upsert(rows, o)) ?? this.#now.writer.upsert(rows, o))
  }

  update(changes: object | readonly object[], o: WriteOptions = {}): Promise<number> {
    return this.#write('update', o, () => this.#altered(() => this.update(changes, o)) ?? this.#now.writer.update(changes, o))
  }

  delete(keys: unknown, o: WriteOptions = {}): Promise<number> {
    return this.#write('delete', o, () => this.#altered(() => this.delete(keys, o)) ?? this.#now.writer.delete(keys, o))
  }

  updateWhere(where: unknown, changes: object, o: WriteOptions = {}): Promise<number> {
    const write = () => this.#table.during(this.#now.whereWriter.update(where, changes, o))
    return this.#write('updateWhere', o, () => this.#altered(() => this.updateWhere(where, changes, o)) ?? eventLoopGate.ending(write))
  }

  deleteWhere(where: unknown, o: WriteOptions = {}): Promise<number> {
    const write = () => this.#table.during(this.#now.whereWriter.delete(where, o))
    return this.#write('deleteWhere', o, () => this.#altered(() => this.deleteWhere(where, o)) ?? eventLoopGate.ending(write))
  }

  insertColumns(columns: object, o: WriteOptions = {}): Promise<number> {
    const write = () => this.#table.during(this.#now.writer.insertColumns(columns, o))
    return this.#write('insertColumns', o, () => this.#altered(() => this.insertColumns(columns, o)) ?? eventLoopGate.ending(write))
  }

  get(key: unknown, o?: ReadOptions): Promise<unknown> {
    try {
      this.#observe('get', o)
      requireOptions('get', o, getOptions)
      return this.#now.reader.get(key, o)
    } catch (error) {
      return rejected(error)
    }
  }

  getSync(key: unknown, o?: ReadOptions): unknown {
    this.#observe('get', o)
    requireOptions('getSync', o, getOptions)
    return this.#now.reader.getSync(key, o)
  }

  getMany(keys: readonly unknown[], o?: ReadOptions): Promise<unknown[]> {
    return eventLoopGate.ending(async () => {
      this.#observe('get', o)
      requireOptions('getMany', o, getOptions)
      return this.#now.reader.getMany(keys, o)
    })
  }

  scan(o: ScanRequest & ReadOptions = {}): Scan<Record<string, unknown>> {
    try {
      this.#observe('scan', o)
      const plan = planScan(this.#table.schema, o)
      return new QueryScan({ plan, source: this.#pin(this.#table.form, plan, o), signal: o.signal })
    } catch (error) {
      return new QueryScan({ failure: error })
    }
  }

  aggregate(o: AggregateRequest & ReadOptions): Promise<unknown> {
    return eventLoopGate.ending(async () => {
      this.#observe('aggregate', o)
      const plan = planAggregate(this.#table.schema, o)
      return runAggregate(plan, this.#pin(this.#table.form, plan.scan, o), o.signal)
    })
  }

  count(o: Pick<ScanRequest, 'where'> & ReadOptions = {}): Promise<number> {
    return eventLoopGate.ending(async () => {
      requireOptions('count', o, countOptions)
      const { n } = (await this.aggregate({ ...o, select: { n: count() } })) as { n: number }
      return n
    })
  }

  changes(o: ChangesOptions): AsyncIterable<TableChange> {
    return tableChanges(
      {
        form: () => this.#table.form,
        snapshots: this.#snapshots,
        requireOpen: () => this.#engine.requireOpen(),
        requireUsable: () => this.#requireUsable(),
      },
      o,
    )
  }

  keyOf(row: Readonly<Record<string, unknown>>): unknown {
    const { schema } = this.#table
    if (typeof row !== 'object' || row === null)
      throw new TypeError(`keyOf takes a row of table ${schema.name}; got ${describeValue(row)}.`)
    const values = schema.keyColumns.map((position) => {
      const { name } = columnAt(schema, position)
      const value = row[name]
      if (value === undefined) throw invalidValue(schema.name, name, undefined, `the value is missing; the key is made of it`)
      return value as ColumnValue
    })
    return keyValuesToObject(schema, values)
  }

  ingest(files: string | readonly string[], o: { signal?: AbortSignal } = {}): Promise<void> {
    return eventLoopGate.ending(async () => {
      this.#requireUsable()
      const paths: readonly unknown[] = typeof files === 'string' ? [files] : files
      if (!Array.isArray(paths) || !paths.every((path) => typeof path === 'string' && path !== ''))
        throw new TypeError('ingest takes the path of an SSTable, or an array of paths.')
      requireOptions('ingest', o, ['signal'])
      this.#engine.requireWritable()
      if (paths.length === 0) return
      using _held = holdEventLoop()
      while (this.#table.altering) await this.#table.altering
      this.#requireUsable()
      await this.#table.during(this.#engine.ingest(this.#table.form, paths as string[], o.signal))
    })
  }

  stats(): TableStats {
    this.#requireUsable()
    return tableStats(this.#table)
  }

  /** Checks what every write must have. One that is refused at once lets the event loop through as one that is made does. */
  #write<R>(call: string, o: WriteOptions, write: () => Promise<R>): Promise<R> {
    try {
      this.#requireUsable()
      requireWriteOptions(call, o)
      return write()
    } catch (error) {
      return rejected(error)
    }
  }

  /** A write that is called while the table is being altered is made afterwards; undefined: it is to be made now. */
  #altered<R>(write: () => Promise<R>): Promise<R> | undefined {
    return this.#table.altering?.then(write)
  }

  /** Pins every tablet that the plan's key range can touch. */
  #pin(
    { tablets }: TableForm,
    plan: { readonly range: ScanSource['range']; readonly sorted: boolean; readonly reverse: boolean; tabletsOf(): readonly number[] },
    o: ReadOptions,
  ): ScanSource {
    const { range, sorted, reverse } = plan
    const timestamp = this.#snapshots.timestampOf(o)
    const touched = plan.tabletsOf().map((ordinal) => {
      const tablet = tablets[ordinal]
      if (!tablet) throw new RangeError(`table ${this.name} has no tablet ${ordinal}`)
      requireHistory(tablet, timestamp)
      return tablet
    })
    const pinned = touched.map((tablet) => tablet.streams({ timestamp, range, sorted, reverse }))
    return {
      range,
      streams: pinned.flatMap(({ streams }) => streams).map((stream) => whileOpen(stream, this.#engine)),
      release: () => {
        for (const { release } of pinned) release()
      },
    }
  }

  #observe(kind: 'get' | 'scan' | 'aggregate', o: ReadOptions | undefined): void {
    this.#requireUsable()
    const { reads } = this.#engine.parts.options
    if (reads) reads.read({ table: this.name, kind, timestamp: this.#snapshots.timestampOf(o) })
  }

  #requireUsable(): void {
    this.#engine.requireOpen()
    if ((this.#table.tablets[0]?.isDropped ?? false) && this.#engine.catalog.tables.get(this.name) !== this.#table) {
      throw new VarveError('TABLE_NOT_FOUND', `Table ${this.name} was dropped.`, { context: { table: this.name } })
    }
  }
}

/** The stream, for as long as the database is open. */
function whileOpen(stream: RowStream, engine: StorageEngine): RowStream {
  return {
    minKey: stream.minKey,
    maxKey: stream.maxKey,
    prepare() {
      engine.requireOpen()
      return stream.prepare()
    },
    *batches() {
      engine.requireOpen()
      for (const batch of stream.batches()) {
        yield batch
        engine.requireOpen()
      }
    },
  }
}

const getOptions = ['columns', 'snapshot', 'asOf', 'signal']
const countOptions = ['where', 'snapshot', 'asOf', 'signal']

/** The one place where a table takes on its static type: its definition was checked against the stored schema. */
export function asTable<T extends TableDefinition>(table: VarveTable): Table<T> {
  return table as unknown as Table<T>
}
