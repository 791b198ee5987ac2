/** Runs steps against a database in memory and against the model, and compares all that can be read. */
import { isDeepStrictEqual } from 'node:util'
import { count, type Database, type DatabaseConfig, eq, gte, lt, type Snapshot, sum, VarveError } from '../../src/index.ts'
import { MemoryVfs, openMemory, SeededRandom, SimulatedClock } from '../../src/testing/index.ts'
import { apply, copyOf, definitions, definitionsWith, emptyState, keyOf, keyPart, type Outcome, type State } from './model.ts'
import { Moments } from './moments.ts'
import type { Op, Row, Step, TableName } from './steps.ts'

const tableNames = ['plain', 'hashed'] as const
const copyDirectory = '/copy'

interface Pinned {
  readonly snapshot: Snapshot
  readonly state: State
}

export class ModelRun {
  readonly #config: Partial<DatabaseConfig>
  /** Whether maintenance goes on by itself, beside what steps ask for. */
  readonly #runsMaintenance: boolean
  readonly #definitions: ReturnType<typeof definitionsWith>
  /** Moves by a millisecond a step, so that a time names one state; where maintenance runs, time is its own. */
  readonly #clock: SimulatedClock | undefined
  readonly moments: Moments
  #vfs = new MemoryVfs()
  #db!: Database
  #state = emptyState()
  #snapshots: Pinned[] = []
  stepCount = 0

  constructor(config: Partial<DatabaseConfig> = {}, o: { tablets?: number; maintenance?: boolean } = {}) {
    this.#runsMaintenance = o.maintenance ?? false
    this.#clock = this.#runsMaintenance ? undefined : new SimulatedClock()
    this.moments = new Moments(config.history?.retentionMs === 0)
    this.#definitions = definitionsWith({ tablets: o.tablets ?? 2 })
    this.#config = { ...config, maintenance: { pollIntervalMs: 3_600_000, ...config.maintenance } }
  }

  /** Throws an Error that says what differs. Resolves with all rows, as they read at the end. */
  async run(steps: readonly Step[]): Promise<Record<TableName, Row[]>> {
    await this.#open()
    try {
      for (const step of steps) {
        await this.#clock?.advance(1)
        await this.#step(step)
        if (this.#clock) this.moments.note({ atMs: this.#clock.nowMs(), state: this.#state })
        this.stepCount++
      }
      await this.#check()
      const read = async (name: TableName) => sorted(name, await this.#db.table(name).scan().toArray())
      return { plain: await read('plain'), hashed: await read('hashed') }
    } finally {
      await this.#db.close().catch(() => undefined)
    }
  }

  async #open(): Promise<void> {
    this.#db = await openMemory(this.#config, { vfs: this.#vfs, ...(this.#clock && { clock: this.#clock }) })
    if (!this.#runsMaintenance) this.#db.maintenance.pause()
    for (const name of tableNames) await this.#db.createTable(this.#definitions[name], { ifNotExists: true })
  }

  async #step(step: Step): Promise<void> {
    switch (step.kind) {
      case 'write':
        return this.#write([step.op], () => this.#call(step.op))
      case 'batch':
        return this.#write(step.ops, () => this.#batch(step.ops))
      case 'conflict':
        return this.#conflict(step.op, this.#snapshots[step.snapshot % Math.max(1, this.#snapshots.length)])
      case 'where':
        return this.#where(step)
      case 'snapshot':
        if (this.#snapshots.length < 6) this.#snapshots.push({ snapshot: this.#db.snapshot(), state: copyOf(this.#state) })
        return
      case 'close snapshot':
        this.#snapshots.splice(step.which % Math.max(1, this.#snapshots.length), 1)[0]?.snapshot.close()
        return
      case 'flush':
        return this.#db.flush()
      case 'compact':
        return this.#db.compact(undefined, { kind: step.how })
      case 'check':
        return this.#check()
      case 'point reads':
        return this.#pointReads(step.ids)
      case 'past':
        return this.#past(step.which)
      case 'changes':
        return this.#changes(step.which)
      case 'checkpoint':
        return this.#checkpoint()
      case 'reopen':
        this.#snapshots = []
        await this.#db.close()
        await this.#open()
        return this.#check()
      case 'crash':
        return this.#crash(step)
    }
  }

  /** The copy opens, and holds what there is. */
  async #checkpoint(): Promise<void> {
    await this.#db.checkpoint(copyDirectory)
    const original = this.#db
    this.#db = await openMemory(
      { ...this.#config, directory: copyDirectory },
      { vfs: this.#vfs, ...(this.#clock && { clock: this.#clock }) },
    )
    try {
      this.#db.maintenance.pause()
      await this.#compare(this.#state, {})
    } finally {
      await this.#db.close()
      this.#db = original
    }
    await this.#removeCopy()
  }

  async #removeCopy(): Promise<void> {
    const names = await this.#vfs.list(copyDirectory).catch(() => [])
    for (const name of names) await this.#vfs.remove(`${copyDirectory}/${name}`)
  }

  async #crash({ mode, during, turns, seed }: Extract<Step, { kind: 'crash' }>): Promise<void> {
    if (mode === 'power') await this.#db.sync()
    const begun = during === undefined ? undefined : this.#begin(during).catch(() => undefined)
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
    this.#snapshots = []
    this.#vfs = this.#vfs.crash(mode === 'kill' ? { mode } : { mode, random: new SeededRandom(seed) })
    await this.#db.close().catch(() => undefined)
    await begun
    await this.#removeCopy()
    await this.#open()
    return this.#check()
  }

  #begin(during: NonNullable<Extract<Step, { kind: 'crash' }>['during']>): Promise<void> {
    if (during === 'flush') return this.#db.flush()
    return during === 'checkpoint' ? this.#db.checkpoint(copyDirectory) : this.#db.compact(undefined, { kind: during })
  }

  async #call({ op, table, rows }: Op): Promise<Partial<Outcome>> {
    const of = this.#db.table(table)
    switch (op) {
      case 'insert':
        return { inserted: await of.insert(rows) }
      case 'skip':
        return { inserted: await of.insert(rows, { ifExists: 'skip' }) }
      case 'upsert':
        await of.upsert(rows)
        return {}
      case 'update':
        await of.update(rows)
        return {}
      case 'delete':
        return { deleted: await of.delete(rows) }
    }
  }

  async #batch(ops: readonly Op[], snapshot?: Snapshot): Promise<Partial<Outcome>> {
    const batch = this.#db.batch(snapshot ? { snapshot } : {})
    for (const { op, table, rows } of ops) {
      const of = this.#db.table(table)
      if (op === 'insert') batch.insert(of, rows)
      else if (op === 'skip') batch.insert(of, rows, { ifExists: 'skip' })
      else batch[op](of, rows)
    }
    return batch.commit()
  }

  async #write(ops: readonly Op[], call: () => Promise<Partial<Outcome>>): Promise<void> {
    const { state, outcome } = apply(this.#state, ops)
    const done = await call().catch((error: unknown): Partial<Outcome> => {
      if (error instanceof VarveError) return { error: error.code }
      throw error
    })
    // Of several reasons to refuse a batch, any may be given.
    const isAsExpected = ops.length === 1 ? done.error === outcome.error : (done.error === undefined) === (outcome.error === undefined)
    if (!isAsExpected) throw new Error(`ended with ${done.error}, and should have with ${outcome.error}`)
    if (done.error === undefined) {
      for (const name of ['inserted', 'updated', 'deleted'] as const) {
        if (done[name] !== undefined && done[name] !== outcome[name]) throw new Error(`says ${name}: ${done[name]}, not ${outcome[name]}`)
      }
    }
    this.#state = state
  }

  /** A batch with a snapshot commits only if none of its rows has changed since. */
  async #conflict(op: Op, pinned: Pinned | undefined): Promise<void> {
    if (!pinned) return
    const before = pinned.state[op.table]
    const now = this.#state[op.table]
    const isChanged = op.rows.some((row) => before.get(keyOf(op.table, row)) !== now.get(keyOf(op.table, row)))
    const done = await this.#batch([op], pinned.snapshot).catch((error: unknown): Partial<Outcome> => {
      if (error instanceof VarveError) return { error: error.code }
      throw error
    })
    if (isChanged) {
      if (done.error === undefined) throw new Error('a batch was committed though a row that it writes has changed since its snapshot')
      return
    }
    // A row that was changed and changed back is a conflict too.
    if (done.error === 'WRITE_CONFLICT') return
    const { state, outcome } = apply(this.#state, [op])
    if (done.error !== outcome.error) throw new Error(`ended with ${done.error}, and should have with ${outcome.error}`)
    this.#state = state
  }

  async #where({ what, below, value }: Extract<Step, { kind: 'where' }>): Promise<void> {
    const of = this.#db.table(definitions.plain)
    const matching = [...this.#state.plain].filter(([, row]) => (row['a'] as number) < below)
    const next = copyOf(this.#state)
    for (const [key, row] of matching) {
      if (what === 'delete') next.plain.delete(key)
      else next.plain.set(key, { ...row, d: value })
    }
    const done = what === 'delete' ? await of.deleteWhere(lt('a', below)) : await of.updateWhere(lt('a', below), { d: value })
    if (done !== matching.length) throw new Error(`${what}Where says ${done}, not ${matching.length}`)
    this.#state = next
  }

  async #pointReads(ids: readonly number[]): Promise<void> {
    const of = this.#db.table(definitions.plain)
    for (const id of ids) {
      same(`get(${id})`, await of.get(id), this.#state.plain.get(String(id)))
      for (const { snapshot, state } of this.#snapshots) {
        same(`get(${id}) at a snapshot`, await of.get(id, { snapshot }), state.plain.get(String(id)))
      }
    }
    same(
      'getMany',
      await of.getMany(ids),
      ids.map((id) => this.#state.plain.get(String(id))),
    )
    const [first = 0] = ids
    same('get of columns', await of.get(first, { columns: ['s', 'id'] }), pick(this.#state.plain.get(String(first)), ['s', 'id']))
  }

  async #past(which: number): Promise<void> {
    const moment = this.moments.pick(which)
    if (moment) await this.moments.read(() => this.#compare(moment.state, { asOf: moment.atMs }))
  }

  /** Changes, applied to what was, make what came to be; none names a row that stayed away. */
  async #changes([one, other]: readonly [number, number]): Promise<void> {
    const [a, b] = [this.moments.pick(one), this.moments.pick(other)]
    if (!a || !b) return
    const [from, to] = a.atMs <= b.atMs ? [a, b] : [b, a]
    for (const name of tableNames) {
      await this.moments.read(async () => {
        const rows = new Map(from.state[name])
        for await (const { op, key, values } of this.#db.table(name).changes({ from: from.atMs, to: to.atMs })) {
          const id = keyOf(name, (name === 'plain' ? { id: key } : key) as Row)
          if (rows.has(id) === (op === 'insert')) throw new Error(`changes of ${name} say ${op} of ${id}, wrongly`)
          if (op === 'delete') rows.delete(id)
          else rows.set(id, values as Row)
        }
        same(`changes of ${name}`, sorted(name, [...rows.values()]), sorted(name, [...to.state[name].values()]))
      })
    }
  }

  async #check(): Promise<void> {
    await this.#compare(this.#state, {})
    for (const { snapshot, state } of this.#snapshots) await this.#compare(state, { snapshot })
  }

  async #compare(state: State, o: { snapshot?: Snapshot; asOf?: number }): Promise<void> {
    for (const name of tableNames) {
      const of = this.#db.table(name)
      const expected = [...state[name].values()]
      same(`scan of ${name}`, sorted(name, await of.scan(o).toArray()), sorted(name, expected))
      same(
        `reverse scan of ${name}`,
        (await of.scan({ ...o, reverse: true }).toArray()).map((row) => keyOf(name, row as Row)),
        orderedKeys(name, expected).reverse(),
      )
    }
    const plain = this.#db.table(definitions.plain)
    const rows = [...state.plain.values()]
    same('count', await plain.count(o), rows.length)
    const matching = rows.filter((row) => (row['a'] as number) >= 3)
    same('scan with a predicate', sorted('plain', await plain.scan({ ...o, where: gte('a', 3) }).toArray()), sorted('plain', matching))
    const total = await plain.aggregate({ ...o, select: { n: count(), a: sum('a') }, where: gte('a', 3) })
    same('aggregate', total, {
      n: matching.length,
      a: matching.length === 0 ? null : matching.reduce((all, row) => all + (row['a'] as number), 0),
    })
    const byText = rows.filter((row) => row['s'] === 'bb')
    same('scan by text', sorted('plain', await plain.scan({ ...o, where: eq('s', 'bb') }).toArray()), sorted('plain', byText))
    same(
      'scan of a range',
      (await plain.scan({ ...o, gte: 5, lt: 15, order: 'key', limit: 4 }).toArray()).map(({ id }) => id),
      rows
        .map((row) => row['id'] as number)
        .filter((id) => id >= 5 && id < 15)
        .sort((a, b) => a - b)
        .slice(0, 4),
    )
  }
}

function pick(row: Row | undefined, names: readonly string[]): Row | undefined {
  return row && Object.fromEntries(names.map((name) => [name, row[name]]))
}

function sorted(table: TableName, rows: readonly unknown[]): Row[] {
  return (rows as Row[]).slice().sort((a, b) => (keyOf(table, a) < keyOf(table, b) ? -1 : 1))
}

function orderedKeys(table: TableName, rows: readonly Row[]): string[] {
  const order = (a: Row, b: Row) =>
    table === 'plain'
      ? (a['id'] as number) - (b['id'] as number)
      : (a['k'] as string) < (b['k'] as string)
        ? -1
        : a['k'] === b['k']
          ? (a['n'] as number) - (b['n'] as number)
          : 1
  return rows
    .slice()
    .sort(order)
    .map((row) => keyOf(table, keyPart(table, row)))
}

function same(what: string, actual: unknown, expected: unknown): void {
  if (isDeepStrictEqual(plain(actual), plain(expected))) return
  throw new Error(`${what}: got ${show(actual)}, expected ${show(expected)}`)
}

/** Rows apart from the order of their properties and −0. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, of]) => [name, plain(of)]),
    )
  }
  return Object.is(value, -0) ? 0 : value
}

function show(value: unknown): string {
  return JSON.stringify(value, (_, of: unknown) => (typeof of === 'bigint' ? `${of}n` : of)) ?? 'undefined'
}
