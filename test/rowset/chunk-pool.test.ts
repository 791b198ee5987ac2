import test from 'ava'
import { ChunkPool, chunkBytes, type SharedSpan, slabBytes } from '../../src/rowset/chunk-pool.ts'
import { MemRowSet } from '../../src/rowset/mem-rowset.ts'
import { fixedKeySchema, RandomTable } from './support/random-table.ts'

test('many generations of stores make no more shared buffers than were ever in use at once', (t) => {
  const chunks = new ChunkPool()
  const table = new RandomTable(fixedKeySchema, 7, { longStrings: true })
  let usedMax = 0
  for (let generation = 1; generation <= 30; generation++) {
    const store = new MemRowSet({ schema: fixedKeySchema, generation, chunks })
    for (let i = 0; i < 4; i++) {
      const { block, keys, hashes } = table.batch(300)
      store.append(block, keys, hashes, { timestamp: generation, opId: generation })
    }
    usedMax = Math.max(usedMax, chunks.usedBytes)
    store.release()
    t.is(chunks.usedBytes, 0)
  }
  t.true(usedMax > chunkBytes, 'each store needs several buffers, or the test shows nothing')
  // Slabs may leave one buffer cut more than their bytes would need.
  t.true(chunks.createdCount <= Math.ceil(usedMax / chunkBytes) + 1, `${chunks.createdCount} buffers for ${usedMax} bytes`)
})

test('a span goes back only when its last user lets go, and is then the next to be used', (t) => {
  const pool = new ChunkPool()
  const span = pool.acquire('chunk')
  pool.retain(span)
  pool.release(span)
  t.is(pool.usedBytes, chunkBytes)
  t.not(pool.acquire('chunk').buffer, span.buffer)
  pool.release(span)
  t.is(pool.acquire('chunk').buffer, span.buffer)
  t.is(pool.createdCount, 2)
})

test('using a span after its last release is a broken invariant', (t) => {
  const pool = new ChunkPool()
  const span = pool.acquire('slab')
  pool.release(span)
  t.throws(() => pool.release(span), { name: 'InvariantError' })
  t.throws(() => pool.retain(span), { name: 'InvariantError' })
})

test('sixteen slabs share a buffer and never overlap', (t) => {
  const pool = new ChunkPool()
  const slabs = Array.from({ length: 16 }, () => pool.acquire('slab'))
  t.is(pool.createdCount, 1)
  t.is(new Set(slabs.map((slab) => slab.byteOffset)).size, 16)
  t.true(slabs.every((slab) => slab.byteLength === slabBytes && slab.byteOffset % slabBytes === 0))
  t.is(pool.idleBytes, 0)
  pool.acquire('slab')
  t.is(pool.createdCount, 2)
})

test('a buffer cut into slabs is whole again once all of them are back', (t) => {
  const pool = new ChunkPool()
  const slabs = Array.from({ length: 20 }, () => pool.acquire('slab'))
  for (const slab of slabs) pool.release(slab)
  t.is(pool.usedBytes, 0)
  t.is(pool.idleBytes, 2 * chunkBytes)
  pool.acquire('chunk')
  pool.acquire('chunk')
  t.is(pool.createdCount, 2)
})

test('a slab let go in the middle of a full buffer is used before a new buffer is made', (t) => {
  const pool = new ChunkPool()
  const slabs = Array.from({ length: 32 }, () => pool.acquire('slab'))
  const freed = slabs[5] as SharedSpan
  pool.release(freed)
  const again = pool.acquire('slab')
  t.deepEqual([again.buffer === freed.buffer, again.byteOffset], [true, freed.byteOffset])
  t.is(pool.createdCount, 2)
})

test('idle buffers are kept while stores take turns with them, and those that nobody took in a while are let go', (t) => {
  const pool = new ChunkPool()
  const fill = (count: number) => {
    const spans = Array.from({ length: count }, () => pool.acquire('chunk'))
    for (const span of spans) pool.release(span)
  }
  fill(5)
  pool.trimUnused()
  t.is(pool.idleBytes, 5 * chunkBytes, 'all were taken since the pool was made')
  fill(3)
  pool.trimUnused()
  t.is(pool.idleBytes, 3 * chunkBytes)
  fill(3)
  t.is(pool.createdCount, 5)
  pool.trimUnused()
  pool.trimUnused()
  t.is(pool.idleBytes, 0)
  fill(1)
  t.is(pool.createdCount, 6)
})
