import { InvariantError, VarveError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
import { emptyTablet, type TabletVersion } from '../manifest/version-parts.ts'
import { tabletCount } from '../schema/partitioner.ts'
import { definitionMismatch } from '../schema/schema-diff.ts'
import { withMissingColumns } from '../schema/table-change.ts'
import { schemaFromDefinition, type TableDefinition } from '../schema/table-definition.ts'
import type { TableSchema } from '../schema/table-schema.ts'
import { Tablet } from '../tablet/tablet.ts'
import type { TabletHost } from '../tablet/tablet-host.ts'
import { alterTable, type TabletMaintenance } from './alter-table.ts'
import { EngineTable, TableForm } from './engine-table.ts'

/** What an edit says of tables. */
export interface TableEdit {
  readonly reason: { readonly kind: 'create-table' | 'alter-table' | 'drop-table'; readonly tableId: number }
  readonly tables?: readonly TableSchema[]
  readonly droppedTables?: readonly number[]
}

export interface TableCatalogOptions {
  readonly host: TabletHost
  /** Resolves when the edit is durable. */
  commitEdit(edit: TableEdit): Promise<void>
  /** Resolves when the writes called until now are finished. */
  settleWrites(): Promise<void>
}

/** The tables of an open database: makes, alters and drops them, and finds them by name. */
export class TableCatalog {
  readonly #o: TableCatalogOptions
  readonly #tables = new Map<string, EngineTable>()
  readonly #creating = new Map<string, Promise<EngineTable>>()
  /** By name, tables that are being dropped or altered; of one that is renamed both names. */
  readonly #changing = new Map<string, Promise<void>>()
  onTablet: TabletMaintenance | undefined
  nextTableId = 1

  constructor(o: TableCatalogOptions) {
    this.#o = o
  }

  get tables(): ReadonlyMap<string, EngineTable> {
    return this.#tables
  }

  get tablets(): Tablet[] {
    return [...this.#tables.values()].flatMap((table) => table.tablets)
  }

  /** Takes in a table that recovery made. */
  add(table: EngineTable): void {
    this.#tables.set(table.schema.name, table)
  }

  /** TABLE_NOT_FOUND, suggesting the nearest name. */
  require(name: string): EngineTable {
    const table = this.#tables.get(name)
    if (table) return table
    const names = [...this.#tables.keys()]
    const there = names.length === 0 ? 'There are none yet: createTable makes them.' : `There are ${names.join(', ')}.`
    const message = `No table is called ${name}. ${there}${didYouMean(name, names)}`
    throw new VarveError('TABLE_NOT_FOUND', message, { context: { table: name } })
  }

  /**
   * Creates a table, durably; with `ifNotExists`, gives the one that is there, or is just being made, if it is the same. With
   * `migrate`, columns of the definition that it lacks are added to it first.
   */
  async create(definition: TableDefinition, o: { ifNotExists: boolean; migrate: boolean }): Promise<EngineTable> {
    const { name } = definition
    while (this.#changing.has(name)) await this.#changing.get(name)?.catch(() => undefined)
    const existing = this.#tables.get(name) ?? this.#creating.get(name)
    if (existing) {
      if (!o.ifNotExists) throw existsError(name, 'Use db.table(definition), or createTable(definition, { ifNotExists: true }).')
      const table = await existing
      if (o.migrate) await this.alter(name, (stored) => withMissingColumns(definition, stored))
      const mismatch = definitionMismatch(definition, table.schema)
      if (mismatch) throw mismatch
      return table
    }
    const creating = this.#create(definition)
    this.#creating.set(name, creating)
    try {
      return await creating
    } finally {
      this.#creating.delete(name)
    }
  }

  /** The tablets of a table, from what the manifest says of them. */
  make(schema: TableSchema, tabletOf?: (ordinal: number) => TabletVersion): EngineTable {
    const { host } = this.#o
    const tablets = Array.from({ length: tabletCount(schema) }, (_, ordinal) => {
      const { state, rowsets } = tabletOf?.(ordinal) ?? emptyTablet(schema.tableId, ordinal)
      const opened = Array.from(rowsets.values(), (files) => host.openRowSet(files, schema))
      return new Tablet({ schema, ordinal, host, rowsets: opened, state })
    })
    return new EngineTable(new TableForm(schema, tablets))
  }

  /**
   * Alters a table, durably. `change` is asked for the next schema when the table's turn has come; undefined: nothing is to be
   * changed. Rejects with what it throws, with TABLE_NOT_FOUND, TABLE_EXISTS for a new name that is taken; then nothing has changed.
   */
  async alter(name: string, change: (stored: TableSchema) => TableSchema | undefined): Promise<void> {
    for (;;) {
      while (this.#changing.has(name)) await this.#changing.get(name)?.catch(() => undefined)
      const table = this.require(name)
      const schema = change(table.schema)
      if (!schema) return
      const other = schema.name === name ? undefined : (this.#changing.get(schema.name) ?? this.#creating.get(schema.name))
      if (!other) return this.#whileChanging([name, schema.name], this.#alter(table, schema))
      await other.catch(() => undefined)
    }
  }

  /** Drops a table, durably. Writes called before are finished first; later ones find no table. */
  async drop(name: string): Promise<void> {
    while (this.#changing.has(name)) await this.#changing.get(name)?.catch(() => undefined)
    await this.#whileChanging([name], this.#drop(this.require(name)))
  }

  async #whileChanging(names: readonly string[], changing: Promise<void>): Promise<void> {
    for (const name of names) this.#changing.set(name, changing)
    try {
      await changing
    } finally {
      for (const name of names) this.#changing.delete(name)
    }
  }

  async #alter(table: EngineTable, schema: TableSchema): Promise<void> {
    const { name } = table.schema
    if (schema.name !== name && this.#tables.has(schema.name))
      throw existsError(schema.name, 'Choose another name, or drop that table first.')
    if (!this.onTablet) throw new InvariantError('a table is altered while there is no maintenance')
    await alterTable(table, schema, {
      maintenance: this.onTablet,
      settleWrites: () => this.#o.settleWrites(),
      commit: () => this.#o.commitEdit({ reason: { kind: 'alter-table', tableId: schema.tableId }, tables: [schema] }),
      altered: () => {
        this.#tables.delete(name)
        this.#tables.set(schema.name, table)
      },
    })
    this.#o.host.installed()
  }

  async #drop(table: EngineTable): Promise<void> {
    await this.#o.settleWrites()
    for (const tablet of table.tablets) tablet.beginEnd('being dropped')
    const { tableId } = table.schema
    try {
      await this.#o.commitEdit({ reason: { kind: 'drop-table', tableId }, droppedTables: [tableId] })
    } catch (error) {
      for (const tablet of table.tablets) tablet.cancelEnd()
      throw error
    }
    this.#tables.delete(table.schema.name)
    const maintenance = table.tablets.map((tablet) => this.onTablet?.removed(tablet))
    for (const tablet of table.tablets) tablet.drop()
    this.#o.host.installed()
    await Promise.all(maintenance)
  }

  async #create(definition: TableDefinition): Promise<EngineTable> {
    const schema = schemaFromDefinition(definition, { tableId: this.nextTableId++ })
    await this.#o.commitEdit({ reason: { kind: 'create-table', tableId: schema.tableId }, tables: [schema] })
    const table = this.make(schema)
    this.add(table)
    for (const tablet of table.tablets) this.onTablet?.added(tablet)
    return table
  }
}

function existsError(name: string, advice: string): VarveError {
  return new VarveError('TABLE_EXISTS', `Table ${name} exists already. ${advice}`, { context: { table: name } })
}
