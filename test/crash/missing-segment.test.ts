/**
 * A file of the log is lost. At any moment of a database's life, whatever segment but the newest one is taken away after
 * a kill: either nothing that was acknowledged needs it, or the opening refuses; never are there rows less.
 */
import test from 'ava'
import type { Random } from '../../src/base/random.ts'
import { type Database, defineTable, int32, string } from '../../src/index.ts'
import { MemoryVfs, openMemory, SeededRandom, SimulatedClock } from '../../src/testing/index.ts'
import { segmentHeaderBytes } from '../../src/wal/segment-header.ts'
import { TurnDelays } from './turn-clock.ts'

const firstSeed = Number(process.env['VARVE_SEED'] ?? 1)
const runs = Number(process.env['VARVE_RUNS'] ?? 6)

const names = ['a', 'b', 'c'] as const
type Name = (typeof names)[number]
const definitionOf = (name: Name) => defineTable(name, { columns: { id: int32(), text: string() }, primaryKey: ['id'] })

/** A database, and what was acknowledged of it: ids by table. */
class Life {
  readonly vfs: MemoryVfs
  readonly #random: Random
  readonly #rows = new Map<Name, number[]>()
  readonly #flushes = new Set<Promise<void>>()
  #nextId = 0

  constructor(random: Random) {
    this.#random = random
    this.vfs = new MemoryVfs({ random, clock: new TurnDelays(random) })
    // So that edits and writes come between the steps of a flush, and between those of beginning a segment.
    this.vfs.inject({ op: ['append', 'sync'], path: /sst$/, probability: 0.5, delayMs: 1 })
    this.vfs.inject({ op: 'syncDirectory', probability: 0.5, delayMs: 1 })
  }

  open(): Promise<Database> {
    return openMemory({ wal: { segmentBytes: 1500 } }, { vfs: this.vfs, clock: new SimulatedClock() })
  }

  async step(db: Database): Promise<Database> {
    const choice = this.#random.below(20)
    const name = names[this.#random.below(names.length)] as Name
    if (!this.#rows.has(name)) await this.#create(db, name)
    else if (choice < 13) await this.#insert(db, name)
    else if (choice < 17) this.#flushLater(db, this.#random.below(4) === 0 ? undefined : name)
    else if (choice === 17) await this.#drop(db, name)
    else if (choice === 18) await db.sync()
    else return await this.#reopen(db)
    return db
  }

  async #create(db: Database, name: Name): Promise<void> {
    await db.createTable(definitionOf(name))
    this.#rows.set(name, [])
  }

  async #insert(db: Database, name: Name): Promise<void> {
    for (let left = 1 + this.#random.below(6); left > 0; left--) {
      const ids = Array.from({ length: 1 + this.#random.below(12) }, () => this.#nextId++)
      await db.table(name).insert(ids.map((id) => ({ id, text: `row ${id}` })))
      this.#rows.get(name)?.push(...ids)
    }
  }

  #flushLater(db: Database, name: Name | undefined): void {
    const flush = db.flush(name).finally(() => this.#flushes.delete(flush))
    this.#flushes.add(flush)
  }

  async #drop(db: Database, name: Name): Promise<void> {
    await db.dropTable(name)
    this.#rows.delete(name)
  }

  async #reopen(db: Database): Promise<Database> {
    await this.settle()
    await db.close({ flush: this.#random.below(3) === 0 })
    return this.open()
  }

  async settle(): Promise<void> {
    await Promise.all(this.#flushes)
  }

  /** What a copy of the files reads as: 'right', or the code of the error with which it is refused. Anything else throws. */
  async read(vfs: MemoryVfs): Promise<string> {
    let db: Database
    try {
      db = await openMemory({}, { vfs, clock: new SimulatedClock() })
    } catch (error) {
      return (error as { code?: string }).code ?? String(error)
    }
    for (const [name, ids] of this.#rows) {
      const rows = (await db.table(name).scan({ order: 'key' }).toArray()) as { id: number; text: string }[]
      if (rows.some(({ id, text }) => text !== `row ${id}`)) throw new Error(`${name} has a wrong row`)
      if (rows.map(({ id }) => id).join() !== ids.join()) throw new Error(`${name} has ${rows.length} rows of ${ids.length}`)
    }
    await db.close()
    return 'right'
  }
}

test('whatever segment before the newest is missing, nothing acknowledged is missed, or the opening refuses', async (t) => {
  const outcomes = new Map<string, number>()
  for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
    const random = new SeededRandom(seed)
    const life = new Life(random)
    let db = await life.open()
    for (let step = 0; step < 40; step++) {
      db = await life.step(db)
      const files = life.vfs.clone()
      // One whose header has not been written yet says nothing: then the newest is the one before.
      const segments = [...files.snapshot()].filter(([path, bytes]) => path.endsWith('.wal') && bytes.length >= segmentHeaderBytes)
      t.is(await life.read(files.clone()), 'right', `VARVE_SEED=${seed}, step ${step}, nothing missing`)
      for (const [path] of segments.slice(0, -1)) {
        const copy = files.clone()
        await copy.remove(path)
        const outcome = await life.read(copy).catch((error: Error) => error.message)
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
        if (!['right', 'CORRUPTION'].includes(outcome)) return t.fail(`VARVE_SEED=${seed}, step ${step}, without ${path}: ${outcome}`)
      }
    }
    await life.settle()
    await db.close()
  }
  t.log(JSON.stringify([...outcomes]))
  t.true((outcomes.get('CORRUPTION') ?? 0) > 10 * runs && (outcomes.get('right') ?? 0) > 0)
  return undefined
})
