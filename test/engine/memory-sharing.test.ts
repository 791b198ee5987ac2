import test from 'ava'
import { LruBlockCache } from '../../plugins/lru-block-cache/index.ts'
import { registerMemory } from '../../src/engine/memory-sharing.ts'
import { SharedMemoryBudget } from '../../src/maintenance/shared-memory-budget.ts'
import { ChunkPool, chunkBytes } from '../../src/rowset/chunk-pool.ts'
import { RecordingEvents } from '../support/fake-ops.ts'

const MiB = 2 ** 20

function setUp(capacityMiB: number) {
  const memory = new SharedMemoryBudget({ limitBytes: 100 * MiB, events: new RecordingEvents() })
  const chunks = new ChunkPool()
  const cache = new LruBlockCache({ capacityBytes: capacityMiB * MiB })
  return { memory, chunks, cache, changed: registerMemory({ memory, cache, rowCache: undefined, chunks }) }
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
  chunks.trim(0)
  changed()
  t.is(cache.capacityBytes, 90 * MiB)
})
