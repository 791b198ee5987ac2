import { requireOptions } from '../base/call-options.ts'
import { VarveError } from '../base/errors.ts'
import { memoryBytesOf } from '../rowset/row-memory.ts'
import { type ChangeEncoder, changeEncoder } from '../schema/change-encoder.ts'
import { describeValue } from '../schema/column-value.ts'
import { type RowEncoder, rowEncoder } from '../schema/row-encoder.ts'
import type { Durability, WriteOptions } from './call-options.ts'
import { composedSections, type RecordedOp } from './composed-sections.ts'
import { hasSameKey } from './duplicate-finder.ts'
import type { EngineTable, TableForm } from './engine-table.ts'
import { rejected } from './rejected.ts'
import { alteredError } from './resolve-write.ts'
import type { Expectation, Write, WriteSection } from './write.ts'
import type { BatchTable, InsertOptions, WriteBatch, WriteCounts } from './write-api.ts'
import { requireIfExists, requireWriteOptions } from './write-options.ts'
import { changeSections, rowSections, wishes } from './write-sections.ts'

/** What a batch needs of its database. */
export interface BatchHost {
  readonly durability: Durability
  readonly batchBytesMax: number
  /** The table as it is now: TABLE_NOT_FOUND, DATABASE_CLOSED. */
  tableNamed(name: string): EngineTable
  submit(write: Write, signal: AbortSignal | undefined): Promise<unknown>
}

/** The snapshot of a batch. */
export interface BatchSnapshot {
  readonly timestamp: number
  /** Keeps what the snapshot sees, and so what has changed since, until it is disposed of. SNAPSHOT_CLOSED. */
  hold(): Disposable
}

/** What is to be done to a table, in terms of the schema that it had when the first of it was given. */
interface TableOps extends Pick<TableForm, 'schema' | 'tablets'> {
  readonly rows: RowEncoder
  readonly changes: ChangeEncoder
  readonly ops: RecordedOp[]
}

/** Writes to any tables, collected and applied together. */
export class PendingBatch implements WriteBatch {
  readonly #host: BatchHost
  readonly #snapshot: BatchSnapshot | undefined
  readonly #tables = new Map<EngineTable, TableOps>()
  readonly #expectations: Expectation[] = []
  #finished = false

  /** `snapshot`: rows that are written or expected must not have changed since; undefined: whatever they are. */
  constructor(host: BatchHost, snapshot: BatchSnapshot | undefined) {
    this.#host = host
    this.#snapshot = snapshot
  }

  insert(table: BatchTable<never>, rows: unknown, o: Pick<InsertOptions, 'ifExists'> = {}): this {
    requireOptions('insert', o, ['ifExists'])
    requireIfExists(o)
    const of = this.#opsOf(table)
    of.ops.push({ op: 'insert', rows: of.rows.encode(listOf(rows) as object[]), ifExists: o.ifExists ?? 'error' })
    return this
  }

  upsert(table: BatchTable<never>, rows: unknown): this {
    const of = this.#opsOf(table)
    of.ops.push({ op: 'upsert', changes: of.changes.upserts(listOf(rows) as object[]) })
    return this
  }

  update(table: BatchTable<never>, changes: unknown): this {
    const of = this.#opsOf(table)
    of.ops.push({ op: 'update', changes: of.changes.updates(listOf(changes) as object[]) })
    return this
  }

  delete(table: BatchTable<never>, keys: unknown): this {
    const of = this.#opsOf(table)
    of.ops.push({ op: 'delete', changes: [of.changes.keys(listOf(keys))] })
    return this
  }

  expect(table: BatchTable<never>, keys: unknown): this {
    const timestamp = this.#snapshot?.timestamp
    if (timestamp === undefined) throw new TypeError('expect needs a snapshot to compare with: use db.batch({ snapshot }).')
    const of = this.#opsOf(table)
    const sections = changeSections(of, wishes.delete, of.changes.keys(listOf(keys)), of.changes)
    this.#expectations.push(...sections.map((section) => expectationOf(section, timestamp)))
    return this
  }

  commit(o: WriteOptions = {}): Promise<WriteCounts> {
    try {
      this.#requireOpen()
      requireWriteOptions('commit', o)
      if (this.#snapshot) return this.#commitSince(this.#snapshot, o)
      this.#finished = true
      return this.#submit(o)
    } catch (error) {
      return rejected(error)
    }
  }

  /** Until it is committed, no compaction may forget a row that was deleted since the snapshot: it would pass for one that never was. */
  async #commitSince(snapshot: BatchSnapshot, o: WriteOptions): Promise<WriteCounts> {
    using _held = snapshot.hold()
    this.#finished = true
    return await this.#submit(o)
  }

  async #submitAfter(altering: Promise<void>, o: WriteOptions): Promise<WriteCounts> {
    await altering
    return this.#submit(o)
  }

  #submit(o: WriteOptions): Promise<WriteCounts> {
    for (const { altering } of this.#tables.keys()) if (altering) return this.#submitAfter(altering, o)
    return this.#host.submit(this.#write(o), o.signal) as Promise<WriteCounts>
  }

  #write(o: WriteOptions): Write {
    for (const [table, of] of this.#tables) requireUnaltered(table, of)
    const sections = [...this.#tables.values()].flatMap((of) => this.#sectionsOf(of))
    const rowCount = sections.reduce((sum, { keys }) => sum + keys.count, 0)
    const sizeBytes = sections.reduce((sum, { rows, keys }) => sum + memoryBytesOf(rows, keys), 0)
    if (sizeBytes > this.#host.batchBytesMax) {
      throw new VarveError(
        'BATCH_TOO_LARGE',
        `The batch holds ${rowCount} rows in more than ${this.#host.batchBytesMax} bytes, a quarter of memory.limit. Commit them in several batches, or raise memory.limit.`,
        { context: { rows: rowCount, sizeBytes, bytesMax: this.#host.batchBytesMax } },
      )
    }
    const timestamp = this.#snapshot?.timestamp
    const expectations =
      timestamp === undefined ? [] : [...this.#expectations, ...sections.map((section) => expectationOf(section, timestamp))]
    const durability = o.durability ?? this.#host.durability
    return { sections, expectations, rowCount, sizeBytes, durability, answer: (counts) => counts, signal: o.signal }
  }

  #sectionsOf(of: TableOps): WriteSection[] {
    const plain = of.ops.flatMap((op): WriteSection[] => {
      if (op.op === 'insert') return rowSections(of, op.ifExists === 'skip' ? wishes.insertMissing : wishes.insert, op.rows, 0)
      return op.changes.flatMap((change) => changeSections(of, wishes[op.op], change, of.changes))
    })
    return hasSameKey(plain) ? composedSections(of, of.ops, of, { countOps: true }) : plain
  }

  #opsOf(table: BatchTable<never>): TableOps {
    this.#requireOpen()
    const name: unknown = (table as Partial<BatchTable<never>> | undefined)?.name
    if (typeof name !== 'string') throw new TypeError(`Give a table of this database; got ${describeValue(table)}.`)
    const engineTable = this.#host.tableNamed(name)
    let of = this.#tables.get(engineTable)
    if (!of) {
      const { schema, tablets } = engineTable
      of = { schema, tablets, rows: rowEncoder(schema), changes: changeEncoder(schema), ops: [] }
      this.#tables.set(engineTable, of)
    }
    requireUnaltered(engineTable, of)
    return of
  }

  #requireOpen(): void {
    if (this.#finished) throw new VarveError('BATCH_FINISHED', 'The batch was committed already. Begin another one with db.batch().')
  }
}

function requireUnaltered({ schema }: EngineTable, of: TableOps): void {
  if (schema !== of.schema) throw alteredError(schema.name)
}

function expectationOf({ tablet, keys, hashes }: WriteSection, timestamp: number): Expectation {
  return { tablet, keys, hashes, timestamp }
}

function listOf(given: unknown): readonly unknown[] {
  return Array.isArray(given) ? given : [given]
}
