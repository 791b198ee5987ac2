/** Compactions of a database that is written to and read meanwhile. */
import test from 'ava'
import { defineTable, int32, type Snapshot, string, type Table } from '../../src/index.ts'
import { MemoryVfs, openMemory, SeededRandom, SimulatedClock } from '../../src/testing/index.ts'
import { firstDifference } from '../rowset/support/random-table.ts'
import { major, merge, minor, tabletWatch } from './support/compactions.ts'

const things = defineTable('things', {
  columns: { id: int32(), count: int32(), text: string().nullable(), note: string().default('none') },
  primaryKey: ['id'],
})
type Thing = { id: number; count: number; text: string | null; note: string }
type Model = Map<number, Thing>

const seed = Number(process.env['VARVE_SEED'] ?? 20_260_729)

async function rowsOf(table: Table<typeof things>, o: object = {}): Promise<Thing[]> {
  return (await table.scan({ order: 'key', ...o }).toArray()) as Thing[]
}

const inOrder = (model: Model): Thing[] => [...model.values()].sort((a, b) => a.id - b.id).map((thing) => ({ ...thing }))

/** Changes rows at random, the model beside them. */
async function write(table: Table<typeof things>, model: Model, random: SeededRandom, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const id = random.below(80)
    const text = random.below(3) === 0 ? null : `text ${random.below(1e6)}`
    switch (random.below(5)) {
      case 0:
      case 1: {
        const before = model.get(id)
        await table.upsert({ id, count: i, text })
        model.set(id, { ...(before ?? { note: 'none' }), id, count: i, text })
        break
      }
      case 2: {
        const before = model.get(id)
        const changed = { count: random.below(1000), note: `note ${random.below(10)}` }
        await table.update({ id, ...changed })
        if (before) model.set(id, { ...before, ...changed })
        break
      }
      case 3:
        await table.delete(id)
        model.delete(id)
        break
      default: {
        // A large batch, applied over several turns.
        const ids = Array.from({ length: 20 }, () => random.below(80))
        await table.upsert(ids.map((each) => ({ id: each, count: each, text: 'batch', note: 'batch' })))
        for (const each of ids) model.set(each, { id: each, count: each, text: 'batch', note: 'batch' })
      }
    }
  }
}

async function compactSomething(tablet: ReturnType<typeof tabletWatch>['tablets'][0], random: SeededRandom): Promise<void> {
  const { rowsets } = tablet.disk
  const rowset = rowsets[random.below(Math.max(1, rowsets.length))]
  if (!rowset) return
  switch (random.below(4)) {
    case 0:
      await minor(tablet, rowset, random.below(2) === 0 ? 'redo' : 'undo', random.below(2))
      break
    case 1: {
      const columns = [2, 3, 4].filter(() => random.below(2) === 0)
      if (columns.length > 0) await major(tablet, rowset, columns, 1 + random.below(3))
      break
    }
    default:
      await merge(
        tablet,
        rowsets
          .filter(() => random.below(3) > 0)
          .concat(rowset)
          .filter((each, i, all) => all.indexOf(each) === i),
        {
          rowsetBytesMax: 2000,
        },
      )
  }
}

for (let round = 0; round < 10; round++) {
  test(`what is written while compactions run is there afterwards, for every snapshot, and after a crash (${round})`, async (t) => {
    t.log(`VARVE_SEED=${seed}`)
    const random = new SeededRandom(seed + round)
    const vfs = new MemoryVfs()
    const watch = tabletWatch()
    const config = { history: { retentionMs: random.below(2) === 0 ? 0 : 50 }, durability: 'sync' as const, plugins: [watch.plugin] }
    const clock = new SimulatedClock()
    const db = await openMemory(config, { vfs, clock })
    db.maintenance.pause()
    const table = await db.createTable(things)
    const [tablet] = watch.tablets as [(typeof watch.tablets)[0]]
    const model: Model = new Map()
    const done: Record<string, number> = {}
    db.events.on('compaction:end', ({ kind, outputs, error }) => {
      if (error) t.fail(`${kind}: ${error.stack}`)
      done[kind] = (done[kind] ?? 0) + outputs.length
    })
    const held: { snapshot: Snapshot; rows: Thing[] }[] = []
    const check = async (what: string) => {
      const difference = firstDifference(await rowsOf(table), inOrder(model))
      if (difference) t.fail(`${what}: ${difference}`)
      for (const { snapshot, rows } of held) {
        const old = firstDifference(await rowsOf(table, { snapshot }), rows)
        if (old) t.fail(`${what}, a snapshot: ${old}`)
      }
      for (const id of [1, 20, 70]) t.deepEqual(await table.get(id), model.get(id), what)
    }
    for (let step = 0; step < 12; step++) {
      await clock.advance(random.below(40))
      await write(table, model, random, 15)
      if (random.below(3) === 0) held.push({ snapshot: db.snapshot(), rows: inOrder(model) })
      if (held.length > 2) held.shift()?.snapshot.close()
      if (random.below(3) > 0) await db.flush()
      const compactions = Array.from({ length: random.below(3) }, () => compactSomething(tablet, random))
      await Promise.all([...compactions, write(table, model, random, 10), random.below(3) === 0 ? db.flush() : undefined])
      await check(`step ${step}`)
    }
    t.log(done)
    t.not(Object.keys(done).length, 0)
    for (const { snapshot } of held) snapshot.close()
    const left = round % 3 === 0 ? vfs : vfs.crash({ mode: round % 3 === 1 ? 'power' : 'kill', random })
    if (left === vfs) await db.close({ flush: random.below(2) === 0 })
    const again = await openMemory({}, { vfs: left })
    t.is(firstDifference(await rowsOf(again.table(things)), inOrder(model)), undefined, 'reopened')
    await again.close()
  })
}
