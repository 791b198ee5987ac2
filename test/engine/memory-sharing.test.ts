import test from 'ava'
import { ClockRowCache } from '../../plugins/clock-row-cache/index.ts'
import { LruBlockCache } from '../../plugins/lru-block-cache/index.ts'
import { registerMemory } from '../../src/engine/memory-sharing.ts'
import { SharedMemoryBudget } from '../../src/maintenance/shared-memory-budget.ts'
import { ChunkPool, chunkBytes } from '../../src/rowset/chunk-pool.ts'
import { hashKey, singleKey } from '../../src/schema/key-encoding.ts'
import { schemaOf } from '../schema/support/schemas.ts'
import { RecordingEvents } from '../support/fake-ops.ts'

const MiB = 2 ** 20

function setUp(capacityMiB: number, rowCache?: ClockRowCache) {
  const memory = new SharedMemoryBudget({ limitBytes: 100 * MiB, events: new RecordingEvents() })
  const chunks = new ChunkPool()
  const cache = new LruBlockCache({ capacityBytes: capacityMiB * MiB })
  return { memory, chunks, cache, changed: registerMemory({ memory, cache, rowCache, chunks }) }
}

test('write buffers and cache together stay within the limit, whatever the cache may take', (t) => {
  const { memory, chunks, cache, changed } = setUp(90)
  for (let block = 0; block < 200; block++) cache.set(1, block, new Uint8Array(MiB / 2), 'data')
  for (let held = 0; held < 95; held++) {
    chunks.acquire('chunk')
    changed()
    t.true(memory.usedBytes <= memory.limitBytes + chunkBytes, `${held + 1} MiB held, ${memory.usedBytes / MiB} MiB used`)
  }
})

test('the cache has its room back once write buffers are flushed and their chunks are let go', (t) => {
  const { chunks, cache, changed } = setUp(90)
  const spans = Array.from({ length: 50 }, () => chunks.acquire('chunk'))
  changed()
  t.is(cache.capacityBytes, 50 * MiB)
  for (const span of spans) chunks.release(span)
  changed()
  t.is(cache.capacityBytes, 50 * MiB, 'idle chunks are resident still')
  chunks.trimUnused()
  chunks.trimUnused()
  changed()
  t.is(cache.capacityBytes, 90 * MiB)
})

test('rows give way to write buffers, have at most half of what these leave, and blocks have what rows do not use', (t) => {
  const rowCache = new ClockRowCache({ capacityBytes: 40 * MiB })
  const { memory, chunks, cache, changed } = setUp(90, rowCache)
  const schema = schemaOf([{ kind: 'int32' }, { kind: 'string' }], [0])
  const rows = rowCache.open(schema)
  const text = 'x'.repeat(100_000)
  for (let id = 0; rowCache.usedBytes < 39 * MiB; id++) {
    const keys = singleKey(schema, id)
    rows.put(keys, 0, hashKey(keys, 0), { c0: id, c1: text })
  }
  for (let block = 0; block < 200; block++) cache.set(1, block, new Uint8Array(MiB / 2), 'data')
  changed()
  t.is(rowCache.capacityBytes, 40 * MiB)
  t.true(cache.capacityBytes >= 60 * MiB && cache.capacityBytes <= 61 * MiB, `${cache.capacityBytes / MiB} MiB for blocks`)
  const spans = []
  for (let held = 1; held <= 95; held++) {
    spans.push(chunks.acquire('chunk'))
    changed()
    const half = (100 - held) / 2
    t.true(rowCache.usedBytes <= (half + 1) * MiB, `${held} MiB held, ${rowCache.usedBytes / MiB} MiB for rows`)
    t.true(memory.usedBytes <= memory.limitBytes + 2 * MiB, `${held} MiB held, ${memory.usedBytes / MiB} MiB used`)
  }
  for (const span of spans) chunks.release(span)
  chunks.trimUnused()
  chunks.trimUnused()
  changed()
  t.is(rowCache.capacityBytes, 40 * MiB)
})

test('a row cache never gets more than it was made with, however much is left', (t) => {
  const rowCache = new ClockRowCache({ capacityBytes: MiB / 2 })
  const { changed } = setUp(90, rowCache)
  changed()
  t.is(rowCache.capacityBytes, MiB / 2)
})
