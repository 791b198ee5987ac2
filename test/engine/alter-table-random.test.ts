/**
 * Alterations at any moment, between writes, flushes, compactions, open snapshots, reopening and kills, against rows in a
 * plain map. `VARVE_SEED` plays a run again.
 */
import test from 'ava'
import {
  type AddableColumn,
  type AnyTable,
  bool,
  type Database,
  defineTable,
  double,
  hashPartition,
  int32,
  int64,
  type Snapshot,
  string,
} from '../../src/index.ts'
import { MemoryVfs, openMemory, SeededRandom } from '../../src/testing/index.ts'

type Row = Record<string, unknown>
type State = Map<number, Row>

/** A column that is no part of the key. */
interface ModelColumn {
  readonly name: string
  readonly value: () => unknown
  readonly fallback: unknown
}

const idMax = 40
const words = ['', 'a', 'bb', 'zürich', 'a\0b']

class AlterationRun {
  readonly #random: SeededRandom
  readonly #parted: boolean
  readonly log: string[] = []
  #vfs = new MemoryVfs()
  #db!: Database
  #name = 'table 0'
  #table!: AnyTable
  #columns: ModelColumn[] = []
  #rows: State = new Map()
  #pinned: { readonly snapshot: Snapshot; rows: State }[] = []
  #names = 0

  constructor(seed: number) {
    this.#random = new SeededRandom(seed)
    this.#parted = seed % 2 === 0
  }

  async run(stepCount: number): Promise<void> {
    this.#db = await this.#open()
    const partitionBy = this.#parted ? { partitionBy: hashPartition(['id'], 2) } : {}
    this.#table = (await this.#db.createTable(
      defineTable(this.#name, { columns: { id: int32() }, primaryKey: ['id'], ...partitionBy }),
    )) as AnyTable
    for (let i = 0; i < stepCount; i++) {
      await this.#step()
      if (chance(this.#random, 0.3)) await this.#check()
    }
    await this.#check()
    await this.#db.close()
  }

  async #open(): Promise<Database> {
    const db = await openMemory({ maintenance: { pollIntervalMs: 3_600_000 } }, { vfs: this.#vfs })
    db.maintenance.pause()
    return db
  }

  #step(): Promise<void> {
    const at = this.#random.below(100)
    if (at < 45) return this.#write()
    if (at < 65) return this.#alter()
    if (at < 77) return this.#does('flush', () => this.#db.flush())
    if (at < 82) return this.#compact()
    if (at < 88) return this.#pin()
    if (at < 91) return this.#unpin()
    if (at < 96) return this.#alterMeanwhile()
    return this.#reopen()
  }

  async #does(what: string, call: () => Promise<unknown>): Promise<void> {
    this.log.push(what)
    await call()
  }

  #value({ value }: ModelColumn): unknown {
    return value()
  }

  /** A row with some of the columns, and all of it as it is inserted. */
  #someRow(): { given: Row; whole: Row } {
    const given: Row = { id: this.#random.below(idMax) }
    for (const column of this.#columns) if (chance(this.#random, 0.6)) given[column.name] = this.#value(column)
    const whole = Object.fromEntries([['id', given['id']], ...this.#columns.map(({ name, fallback }) => [name, given[name] ?? fallback])])
    for (const name of Object.keys(given)) whole[name] = given[name]
    return { given, whole }
  }

  async #write(): Promise<void> {
    const many = Array.from({ length: 1 + this.#random.below(6) }, () => this.#someRow())
    const rows = [...new Map(many.map((one) => [one.given['id'] as number, one])).values()]
    const given = rows.map((one) => one.given)
    const what = (['upsert', 'upsert', 'update', 'delete', 'skip'] as const)[this.#random.below(5)] as string
    this.log.push(`${what} ${show(given)}`)
    if (what === 'upsert') await this.#table.upsert(given as never)
    else if (what === 'update') await this.#table.update(given as never)
    else if (what === 'skip') await this.#table.insert(given as never, { ifExists: 'skip' })
    else await this.#table.delete(given.map(({ id }) => id) as never)
    for (const one of rows) {
      const id = one.given['id'] as number
      const before = this.#rows.get(id)
      if (what === 'delete') this.#rows.delete(id)
      else if (before && what !== 'skip') this.#rows.set(id, { ...before, ...one.given })
      else if (!before && what !== 'update') this.#rows.set(id, one.whole)
    }
  }

  #newName(): string {
    // Names come back, so that a column is added under the name of one that was dropped.
    return `c${this.#random.below(++this.#names + 4) % 8}`
  }

  #newColumn(name: string): [column: AddableColumn, model: ModelColumn] {
    const random = this.#random
    const kinds: (() => [AddableColumn, () => unknown, unknown])[] = [
      () => [int32().default(7), () => random.below(100), 7],
      () => [int32().nullable(), () => (chance(random, 0.3) ? null : random.below(100)), null],
      () => [string().default('none'), () => words[random.below(words.length)], 'none'],
      () => [string().nullable(), () => (chance(random, 0.3) ? null : words[random.below(words.length)]), null],
      () => [double().default(-1.5).nullable(), () => (chance(random, 0.3) ? null : random.next()), -1.5],
      () => [int64().default(1n << 60n), () => BigInt(random.below(5)) - (1n << 61n), 1n << 60n],
      () => [bool().default(true), () => chance(random, 0.5), true],
    ]
    const [column, value, fallback] = (kinds[random.below(kinds.length)] as (typeof kinds)[number])()
    return [column, { name, value, fallback }]
  }

  /** A change, and what it makes of columns and of a row. */
  #change(): { change: object; columns: ModelColumn[]; name: string; of: (row: Row) => Row } {
    const random = this.#random
    const dropped = this.#columns.filter(() => chance(random, this.#columns.length > 5 ? 0.5 : 0.15))
    const kept = this.#columns.filter((column) => !dropped.includes(column))
    const names = new Set(kept.map(({ name }) => name))
    const renames = new Map<string, string>()
    const [a, b] = kept
    if (a && b && chance(random, 0.2)) renames.set(a.name, b.name).set(b.name, a.name)
    else if (a && chance(random, 0.3)) {
      const name = this.#newName()
      if (!names.has(name)) renames.set(a.name, name)
    }
    const renamed = kept.map((column) => ({ ...column, name: renames.get(column.name) ?? column.name }))
    const added: [AddableColumn, ModelColumn][] = []
    for (let left = random.below(3); left > 0; left--) {
      const name = this.#newName()
      if (![...renamed, ...added.map(([, model]) => model)].some((column) => column.name === name)) added.push(this.#newColumn(name))
    }
    const name = chance(random, 0.2) ? `table ${random.below(4)}` : this.#name
    const columns = [...renamed, ...added.map(([, model]) => model)]
    const change = {
      dropColumns: dropped.map((column) => column.name),
      renameColumns: Object.fromEntries(renames),
      addColumns: Object.fromEntries(added.map(([column, model]) => [model.name, column])),
      renameTo: name,
    }
    const of = (row: Row): Row =>
      Object.fromEntries([
        ['id', row['id']],
        ...kept.map((column, i) => [(renamed[i] as ModelColumn).name, row[column.name]]),
        ...added.map(([, model]) => [model.name, model.fallback]),
      ])
    return { change, columns, name, of }
  }

  async #alter(): Promise<void> {
    const { change, columns, name, of } = this.#change()
    this.log.push(`alter ${show(change)}`)
    await this.#db.alterTable(chance(this.#random, 0.5) ? this.#name : (this.#table as never), change)
    this.#altered(columns, name, of)
  }

  #altered(columns: ModelColumn[], name: string, of: (row: Row) => Row): void {
    const mapped = (rows: State): State => new Map([...rows].map(([id, row]) => [id, of(row)]))
    this.#columns = columns
    this.#name = name
    this.#rows = mapped(this.#rows)
    for (const pinned of this.#pinned) pinned.rows = mapped(pinned.rows)
  }

  /** What is called before an alteration ends, and names the key alone, is done, before or after it. */
  async #alterMeanwhile(): Promise<void> {
    const { change, columns, name, of } = this.#change()
    const ids = Array.from({ length: 4 }, () => this.#random.below(idMax))
    this.log.push(`alter ${show(change)} and meanwhile delete ${ids}`)
    // A compaction is cancelled, or goes on afterwards.
    const compacting = chance(this.#random, 0.5)
      ? this.#db.compact(this.#name).catch((error: { code?: string }) => same('how a compaction ends', error.code, 'ABORTED'))
      : undefined
    const altering = this.#db.alterTable(this.#name, change)
    const scan = this.#table.scan().toArray()
    const before = [...this.#rows.values()]
    const deleting = this.#table.delete(ids as never)
    for (let turn = this.#random.below(12); turn > 0; turn--) await new Promise((resolve) => setImmediate(resolve))
    const deletedLater = this.#table.delete([0] as never)
    await Promise.all([altering, deleting, deletedLater, compacting])
    same('a scan that had begun', sorted((await scan) as Row[]), sorted(before))
    this.#altered(columns, name, of)
    for (const id of [...ids, 0]) this.#rows.delete(id)
  }

  async #compact(): Promise<void> {
    const kind = (['full', 'merging', 'minor-delta', 'major-delta'] as const)[this.#random.below(4)] as 'full'
    await this.#does(`compact ${kind}`, () => this.#db.compact(this.#name, { kind }))
  }

  async #pin(): Promise<void> {
    if (this.#pinned.length < 4) this.#pinned.push({ snapshot: this.#db.snapshot(), rows: this.#rows })
    this.#rows = new Map(this.#rows)
  }

  async #unpin(): Promise<void> {
    this.#pinned.splice(this.#random.below(Math.max(1, this.#pinned.length)), 1)[0]?.snapshot.close()
  }

  async #reopen(): Promise<void> {
    this.#pinned = []
    const isKilled = chance(this.#random, 0.5)
    this.log.push(isKilled ? 'kill' : 'close')
    if (isKilled) {
      const left = this.#vfs.crash({ mode: 'kill' })
      await this.#db.close().catch(() => undefined)
      this.#vfs = left
    } else {
      await this.#db.close({ flush: chance(this.#random, 0.3) })
    }
    this.#db = await this.#open()
    this.#table = this.#db.table(this.#name)
    await this.#check()
  }

  async #check(): Promise<void> {
    same('the name', this.#table.name, this.#name)
    same('the columns', Object.keys(this.#table.definition.columns), ['id', ...this.#columns.map(({ name }) => name)])
    await this.#compare(this.#rows, {})
    for (const { snapshot, rows } of this.#pinned) await this.#compare(rows, { snapshot })
  }

  async #compare(rows: State, o: object): Promise<void> {
    const expected = sorted([...rows.values()])
    same('scan', await this.#table.scan({ ...o, order: 'key' }).toArray(), expected)
    same('count', await this.#table.count(o), expected.length)
    const ids = Array.from({ length: idMax }, (_, id) => id)
    same(
      'getMany',
      await this.#table.getMany(ids as never, o),
      ids.map((id) => rows.get(id)),
    )
    const some = this.#columns.filter((_, i) => i % 2 === 0).map(({ name }) => name)
    same(
      'columns',
      await this.#table.scan({ ...o, order: 'key', columns: some }).toArray(),
      expected.map((row) => Object.fromEntries(some.map((name) => [name, row[name]]))),
    )
  }
}

function chance(random: SeededRandom, share: number): boolean {
  return random.next() < share
}

function sorted(rows: readonly Row[]): Row[] {
  return rows.slice().sort((a, b) => (a['id'] as number) - (b['id'] as number))
}

function show(value: unknown): string {
  return JSON.stringify(value, (_, of: unknown) => (typeof of === 'bigint' ? `${of}n` : of)) ?? 'undefined'
}

function same(what: string, actual: unknown, expected: unknown): void {
  if (show(actual) !== show(expected)) throw new Error(`${what}: got ${show(actual)}, expected ${show(expected)}`)
}

const seed = Number(process.env['VARVE_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const runCount = Number(process.env['VARVE_RUNS'] ?? 12)

test(`tables that are altered at any moment read as the model says (seed ${seed})`, async (t) => {
  t.timeout(300_000)
  for (let i = 0; i < runCount; i++) {
    const run = new AlterationRun(seed + i)
    try {
      await run.run(60)
    } catch (error) {
      t.log(run.log.join('\n'))
      t.log(`VARVE_SEED=${seed + i} VARVE_RUNS=1`)
      throw error
    }
  }
  t.pass()
})
