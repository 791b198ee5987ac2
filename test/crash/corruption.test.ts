/**
 * Damage to the files of a closed database. Whatever byte is flipped and wherever a file is cut: opening and reading
 * everything gives the right answer, or a VarveError that says what is wrong; never a wrong answer, another error, or
 * no end.
 */
import test, { type ExecutionContext } from 'ava'
import { SeededRandom } from '../../src/base/seeded-random.ts'
import { type Database, defineTable, double, hashPartition, int32, string, VarveError } from '../../src/index.ts'
import { MemoryVfs, openMemory } from '../../src/testing/index.ts'

const seed = Number(process.env['VARVE_SEED'] ?? 1)
const tries = Number(process.env['VARVE_TRIES'] ?? 60)

const first = defineTable('first', { columns: { id: int32(), text: string(), amount: double().nullable() }, primaryKey: ['id'] })
const second = defineTable('second', {
  columns: { key: string(), n: int32() },
  primaryKey: ['key'],
  partitionBy: hashPartition(['key'], 2),
})

/** Rows of which some columns were changed after they had been flushed. */
const isChanged = (id: number) => id % 3 === 0 && id % 7 === 0
const rowAt = (id: number) => (isChanged(id) ? { ...writtenAt(id), text: `changed ${id}` } : writtenAt(id))
const writtenAt = (id: number) => ({ id, text: `text ${id % 97} of ${id}`, amount: id % 4 === 0 ? null : id / 8 })
const keyed = (n: number) => ({ key: `key ${n}`, n })

/** Two tables, some rows in SSTables, some of those changed in delta files, and some only in a log of several segments. */
async function makeDatabase(vfs: MemoryVfs): Promise<void> {
  const db = await openMemory({ wal: { segmentBytes: 4096 } }, { vfs })
  // Else a compaction could apply the changes, and leave a file that only reads of earlier times look at.
  db.maintenance.pause()
  const a = await db.createTable(first)
  const b = await db.createTable(second)
  await a.insert(Array.from({ length: 9000 }, (_, i) => writtenAt(i * 3)))
  await b.insert(Array.from({ length: 500 }, (_, n) => keyed(n)))
  await db.flush()
  const changed = Array.from({ length: 27_000 }, (_, id) => id).filter(isChanged)
  await a.update(changed.map((id) => ({ id, text: rowAt(id).text })))
  await db.flush()
  for (let i = 0; i < 60; i++) await a.insert(Array.from({ length: 5 }, (_, k) => rowAt((i * 5 + k) * 3 + 1)))
  await db.flush('first')
  for (let i = 0; i < 60; i++) await a.insert(Array.from({ length: 5 }, (_, k) => rowAt((i * 5 + k) * 3 + 2)))
  for (let n = 500; n < 520; n++) await b.insert(keyed(n))
  await db.close()
}

let intact: MemoryVfs
test.before(async () => {
  intact = new MemoryVfs()
  await makeDatabase(intact)
})

/** Opens, reads everything in several ways, and says what came of it; throws if an answer is wrong. */
async function readEverything(vfs: MemoryVfs, o: { salvage?: boolean } = {}): Promise<string> {
  let db: Database | undefined
  try {
    db = await openMemory({ recovery: o.salvage ? 'salvage' : 'strict' }, { vfs })
    const a = db.table(first)
    const b = db.table(second)
    const rows = await a.scan({ order: 'key' }).toArray()
    const pairs = await b.scan().toArray()
    requireSame(
      rows,
      // What salvage cuts off may have been a change.
      rows.map(({ id, text }) => (o.salvage && text === writtenAt(id).text ? writtenAt(id) : rowAt(id))),
      'a row',
    )
    requireSame(
      pairs,
      pairs.map(({ n }) => keyed(n)),
      'a row',
    )
    if (!o.salvage) {
      requireSame(rows.length, 9600, 'the number of rows')
      requireSame(pairs.length, 520, 'the number of rows')
      requireSame(await a.get(26_997), rowAt(26_997), 'get')
      requireSame(await a.get(26_998), undefined, 'get')
      requireSame(await a.count(), 9600, 'count')
      requireSame(await b.get('key 7'), keyed(7), 'get')
    }
    return 'right'
  } catch (error) {
    if (error instanceof VarveError) return error.code
    throw error
  } finally {
    await db?.close().catch((error: unknown) => {
      if (!(error instanceof VarveError)) throw error
    })
  }
}

function requireSame(found: unknown, expected: unknown, what: string): void {
  if (JSON.stringify(found) !== JSON.stringify(expected)) throw new Error(`${what} is wrong: ${JSON.stringify(found)?.slice(0, 200)}`)
}

const kinds: Record<string, RegExp> = { sstable: /\.sst$/, delta: /\.delta$/, log: /\.wal$/, manifest: /MANIFEST-/, CURRENT: /CURRENT$/ }
/** What salvage cuts off a manifest may have been a table. */
const allowed = ['right', 'CORRUPTION', 'FORMAT_UNSUPPORTED']
const allowedInSalvage = [...allowed, 'TABLE_NOT_FOUND']

async function damageMany(
  t: ExecutionContext,
  kind: string,
  damage: (vfs: MemoryVfs, path: string, random: SeededRandom) => string,
  o: { salvage?: boolean } = {},
): Promise<Map<string, number>> {
  const outcomes = new Map<string, number>()
  const paths = [...intact.snapshot().keys()].filter((path) => kinds[kind]?.test(path))
  t.true(paths.length > 0)
  for (let i = 0; i < tries; i++) {
    const random = new SeededRandom(seed * 1000 + i)
    const vfs = intact.clone()
    const what = damage(vfs, paths[random.below(paths.length)] as string, random)
    const outcome = await readEverything(vfs, o).catch((error: Error) => `${error.name}: ${error.message}`)
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    if (!(o.salvage ? allowedInSalvage : allowed).includes(outcome)) t.fail(`VARVE_SEED=${seed}, try ${i}: ${what}: ${outcome}`)
  }
  t.log(JSON.stringify([...outcomes]))
  return outcomes
}

function flip(vfs: MemoryVfs, path: string, random: SeededRandom): string {
  const length = vfs.snapshot().get(path)?.length ?? 0
  const offset = random.below(3) === 0 ? random.below(Math.min(length, 200)) : random.below(length)
  const xor = random.below(2) === 0 ? 1 << random.below(8) : 1 + random.below(255)
  vfs.mutate(path, offset, xor)
  return `byte ${offset} of ${path} ^ ${xor}`
}

function cut(vfs: MemoryVfs, path: string, random: SeededRandom): string {
  const length = vfs.snapshot().get(path)?.length ?? 0
  const left = random.below(2) === 0 ? random.below(length) : Math.max(0, length - 1 - random.below(80))
  vfs.truncateTo(path, left)
  return `${path} cut from ${length} to ${left}`
}

test('the database is right while nothing is damaged', async (t) => {
  t.is(await readEverything(intact.clone()), 'right')
})

for (const kind of Object.keys(kinds)) {
  test(`a byte flipped anywhere in a file of the kind ${kind} is found, or does no harm`, async (t) => {
    const outcomes = await damageMany(t, kind, flip)
    t.true((outcomes.get('CORRUPTION') ?? 0) + (outcomes.get('FORMAT_UNSUPPORTED') ?? 0) > tries / 2)
  })

  test(`a file of the kind ${kind} cut short anywhere is found, or nothing that was promised is missing`, async (t) => {
    await damageMany(t, kind, cut)
  })

  test(`salvaging a database with a byte flipped in a file of the kind ${kind} never shows a wrong row`, async (t) => {
    await damageMany(t, kind, flip, { salvage: true })
  })
}

test('a file that is missing is found by the time it is read', async (t) => {
  const paths = [...intact.snapshot().keys()]
  t.true(paths.filter((path) => kinds['log']?.test(path)).length > 2, 'segments before the newest are among them')
  for (const path of paths) t.is(await readWithout(path), 'CORRUPTION', path)
})

async function readWithout(path: string): Promise<string> {
  const vfs = intact.clone()
  await vfs.remove(path)
  return readEverything(vfs).catch((error: Error) => `${error.name}: ${error.message}`)
}

test('damage to the blocks of one table does not keep another from being read', async (t) => {
  const vfs = intact.clone()
  const db = await openMemory({}, { vfs })
  const path = db
    .table(second)
    .stats()
    .tablets.flatMap(({ rowsets }) => rowsets)[0]?.path as string
  await db.close()
  vfs.mutate(path, 40, 255)
  const damaged = await openMemory({}, { vfs })
  await t.throwsAsync(damaged.table(second).scan().toArray(), { code: 'CORRUPTION' })
  t.is(await damaged.table(first).count(), 9600)
  await damaged.close()
})

test('a directory that holds something else is no database, and nothing in it is touched', async (t) => {
  const vfs = new MemoryVfs()
  await vfs.makeDirectory('/db')
  const file = await vfs.create('/db/notes.txt')
  await file.append(new Uint8Array([1, 2, 3]))
  await file.close()
  await t.throwsAsync(openMemory({}, { vfs }), { code: 'DATABASE_NOT_FOUND' })
  t.deepEqual([...vfs.snapshot().keys()], ['/db/notes.txt'])
  await t.throwsAsync(openMemory({ directory: '/db/notes.txt' }, { vfs }), { code: 'DATABASE_NOT_FOUND' })
  await t.throwsAsync(openMemory({ directory: '/db/missing', createIfMissing: false }, { vfs }), { code: 'DATABASE_NOT_FOUND' })
  await t.throwsAsync(openMemory({ errorIfExists: true }, { vfs: intact.clone() }), { code: 'DATABASE_EXISTS' })
})
