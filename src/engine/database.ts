import { requireOptions } from '../base/call-options.ts'
import { throwIfAborted } from '../base/errors.ts'
import { eventLoopGate, holdEventLoop } from '../base/event-loop-gate.ts'
import { type ServiceRef, type Token, tokenOf } from '../base/token.ts'
import type { MaintenanceManager } from '../maintenance/maintenance-manager.ts'
import { describeValue } from '../schema/column-value.ts'
import { definitionMismatch } from '../schema/schema-diff.ts'
import { changedSchema, requireTableChange, type TableChange } from '../schema/table-change.ts'
import type { TableDefinition } from '../schema/table-definition.ts'
import type { AnyTable, CompactOptions, CreateTableOptions, Database, Snapshot, Table, TableInfo, TableRef } from './api.ts'
import type { CompactNow } from './compact.ts'
import { databaseMetrics } from './engine-metrics.ts'
import type { EngineTable, TableForm } from './engine-table.ts'
import type { Metrics } from './metrics.ts'
import { rejected } from './rejected.ts'
import type { Snapshots } from './snapshots.ts'
import type { StorageEngine } from './storage-engine.ts'
import { asTable, VarveTable } from './table.ts'
import type { TabletOps } from './tablet-ops.ts'
import type { Write } from './write.ts'
import type { BatchOptions, WriteBatch } from './write-api.ts'
import { PendingBatch } from './write-batch.ts'

export interface DatabaseParts {
  readonly engine: StorageEngine
  readonly manager: MaintenanceManager
  readonly ops: TabletOps
  service<T>(token: Token<T>): T
  readonly compactNow: CompactNow
  /** Stops plugins; called once, after the engine has closed. */
  readonly shutDown: () => Promise<void>
}

/** The database that `open` returns; see `Database` for what each member promises. */
export class VarveDatabase implements Database {
  readonly maintenance: Database['maintenance']
  readonly #parts: DatabaseParts
  readonly #snapshots: Snapshots
  /** By what they stand for: a table that takes the name of a dropped one is another. */
  readonly #tables = new WeakMap<EngineTable, VarveTable>()
  #closing: Promise<void> | undefined

  constructor(parts: DatabaseParts) {
    this.#parts = parts
    this.#snapshots = parts.engine.snapshots
    const { manager } = parts
    this.maintenance = {
      status: () => manager.status(),
      explain: () => manager.explain(),
      pause: () => manager.pause(),
      resume: () => manager.resume(),
    }
  }

  get directory(): string {
    return this.#engine.parts.options.directory
  }

  get events() {
    return this.#engine.events
  }

  get #engine(): StorageEngine {
    return this.#parts.engine
  }

  createTable<T extends TableDefinition>(definition: T, o: CreateTableOptions = {}): Promise<Table<T>> {
    return eventLoopGate.ending(async () => {
      this.#engine.requireOpen()
      requireDefinition('createTable', definition)
      requireOptions('createTable', o, ['ifNotExists', 'migrate'])
      const { migrate = 'none' } = o
      if (migrate !== 'none' && migrate !== 'add-columns')
        throw new TypeError(`migrate is 'none' or 'add-columns'; got ${describeValue(migrate)}.`)
      this.#engine.requireWritable()
      using _held = holdEventLoop()
      await this.#engine.catalog.create(definition, {
        ifNotExists: o.ifNotExists ?? migrate === 'add-columns',
        migrate: migrate === 'add-columns',
      })
      return asTable<T>(this.#tableNamed(definition.name))
    })
  }

  alterTable(table: TableRef, change: TableChange<never>): Promise<void> {
    return eventLoopGate.ending(async () => {
      this.#engine.requireOpen()
      const name = nameOf(table)
      requireTableChange(name, change)
      this.#engine.requireWritable()
      using _held = holdEventLoop()
      await this.#engine.catalog.alter(name, (stored) => changedSchema(stored, change))
    })
  }

  table<T extends TableDefinition>(definition: T): Table<T>
  table(name: string): AnyTable
  table(ref: TableDefinition | string): AnyTable {
    this.#engine.requireOpen()
    if (typeof ref === 'string') return asTable(this.#tableNamed(ref))
    requireDefinition('table', ref)
    const mismatch = definitionMismatch(ref, this.#engine.catalog.require(ref.name).schema)
    if (mismatch) throw mismatch
    return asTable(this.#tableNamed(ref.name))
  }

  dropTable(table: TableRef): Promise<void> {
    return eventLoopGate.ending(async () => {
      this.#engine.requireOpen()
      const name = nameOf(table)
      this.#engine.requireWritable()
      await this.#engine.catalog.drop(name)
    })
  }

  tables(): TableInfo[] {
    this.#engine.requireOpen()
    return [...this.#engine.catalog.tables.values()].map(({ schema, tablets }) => ({
      name: schema.name,
      columns: schema.columns.map((column) => ({
        name: column.name,
        kind: column.kind,
        nullable: column.nullable,
        hasDefault: column.default !== undefined,
      })),
      primaryKey: schema.keyColumns.map((position) => schema.columns[position]?.name ?? ''),
      tablets: tablets.length,
    }))
  }

  snapshot(): Snapshot {
    this.#engine.requireOpen()
    return this.#snapshots.take()
  }

  batch(o: BatchOptions = {}): WriteBatch {
    this.#engine.requireOpen()
    requireOptions('batch', o, ['snapshot'])
    const { config, memory } = this.#engine.parts
    const host = {
      durability: config.durability,
      batchBytesMax: Math.floor(memory.limitBytes / 4),
      tableNamed: (name: string) => this.#engine.catalog.require(name),
      submit: (write: Write, signal: AbortSignal | undefined) => this.#engine.queue.submit(write, signal),
    }
    const { snapshot } = o
    if (snapshot === undefined) return new PendingBatch(host, undefined)
    const snapshots = this.#snapshots
    const hold = () => snapshots.hold(snapshots.timestampOf({ snapshot }))
    return new PendingBatch(host, { timestamp: snapshots.timestampOf({ snapshot }), hold })
  }

  flush(table?: TableRef): Promise<void> {
    return eventLoopGate.ending(async () => {
      this.#engine.requireOpen()
      this.#engine.requireWritable()
      const tables = this.#tablesMeant(table)
      using _held = holdEventLoop()
      await this.#flushTables(tables)
    })
  }

  compact(table?: TableRef, o: CompactOptions = {}): Promise<void> {
    return eventLoopGate.ending(async () => {
      this.#engine.requireOpen()
      requireOptions('compact', o, ['kind', 'signal'])
      const { kind = 'full', signal } = o
      if (!compactionKinds.includes(kind))
        throw new TypeError(`kind is ${compactionKinds.map((each) => `'${each}'`).join(', ')}; got ${describeValue(kind)}.`)
      this.#engine.requireWritable()
      throwIfAborted(signal)
      // By object: a table may be renamed while it is flushed.
      const tables = this.#tablesMeant(table)
      using _held = holdEventLoop()
      if (kind === 'full') await this.#flushTables(tables)
      for (const each of tables) {
        // A table that is altered meanwhile goes on in other tablets.
        for (let form: TableForm | undefined; form !== each.form || each.altering; ) {
          await each.altering
          form = each.form
          await this.#parts.compactNow.run(form.tablets, kind === 'full' ? 'merging' : kind, signal)
        }
      }
    })
  }

  sync(): Promise<void> {
    return eventLoopGate.ending(async () => {
      this.#engine.requireOpen()
      await this.#engine.queue.settled()
      await this.#engine.syncLogThrough(this.#engine.lastAppliedOp)
    })
  }

  checkpoint(directory: string, o: { signal?: AbortSignal } = {}): Promise<void> {
    return eventLoopGate.ending(async () => {
      this.#engine.requireOpen()
      if (typeof directory !== 'string' || directory === '')
        throw new TypeError(`A checkpoint goes to a directory; got ${describeValue(directory)}.`)
      requireOptions('checkpoint', o, ['signal'])
      using _held = holdEventLoop()
      await this.#engine.checkpoint(directory, { vfs: this.#engine.parts.options.vfs, signal: o.signal })
    })
  }

  metrics(): Metrics {
    this.#engine.requireOpen()
    return databaseMetrics(this.#engine)
  }

  service<T>(token: ServiceRef<T>): T {
    const wanted = tokenOf(token)
    if (typeof wanted !== 'symbol')
      throw new TypeError(`service takes a token, as varve/plugin exports them: service(BlockCache); got ${describeValue(token)}.`)
    return this.#parts.service(wanted as Token<T>)
  }

  close(o: { flush?: boolean; timeoutMs?: number } = {}): Promise<void> {
    try {
      requireOptions('close', o, ['flush', 'timeoutMs'])
      if (!((o.timeoutMs ?? 0) >= 0))
        throw new TypeError(`timeoutMs is a number of milliseconds, at least 0; got ${describeValue(o.timeoutMs)}.`)
    } catch (error) {
      return rejected(error)
    }
    this.#closing ??= this.#close(o.flush ?? false, o.timeoutMs ?? 10_000)
    const closing = this.#closing
    return eventLoopGate.ending(() => closing)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(flush: boolean, timeoutMs: number): Promise<void> {
    using _held = holdEventLoop()
    const { engine, ops, shutDown } = this.#parts
    const failures: unknown[] = []
    const attempt = async (step: () => Promise<void>) => {
      try {
        await step()
      } catch (error) {
        failures.push(error)
      }
    }
    if (flush && !engine.parts.config.readOnly) await attempt(() => this.flush())
    await attempt(() => ops.shutDown(timeoutMs))
    await attempt(() => engine.close())
    await attempt(shutDown)
    await attempt(() => engine.parts.unlock())
    if (failures.length > 0) throw failures[0]
  }

  #tablesMeant(table: TableRef | undefined): EngineTable[] {
    const { catalog } = this.#engine
    return table === undefined ? [...catalog.tables.values()] : [catalog.require(nameOf(table))]
  }

  async #flushTables(tables: readonly EngineTable[]): Promise<void> {
    await this.#engine.queue.settled()
    await this.#parts.ops.flush(tables.flatMap((of) => of.tablets))
  }

  #tableNamed(name: string): VarveTable {
    const engineTable = this.#engine.catalog.require(name)
    let table = this.#tables.get(engineTable)
    if (!table) {
      table = new VarveTable(this.#engine, engineTable, this.#snapshots)
      this.#tables.set(engineTable, table)
    }
    return table
  }
}

const compactionKinds: readonly unknown[] = ['full', 'merging', 'minor-delta', 'major-delta']

function nameOf(table: TableRef): string {
  if (typeof table === 'string') return table
  if (typeof table?.name === 'string') return table.name
  throw new TypeError(`A table is named by a string, a definition or a Table; got ${describeValue(table)}.`)
}

function requireDefinition(call: string, definition: unknown): void {
  const { name, columns } = (definition ?? {}) as { name?: unknown; columns?: unknown }
  if (typeof name === 'string' && typeof columns === 'object' && columns !== null) return
  throw new TypeError(`${call} takes what defineTable(name, { columns, primaryKey }) returns; got ${describeValue(definition)}.`)
}
