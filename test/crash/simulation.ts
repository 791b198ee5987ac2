/**
 * One seed is one run: a database in memory lives several lives, most of which end in a crash at a call that the seed
 * chooses, some within recovery; after each the next one checks what is left against the story and goes on.
 */
import type { Random } from '../../src/base/random.ts'
import { SeededRandom } from '../../src/base/seeded-random.ts'
import type { Database, DatabaseConfig } from '../../src/index.ts'
import { MemoryVfs, openMemory } from '../../src/testing/index.ts'
import { SteadyWorkerPool } from './steady-worker-pool.ts'
import { type Batch, columnsOf, definitions, Story, type TableName, tableNames } from './story.ts'
import { ownPerformanceClock, TurnClock, TurnDelays } from './turn-clock.ts'

export interface SimulationResult {
  readonly crashes: number
  readonly crashesInRecovery: number
  readonly mode: 'kill' | 'power'
}

/** Turns of the event loop after which something that has not settled never will. */
const turnsMax = 5000

export class Simulation {
  readonly #random: Random
  readonly #mode: 'kill' | 'power'
  readonly #durability: 'write' | 'sync'
  readonly #config: Partial<DatabaseConfig>
  readonly #story = new Story()
  #vfs: MemoryVfs
  #inFlight = new Set<Promise<unknown>>()
  #failure: Error | undefined
  #clocks: TurnClock[] = []
  #crashes = 0
  #crashesInRecovery = 0

  constructor(seed: number, o: { mode?: 'kill' | 'power' } = {}) {
    const random = new SeededRandom(seed)
    this.#random = random
    this.#mode = o.mode ?? (random.below(2) === 0 ? 'kill' : 'power')
    this.#durability = random.below(3) === 0 ? 'sync' : 'write'
    this.#vfs = new MemoryVfs({ random, clock: new TurnDelays(random) })
    const threshold = pick(random, ['300KiB', '2MiB', '32MiB'] as const)
    const rowsetSize = pick(random, ['500KiB', '4MiB'] as const)
    this.#config = {
      durability: this.#durability,
      wal: { segmentBytes: 2 ** (11 + random.below(6)), targetReplayBytes: '1MiB' },
      maintenance: { threads: 1 + random.below(2), retryGraceMs: 20, pollIntervalMs: 10 },
      plugins: [['flush', { threshold, rowsetSize, maxAgeMs: 200 }]],
    }
  }

  /** Rejects with what went wrong. */
  async run(): Promise<SimulationResult> {
    await ownPerformanceClock()
    const lives = 2 + this.#random.below(4)
    try {
      for (let life = 1; life <= lives; life++) await this.#live(life === lives)
    } finally {
      for (const clock of this.#clocks) clock.stop()
    }
    return { crashes: this.#crashes, crashesInRecovery: this.#crashesInRecovery, mode: this.#mode }
  }

  async #live(last: boolean): Promise<void> {
    const random = this.#random
    const vfs = this.#vfs
    const clock = new TurnClock(random)
    this.#clocks.push(clock)
    if (random.below(2) === 0) vfs.inject({ probability: random.next() / 2, delayMs: 1 })
    if (!last && random.below(8) > 0) vfs.crashAtCall(vfs.callCount + 1 + random.below(pick(random, [30, 120, 600])), { share: random })
    let db: Database | undefined
    try {
      db = await this.#settles(openMemory(this.#config, { vfs, clock, random, pool: new SteadyWorkerPool() }), 'open')
      const problem = await this.#settles(this.#story.check(db, random, this.#promised), 'reading everything')
      if (problem) throw new Error(problem)
      db = await this.#steps(db, clock)
      if (last) await this.#endWell(db)
    } catch (error) {
      if (!vfs.crashed) throw error
      if (!db) this.#crashesInRecovery++
    }
    if (this.#failure) throw this.#failure
    if (last) return
    const next = vfs.crash(this.#mode === 'kill' ? { mode: 'kill' } : { mode: 'power', random })
    this.#crashes++
    // What was under way fails like everything else; nothing may hang.
    await this.#settles(Promise.all(this.#inFlight), 'what was under way at the crash')
    if (db)
      await this.#settles(
        db.close().catch(() => undefined),
        'close after the crash',
      )
    clock.stop()
    this.#vfs = next
  }

  /** What the next life must find. A kill leaves what was acknowledged, a power cut what was said to be on disk. */
  get #promised(): 'acknowledged' | 'durable' {
    return this.#mode === 'kill' ? 'acknowledged' : 'durable'
  }

  async #steps(first: Database, clock: TurnClock): Promise<Database> {
    const random = this.#random
    let db = first
    for (let left = 5 + random.below(30); left > 0; left--) {
      if (this.#failure) throw this.#failure
      const name = pick(random, tableNames)
      if (!this.#story.tables.has(name)) await this.#createTable(db, name)
      else db = await this.#step(db, name, clock)
    }
    return db
  }

  async #step(db: Database, name: TableName, clock: TurnClock): Promise<Database> {
    const random = this.#random
    const choice = random.below(100)
    if (choice < 30) await this.#insert(db, name, 1 + random.below(20))
    else if (choice < 50) await this.#together(db)
    else if (choice < 56) await this.#insert(db, name, 300 + random.below(400))
    else if (choice < 58) await this.#insert(db, name, 4000 + random.below(6000))
    else if (choice < 60) await this.#insert(db, name, 200 + random.below(200), { fat: true })
    else if (choice < 68) await this.#insertColumns(db, name, 1 + random.below(600))
    else if (choice < 74) await this.#insertRefused(db, name)
    else if (choice < 86) await this.#flush(db, random.below(2) === 0 ? name : undefined)
    else if (choice < 90) await this.#sync(db)
    else if (choice < 92) await this.#dropTable(db, name)
    else if (choice < 96) await this.#drain()
    else return await this.#reopen(db, clock)
    return db
  }

  async #createTable(db: Database, name: TableName): Promise<void> {
    const life = { name, state: 'creating' as 'creating' | 'there' | 'dropping' }
    this.#story.tables.set(name, life)
    await this.#settles(db.createTable(definitions[name]), 'createTable')
    life.state = 'there'
  }

  async #dropTable(db: Database, name: TableName): Promise<void> {
    await this.#drain()
    const life = this.#story.tables.get(name)
    if (life) life.state = 'dropping'
    await this.#settles(db.dropTable(name), 'dropTable')
    this.#story.dropped(name)
  }

  /** Writes not waited for, to several tables, perhaps with a flush among them. */
  async #together(db: Database): Promise<void> {
    const random = this.#random
    for (let left = 2 + random.below(12); left > 0; left--) {
      const name = pick(random, tableNames)
      if (!this.#story.tables.has(name)) continue
      const choice = random.below(12)
      if (choice === 0) this.#later(this.#flush(db, name))
      else if (choice === 1) this.#later(this.#insertRefused(db, name))
      else this.#later(this.#insert(db, name, random.below(40) === 0 ? 5000 : 1 + random.below(60)))
    }
    if (random.below(2) === 0) await this.#drain()
  }

  async #insert(db: Database, name: TableName, rowCount: number, o: { fat?: boolean } = {}): Promise<void> {
    const batch = this.#story.begin(name, rowCount, o)
    await this.#write(batch, (durability) => db.table(name).insert(this.#story.rowsOf(batch), { durability }))
  }

  async #insertColumns(db: Database, name: TableName, rowCount: number): Promise<void> {
    const batch = this.#story.begin(name, rowCount)
    await this.#write(batch, (durability) =>
      db.table(name).insertColumns(columnsOf(this.#story.rowsOf(batch), name) as never, { durability }),
    )
  }

  async #write(batch: Batch, run: (durability: 'sync' | 'write') => Promise<number>): Promise<void> {
    const durability = this.#random.below(6) === 0 ? 'sync' : this.#durability
    const rowCount = await this.#settles(run(durability), `insert of batch ${batch.number}`)
    if (rowCount !== batch.keys.length) throw new Error(`batch ${batch.number} of ${batch.keys.length} rows says ${rowCount}`)
    this.#story.acknowledge(batch, { durable: durability === 'sync' })
  }

  async #insertRefused(db: Database, name: TableName): Promise<void> {
    const batch = this.#story.begin(name, 2 + this.#random.below(30), { refused: true })
    try {
      await this.#settles(db.table(name).insert(this.#story.rowsOf(batch)), 'an insert to be refused')
    } catch (error) {
      if (this.#vfs.crashed || (error as { code?: string }).code === 'KEY_EXISTS') return
      throw error
    }
    throw new Error(`batch ${batch.number} repeats a key and was taken`)
  }

  async #flush(db: Database, name: TableName | undefined): Promise<void> {
    const through = this.#story.lastAcknowledged(name)
    await this.#settles(db.flush(name), 'flush')
    this.#story.madeDurable(through)
  }

  async #sync(db: Database): Promise<void> {
    const through = this.#story.lastAcknowledged()
    await this.#settles(db.sync(), 'sync')
    this.#story.madeDurable(through)
  }

  async #reopen(db: Database, clock: TurnClock): Promise<Database> {
    const random = this.#random
    await this.#drain()
    const through = this.#story.lastAcknowledged()
    await this.#settles(db.close({ flush: random.below(2) === 0 }), 'close')
    this.#story.madeDurable(through)
    const again = await this.#settles(openMemory(this.#config, { vfs: this.#vfs, clock, random, pool: new SteadyWorkerPool() }), 'reopen')
    const problem = await this.#settles(this.#story.check(again, random, 'acknowledged'), 'reading everything')
    if (problem) throw new Error(`after closing: ${problem}`)
    return again
  }

  async #endWell(db: Database): Promise<void> {
    await this.#drain()
    const problem = await this.#story.check(db, this.#random, 'acknowledged')
    if (problem) throw new Error(`at the end: ${problem}`)
    await this.#settles(db.close(), 'close')
  }

  #later(work: Promise<void>): void {
    const tracked: Promise<void> = work
      .catch((error: unknown) => {
        if (!this.#vfs.crashed) this.#failure ??= error as Error
      })
      .finally(() => this.#inFlight.delete(tracked))
    this.#inFlight.add(tracked)
  }

  async #drain(): Promise<void> {
    await this.#settles(Promise.all(this.#inFlight), 'what is under way')
    if (this.#failure) throw this.#failure
  }

  /** As the promise, unless it never settles. */
  async #settles<R>(promise: Promise<R>, what: string): Promise<R> {
    let settled = false
    const watched = promise.finally(() => {
      settled = true
    })
    watched.catch(() => undefined)
    for (let turns = 0; !settled && turns < turnsMax; turns++) {
      for (let ticks = 0; !settled && ticks < 10; ticks++) await undefined
      if (!settled) await new Promise((resolve) => setImmediate(resolve))
    }
    if (!settled) {
      this.#failure ??= new Error(`${what} never settled`)
      throw this.#failure
    }
    return watched
  }
}

function pick<V>(random: Random, values: readonly V[]): V {
  return values[random.below(values.length)] as V
}
