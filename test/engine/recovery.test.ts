/**
 * The cases of recovery, each with a crash at every call of the file system that it makes: a kill or, at every other, a power cut
 * that takes what is not synced. What was acknowledged must be there, and nothing else but what was under way.
 */
import test, { type ExecutionContext } from 'ava'
import type { Database, DatabaseConfig } from '../../src/index.ts'
import { MemoryVfs, openMemory, SeededRandom } from '../../src/testing/index.ts'
import { rowsFrom, type SmallTable, small, turns } from './kit.ts'

type Texts = Map<number, string>
const other = { ...small, name: 'other' } as const
const sync = { durability: 'sync' } as const

/** Tables that are changed, and what they may hold after a crash. */
class Witness {
  readonly db: Database
  readonly table: SmallTable
  readonly other: SmallTable
  /** What is there if the crash comes now: what was acknowledged, and that with what is under way. */
  allowed: string[] = ['[[],[]]']
  readonly #texts: [Texts, Texts] = [new Map(), new Map()]

  constructor(db: Database, table: SmallTable, second: SmallTable) {
    this.db = db
    this.table = table
    this.other = second
  }

  static async open(vfs: MemoryVfs, config: Partial<DatabaseConfig>): Promise<Witness> {
    const db = await openMemory({ maintenance: { pollIntervalMs: 3_600_000 }, ...config }, { vfs })
    db.maintenance.pause()
    const table = await db.createTable(small, { ifNotExists: true })
    return new Witness(db, table, (await db.createTable(other, { ifNotExists: true })) as unknown as SmallTable)
  }

  insert(first: number, count: number): Promise<void> {
    return this.#write(this.table.insert(rowsFrom(first, count), sync), ([texts]) => {
      for (const { id, text } of rowsFrom(first, count)) texts.set(id, text)
    })
  }

  update(id: number, text: string): Promise<void> {
    return this.#write(this.table.update({ id, text }, sync), ([texts]) => texts.set(id, text))
  }

  upsert(id: number, text: string): Promise<void> {
    return this.#write(this.table.upsert({ id, text }, sync), ([texts]) => texts.set(id, text))
  }

  remove(id: number): Promise<void> {
    return this.#write(this.table.delete(id, sync), ([texts]) => texts.delete(id))
  }

  /** One batch: a text in both tables. */
  both(id: number, text: string): Promise<void> {
    const batch = this.db.batch().upsert(this.table, { id, text }).upsert(this.other, { id, text })
    return this.#write(batch.commit(sync), (both) => {
      for (const texts of both) texts.set(id, text)
    })
  }

  async held(): Promise<string> {
    const of = async (table: SmallTable): Promise<Texts> =>
      new Map((await table.scan().toArray()).map(({ id, text }) => [id, text] as [number, string]))
    return show([await of(this.table), await of(this.other)])
  }

  async #write(call: Promise<unknown>, change: (both: [Texts, Texts]) => void): Promise<void> {
    change(this.#texts)
    this.allowed = [this.allowed.at(-1) as string, show(this.#texts)]
    await call
    this.allowed = [show(this.#texts)]
  }
}

function show(both: readonly Texts[]): string {
  return JSON.stringify(both.map((texts) => [...texts].sort(([a], [b]) => a - b)))
}

interface Case {
  readonly config?: Partial<DatabaseConfig>
  prepare(witness: Witness): Promise<unknown>
  /** What crashes; `delay`: turns of the event loop, another number each time. */
  run(witness: Witness, delay: number): Promise<unknown>
}

async function afterAnyCrash(t: ExecutionContext, { config = {}, prepare, run }: Case): Promise<void> {
  let crashes = 0
  for (const [mode, first] of [
    ['kill', 1],
    ['power', 2],
  ] as const) {
    for (let nth = first; ; nth += 2) {
      const random = new SeededRandom(nth)
      const vfs = new MemoryVfs()
      const witness = await Witness.open(vfs, config)
      await prepare(witness)
      vfs.crashAtCall(vfs.callCount + nth, { share: random })
      const ended = await endOrCrash(run(witness, nth % 9), vfs)
      const { allowed } = witness
      const left = vfs.crash(mode === 'kill' ? { mode } : { mode, random })
      await witness.db.close().catch(() => undefined)
      const again = await Witness.open(left, config)
      const found = await again.held()
      t.true(allowed.includes(found), `${mode} at call ${nth}: ${found} is none of ${allowed.join(' ')}`)
      // It goes on as one that never crashed, and is found again.
      await again.table.upsert({ id: 1000, text: 'afterwards' }, sync)
      await again.db.compact()
      t.is(await again.table.count(), (JSON.parse(found) as [unknown[]])[0].length + 1)
      await again.db.close()
      if (ended) break
      crashes++
    }
  }
  t.log(`${crashes} crashes`)
  t.true(crashes > 10)
}

/** Whether it ended without a crash; after one it is given some turns, as it may wait for ever. */
async function endOrCrash(running: Promise<unknown>, vfs: MemoryVfs): Promise<boolean> {
  let ended = false
  const ending = begun(running.finally(() => (ended = true)))
  while (!ended && !vfs.crashed) await turns(1)
  if (!vfs.crashed) await ending
  else await turns(20)
  return !vfs.crashed
}

/** Its failure is looked at later, or by nobody. */
function begun<V>(running: Promise<V>): Promise<V> {
  running.catch(() => undefined)
  return running
}

test('replay around a flush: rows and changes from before it, from while it was under way, and from after it', (t) =>
  afterAnyCrash(t, {
    async prepare(witness) {
      await witness.insert(0, 6)
      await witness.db.flush()
      await witness.update(1, 'changed on disk')
      await witness.insert(10, 4)
      await witness.update(11, 'changed in memory')
    },
    async run(witness, delay) {
      const flushing = begun(witness.db.flush())
      await turns(delay)
      await witness.update(2, 'changed meanwhile')
      await witness.insert(20, 2)
      await flushing
      await witness.update(11, 'changed afterwards')
      await witness.remove(3)
    },
  }))

test('a frozen store that is changed: its rows keep what is done to them while they are written', (t) =>
  afterAnyCrash(t, {
    async prepare(witness) {
      await witness.insert(0, 8)
      await witness.remove(7)
    },
    async run(witness, delay) {
      const flushing = begun(witness.db.flush())
      await turns(delay)
      await witness.update(1, 'changed in the frozen store')
      await witness.remove(2)
      await witness.upsert(2, 'again')
      await witness.upsert(7, 'again too')
      await flushing
      await witness.db.flush()
    },
  }))

test('a merged rowset: changes logged for its inputs, before and while they are merged, are found in it', (t) =>
  afterAnyCrash(t, {
    async prepare(witness) {
      await witness.insert(0, 6)
      await witness.db.flush()
      await witness.insert(6, 6)
      await witness.upsert(-1, 'before all')
      await witness.upsert(20, 'behind all')
      await witness.db.flush()
      await witness.update(1, 'changed before')
      await witness.remove(6)
    },
    async run(witness, delay) {
      const merging = begun(witness.db.compact('small', { kind: 'merging' }))
      await turns(delay)
      await witness.update(2, 'changed meanwhile')
      await witness.remove(8)
      await merging
      await witness.update(1, 'changed afterwards')
    },
  }))

test('a dropped dead row: what the log still has of it does not bring it back, and its key can be inserted again', (t) =>
  afterAnyCrash(t, {
    config: { history: { retentionMs: 0 } },
    async prepare(witness) {
      await witness.insert(0, 6)
      await witness.db.flush()
      await witness.update(1, 'changed')
      await witness.remove(1)
      await witness.remove(2)
      await witness.upsert(2, 'again')
      await witness.remove(2)
    },
    async run(witness, delay) {
      const merging = begun(witness.db.compact('small', { kind: 'full' }))
      await turns(delay)
      await witness.remove(3)
      await merging
      await witness.upsert(1, 'inserted again')
      await witness.db.flush()
      await witness.update(1, 'and changed')
    },
  }))

test('a batch across tables with one side flushed is whole', (t) =>
  afterAnyCrash(t, {
    async prepare(witness) {
      await witness.both(1, 'one')
      await witness.both(2, 'two')
      await witness.db.flush('small')
      await witness.both(1, 'changed')
    },
    async run(witness, delay) {
      const flushing = begun(witness.db.flush('small'))
      await turns(delay)
      await witness.both(2, 'changed meanwhile')
      await witness.both(3, 'three')
      await flushing
      await witness.both(3, 'changed afterwards')
    },
  }))

test('a change moved to base data by a compaction of columns, or merged with others, is there once', (t) =>
  afterAnyCrash(t, {
    async prepare(witness) {
      await witness.insert(0, 6)
      await witness.db.flush()
      for (const text of ['first', 'second']) {
        await witness.update(1, text)
        await witness.update(2, text)
        await witness.db.flush()
      }
      await witness.update(1, 'in memory')
    },
    async run(witness, delay) {
      const compacting = begun(witness.db.compact('small', { kind: 'minor-delta' }))
      await turns(delay)
      await witness.update(2, 'changed meanwhile')
      await compacting
      await witness.db.compact('small', { kind: 'major-delta' })
      await witness.remove(1)
    },
  }))
