import test from 'ava'
import { ClockRowCache } from '../../../plugins/clock-row-cache/clock-row-cache.ts'
import { SeededRandom } from '../../../src/base/seeded-random.ts'
import { rowCache } from '../../../src/conformance/row-cache.ts'
import type { KeyBlock } from '../../../src/schema/column-vector.ts'
import { hashKeys, keysOf } from '../../../src/schema/key-encoding.ts'
import type { ColumnValue, TableSchema } from '../../../src/schema/table-schema.ts'
import type { CachedRow, CachedRows } from '../../../src/tablet/row-cache.ts'
import { schemaOf } from '../../schema/support/schemas.ts'

const KiB = 2 ** 10
const MiB = 2 ** 20
const firstSeed = Number(process.env['VARVE_SEED'] ?? 1)

rowCache(
  (title, run) => {
    test(`conformance: ${title}`, async (t) => {
      await run()
      t.pass()
    })
  },
  (capacityBytes) => new ClockRowCache({ capacityBytes }),
)

const numbers = schemaOf(
  [
    { kind: 'int32', name: 'id' },
    { kind: 'double', name: 'x', nullable: true },
  ],
  [0],
)
const texts = schemaOf(
  [
    { kind: 'string', name: 'id' },
    { kind: 'string', name: 'text', nullable: true },
    { kind: 'binary', name: 'bytes', nullable: true },
  ],
  [0],
)

/** Many keys of a schema, and rows of them that differ from one version to the next. */
interface World {
  readonly schema: TableSchema
  readonly keys: KeyBlock
  row(i: number, version: number): Record<string, ColumnValue>
}

function worldOf(schema: TableSchema, count: number): World {
  const id = (i: number) => (schema === numbers ? i : `key ${i}`)
  return {
    schema,
    keys: keysOf(
      schema,
      Array.from({ length: count }, (_, i) => id(i)),
    ),
    row(i, version) {
      if (schema === numbers) return { id: i, x: version % 5 === 0 ? null : version / 3 }
      const text = version % 7 === 0 ? null : (version % 3 === 0 ? 'я' : 'y').repeat(version % 400)
      return { id: `key ${i}`, text, bytes: version % 4 === 0 ? null : new Uint8Array(version % 50).fill(version) }
    },
  }
}

/** The hashes of keys; `spread` of them are all there are, their leading bits as chance has it. */
function hashesOf(random: SeededRandom, keys: KeyBlock, spread: number): Uint32Array {
  if (spread === Number.POSITIVE_INFINITY) return hashKeys(keys)
  const few = Array.from({ length: spread }, () => random.below(2 ** 32))
  return Uint32Array.from({ length: keys.count }, () => few[random.below(spread)] as number)
}

const profiles = [
  { name: 'all fits', schema: numbers, capacity: 64 * MiB, keys: 20_000, spread: Number.POSITIVE_INFINITY },
  { name: 'all fits, hashes collide', schema: numbers, capacity: 64 * MiB, keys: 500, spread: 40 },
  { name: 'all fits, text', schema: texts, capacity: 64 * MiB, keys: 2000, spread: 900 },
  { name: 'little fits', schema: numbers, capacity: 60 * KiB, keys: 3000, spread: Number.POSITIVE_INFINITY },
  { name: 'little fits, hashes collide', schema: numbers, capacity: 20 * KiB, keys: 600, spread: 50 },
  { name: 'little fits, text', schema: texts, capacity: 200 * KiB, keys: 3000, spread: Number.POSITIVE_INFINITY },
  { name: 'hardly anything fits', schema: texts, capacity: 12 * KiB, keys: 300, spread: 30 },
]

for (const profile of profiles) {
  test(`under random use a row that is got is the row that was put last: ${profile.name}`, (t) => {
    for (let seed = firstSeed; seed < firstSeed + 4; seed++) {
      const message = runAtRandom(profile, seed)
      if (message !== undefined) t.fail(`VARVE_SEED=${seed}: ${message}`)
    }
    t.log(`seeds from ${firstSeed}`)
    t.pass()
  })
}

/** Two tablets and a Map for each. Returns what was wrong. */
function runAtRandom(profile: (typeof profiles)[number], seed: number): string | undefined {
  const random = new SeededRandom(seed)
  const world = worldOf(profile.schema, profile.keys)
  const { keys } = world
  const cache = new ClockRowCache({ capacityBytes: profile.capacity })
  const hashes = hashesOf(random, keys, profile.spread)
  const tablets = [1, 2].map(() => ({ rows: cache.open(world.schema), model: new Map<number, CachedRow>() }))
  const keepsAll = profile.capacity === 64 * MiB
  for (const { rows, model } of tablets) {
    for (let i = 0; i < keys.count; i++) {
      model.set(i, world.row(i, i))
      rows.put(keys, i, hashes[i] as number, world.row(i, i))
    }
  }
  for (let step = 0; step < 15_000; step++) {
    const { rows, model } = tablets[random.below(2)] as (typeof tablets)[number]
    const i = random.below(random.below(2) === 0 ? keys.count : Math.ceil(keys.count / 10))
    const hash = hashes[i] as number
    const chance = random.below(1000)
    if (chance < 450) {
      const found = rows.get(keys, i, hash)
      const wanted = model.get(i)
      if (found === undefined ? keepsAll && wanted !== undefined : !same(found, wanted)) return `step ${step}: key ${i} is wrong`
    } else if (chance < 850) {
      const row = world.row(i, step)
      rows.put(keys, i, hash, row)
      model.set(i, row)
    } else if (chance < 995) {
      rows.delete(keys, i, hash)
      model.delete(i)
    } else if (chance < 997) {
      rows.release()
      model.clear()
    } else if (!keepsAll) cache.resize(Math.floor(profile.capacity * random.next() * 1.5))
    if (cache.usedBytes > cache.capacityBytes) return `step ${step}: ${cache.usedBytes} bytes of ${cache.capacityBytes}`
  }
  const present = tablets.map(({ rows }) => presentCount(rows, keys, hashes))
  if (cache.stats().entries !== (present[0] ?? 0) + (present[1] ?? 0)) return `${cache.stats().entries} entries, ${present} found`
  for (const { rows } of tablets) rows.release()
  if (cache.usedBytes !== 0 || cache.stats().entries !== 0) return `${cache.usedBytes} bytes are left of nothing`
  return undefined
}

function presentCount(rows: CachedRows, keys: KeyBlock, hashes: Uint32Array): number {
  let count = 0
  for (let i = 0; i < keys.count; i++) if (rows.get(keys, i, hashes[i] as number) !== undefined) count++
  return count
}

function same(found: CachedRow, wanted: CachedRow | undefined): boolean {
  if (wanted === undefined) return false
  return Object.keys(wanted).every((name) => {
    const [a, b] = [found[name], wanted[name]]
    return b instanceof Uint8Array ? a instanceof Uint8Array && Buffer.compare(a, b) === 0 : Object.is(a, b)
  })
}

/** Puts keys `from` to `to`, and says how many of them are here then. */
function putRange(rows: CachedRows, { keys, row }: World, from: number, to: number): number {
  const hashes = hashKeys(keys)
  for (let i = from; i < to; i++) rows.put(keys, i, hashes[i] as number, row(i, i))
  return hitsOf(rows, keys, from, to)
}

function hitsOf(rows: CachedRows, keys: KeyBlock, from: number, to: number): number {
  const hashes = hashKeys(keys)
  let count = 0
  for (let i = from; i < to; i++) if (rows.get(keys, i, hashes[i] as number) !== undefined) count++
  return count
}

test('once it is full, one row in eight that are offered is taken in', (t) => {
  const world = worldOf(numbers, 100_000)
  const cache = new ClockRowCache({ capacityBytes: MiB })
  const rows = cache.open(numbers)
  putRange(rows, world, 0, 60_000)
  t.true(cache.usedBytes > MiB * 0.9, `${cache.usedBytes} bytes`)
  const before = cache.stats()
  putRange(rows, world, 60_000, 68_000)
  t.is(cache.stats().inserted - before.inserted, 1000)
})

test('a row that is here and is put again needs no luck to stay', (t) => {
  const world = worldOf(texts, 20_000)
  const cache = new ClockRowCache({ capacityBytes: MiB })
  const rows = cache.open(texts)
  putRange(rows, world, 0, 20_000)
  const hashes = hashKeys(world.keys)
  const i = Array.from({ length: 20_000 }, (_, k) => k).find((k) => rows.get(world.keys, k, hashes[k] as number)) as number
  for (let length = 0; length < 16_000; length += 500) {
    const row = { id: `key ${i}`, text: 'x'.repeat(length), bytes: null }
    rows.put(world.keys, i, hashes[i] as number, row)
    t.deepEqual(rows.get(world.keys, i, hashes[i] as number), row)
  }
})

test('of more rows than it holds, read in turn again and again, it serves about the share that it holds', (t) => {
  const world = worldOf(numbers, 40_000)
  const { keys } = world
  const hashes = hashKeys(keys)
  const cache = new ClockRowCache({ capacityBytes: MiB })
  const rows = cache.open(numbers)
  let hits = 0
  for (let round = 0; round < 6; round++) {
    hits = 0
    for (let i = 0; i < keys.count; i++) {
      if (rows.get(keys, i, hashes[i] as number)) hits++
      else rows.put(keys, i, hashes[i] as number, world.row(i, i))
    }
  }
  const held = cache.stats().entries
  t.true(hits > held / 2, `${hits} hits of ${held} rows held`)
})

test('a row too large for its share is refused, and costs the others nothing', (t) => {
  const cache = new ClockRowCache({ capacityBytes: MiB })
  const rows = cache.open(texts)
  const world = worldOf(texts, 200)
  t.is(putRange(rows, world, 0, 100), 100)
  const hashes = hashKeys(world.keys)
  const large = (bytes: number) => ({ id: 'key 150', text: 'z'.repeat(bytes), bytes: null })
  rows.put(world.keys, 150, hashes[150] as number, large(MiB / 64))
  t.is(rows.get(world.keys, 150, hashes[150] as number), undefined)
  t.is(hitsOf(rows, world.keys, 0, 100), 100)
  rows.put(world.keys, 150, hashes[150] as number, large(MiB / 64 - 100))
  t.truthy(rows.get(world.keys, 150, hashes[150] as number))
})

test('large rows push out small ones of all shards alike, not only of their own', (t) => {
  const cache = new ClockRowCache({ capacityBytes: 4 * MiB })
  const rows = cache.open(texts)
  const world = worldOf(texts, 30_000)
  putRange(rows, world, 0, 20_000)
  const before = cache.stats()
  const hashes = hashKeys(world.keys)
  const text = 'z'.repeat(60_000)
  let taken = 0
  for (let i = 20_000; i < 20_200; i++) {
    rows.put(world.keys, i, hashes[i] as number, { id: `key ${i}`, text, bytes: null })
    if (rows.get(world.keys, i, hashes[i] as number)) taken++
  }
  t.is(taken, 25)
  t.true(cache.stats().evicted > before.evicted)
  t.true(cache.usedBytes <= 4 * MiB)
})

test('what is read of two tablets shares the room; a tablet that nobody reads any more makes way', (t) => {
  const world = worldOf(numbers, 30_000)
  const cache = new ClockRowCache({ capacityBytes: MiB })
  const first = cache.open(numbers)
  putRange(first, world, 0, 30_000)
  const second = cache.open(numbers)
  const heldAlone = cache.stats().entries
  for (let round = 0; round < 30; round++) {
    const hashes = hashKeys(world.keys)
    for (let i = 0; i < heldAlone; i++)
      if (!second.get(world.keys, i, hashes[i] as number)) second.put(world.keys, i, hashes[i] as number, world.row(i, i))
  }
  const ofFirst = hitsOf(first, world.keys, 0, 30_000)
  const ofSecond = hitsOf(second, world.keys, 0, 30_000)
  t.true(ofSecond > heldAlone * 0.6, `${ofSecond} of ${heldAlone}`)
  t.true(ofFirst < ofSecond, `${ofFirst} rows that nobody reads, ${ofSecond} that are read`)
})

test('of a thousand tablets each has some of its rows here', (t) => {
  const world = worldOf(numbers, 20)
  const cache = new ClockRowCache({ capacityBytes: 8 * MiB })
  const tablets = Array.from({ length: 1000 }, () => cache.open(numbers))
  for (const rows of tablets) t.is(putRange(rows, world, 0, 20), 20)
  t.is(cache.stats().entries, 20_000)
  t.true(cache.usedBytes < 8 * MiB)
})

test('rows that were read outlive a cut to half the room', (t) => {
  const world = worldOf(numbers, 20_000)
  const cache = new ClockRowCache({ capacityBytes: 16 * MiB })
  const rows = cache.open(numbers)
  const hashes = hashKeys(world.keys)
  for (let i = 0; i < 20_000; i++) rows.put(world.keys, i, hashes[i] as number, world.row(i, i))
  t.is(hitsOf(rows, world.keys, 5000, 10_000), 5000)
  cache.resize(Math.floor(cache.usedBytes / 2))
  t.true(cache.stats().entries < 20_000)
  t.is(hitsOf(rows, world.keys, 5000, 10_000), 5000)
})

test('more keys of one hash than a shard is split at: few go, none is mistaken for another', (t) => {
  const world = worldOf(numbers, 4500)
  const rows = new ClockRowCache({ capacityBytes: 16 * MiB }).open(numbers)
  for (let i = 0; i < 4500; i++) rows.put(world.keys, i, 0xdeadbeef, world.row(i, i))
  let found = 0
  for (let i = 4499; i >= 0; i--) {
    const row = rows.get(world.keys, i, 0xdeadbeef)
    if (row === undefined) continue
    t.is(row['id'], i)
    found++
  }
  t.true(found > 4400, `${found} of 4,500 are here`)
})

test('a capacity that is no number of bytes is a TypeError', (t) => {
  for (const capacityBytes of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
    t.throws(() => new ClockRowCache({ capacityBytes }), { instanceOf: TypeError, message: /number of bytes/ })
    t.throws(() => new ClockRowCache({ capacityBytes: 1 }).resize(capacityBytes), { instanceOf: TypeError })
  }
})
