import test from 'ava'
import { IdleChunks } from '../../src/engine/idle-chunks.ts'
import { ChunkPool } from '../../src/rowset/chunk-pool.ts'
import { SimulatedClock } from '../../src/testing/simulated-clock.ts'

function setUp() {
  const clock = new SimulatedClock()
  const chunks = new ChunkPool()
  let trimmedCount = 0
  const idle = new IdleChunks({ clock, chunks, trimmed: () => trimmedCount++ })
  const fill = (count: number) => {
    const spans = Array.from({ length: count }, () => chunks.acquire('chunk'))
    for (const span of spans) chunks.release(span)
    idle.look()
  }
  return { clock, chunks, idle, fill, trimmedCount: () => trimmedCount }
}

test('what stores take turns with is kept, and given back once writes have been silent for a while', async (t) => {
  const { clock, chunks, fill, trimmedCount } = setUp()
  for (let flush = 0; flush < 20; flush++) {
    fill(6)
    await clock.advance(4000)
  }
  t.is(chunks.createdCount, 6, 'nothing was dropped and made again')
  t.is(trimmedCount(), 0)
  await clock.advance(20_000)
  t.is(chunks.idleCount, 0)
  t.is(trimmedCount(), 1)
  t.is(clock.pending, 0, 'nobody looks any more')
})

test('no timer is left once the database is closed, nor set for a pool with nothing idle', async (t) => {
  const { clock, chunks, idle, fill } = setUp()
  const span = chunks.acquire('slab')
  idle.look()
  t.is(clock.pending, 0)
  chunks.release(span)
  fill(1)
  t.is(clock.pending, 1)
  idle.close()
  t.is(clock.pending, 0)
  idle.look()
  t.is(clock.pending, 0)
})
