import { VarveError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
import { emptyTablet, type TabletVersion } from '../manifest/version-parts.ts'
import { tabletCount } from '../schema/partitioner.ts'
import { definitionMismatch } from '../schema/schema-diff.ts'
import { schemaFromDefinition, type TableDefinition } from '../schema/table-definition.ts'
import type { TableSchema } from '../schema/table-schema.ts'
import { Tablet } from '../tablet/tablet.ts'
import type { TabletHost } from '../tablet/tablet-host.ts'

/** A table and its tablets, by ordinal. */
export interface EngineTable {
  readonly schema: TableSchema
  readonly tablets: readonly Tablet[]
}

/** What an edit says of tables. */
export interface TableEdit {
  readonly reason: { readonly kind: 'create-table' | 'drop-table'; readonly tableId: number }
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

/** The tables of an open database: makes and drops them, and finds them by name. */
export class TableCatalog {
  readonly #o: TableCatalogOptions
  readonly #tables = new Map<string, EngineTable>()
  readonly #creating = new Map<string, Promise<EngineTable>>()
  readonly #dropping = new Map<string, Promise<void>>()
  /** Told of tablets that come and go, so that maintenance can follow; `removed` resolves once it has let go of one. */
  onTablet: { added(tablet: Tablet): void; removed(tablet: Tablet): Promise<void> } | undefined
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
    const advice = didYouMean(name, [...this.#tables.keys()])
    throw new VarveError('TABLE_NOT_FOUND', `No table is called ${name}.${advice}`, { context: { table: name } })
  }

  /** Creates a table, durably; with `ifNotExists`, gives the one that is there, or is just being made, if it is the same. */
  async create(definition: TableDefinition, o: { ifNotExists: boolean }): Promise<EngineTable> {
    const { name } = definition
    while (this.#dropping.has(name)) await this.#dropping.get(name)?.catch(() => undefined)
    const existing = this.#tables.get(name) ?? this.#creating.get(name)
    if (existing) {
      if (!o.ifNotExists) throw existsError(name)
      const table = await existing
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
    return { schema, tablets }
  }

  /** Drops a table, durably. Writes called before are finished first; later ones find no table. */
  async drop(name: string): Promise<void> {
    while (this.#dropping.has(name)) await this.#dropping.get(name)?.catch(() => undefined)
    const dropping = this.#drop(this.require(name))
    this.#dropping.set(name, dropping)
    try {
      await dropping
    } finally {
      this.#dropping.delete(name)
    }
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

function existsError(name: string): VarveError {
  const advice = 'Use db.table(definition), or createTable(definition, { ifNotExists: true }).'
  return new VarveError('TABLE_EXISTS', `Table ${name} exists already. ${advice}`, { context: { table: name } })
}
