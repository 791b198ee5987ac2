import test from 'ava'
import { fitToBudget, initialCapacityBytes } from '../../../plugins/lru-block-cache/fit-to-budget.ts'
import { LruBlockCache } from '../../../plugins/lru-block-cache/lru-block-cache.ts'
import { SharedMemoryBudget } from '../../../src/maintenance/shared-memory-budget.ts'
import { RecordingEvents } from '../../support/fake-ops.ts'

const MiB = 2 ** 20

function setUp(configuredBytes?: number) {
  const memory = new SharedMemoryBudget({ limitBytes: 100 * MiB, events: new RecordingEvents() })
  const buffers = { name: 'buffers', kind: 'write-buffer' as const, usedBytes: 0 }
  memory.register(buffers)
  const cache = new LruBlockCache({ capacityBytes: initialCapacityBytes(memory, configuredBytes) })
  return { memory, buffers, cache, fitting: fitToBudget(cache, memory) }
}

test('the default capacity is three tenths of the memory limit; a larger one is cut to what pressure leaves', (t) => {
  t.is(setUp().cache.capacityBytes, 30 * MiB)
  t.is(setUp(8 * MiB).cache.capacityBytes, 8 * MiB)
  t.is(setUp(90 * MiB).cache.capacityBytes, 40 * MiB)
  t.is(setUp(0).cache.capacityBytes, 0)
})

test('write buffers and cache together stay within the limit while buffers stay below the soft limit', (t) => {
  const { memory, buffers, cache } = setUp(90 * MiB)
  for (let index = 0; index < 40; index++) cache.set(1, index, new Uint8Array(MiB - 128), 'data')
  memory.register({
    name: 'cache',
    kind: 'cache',
    get usedBytes() {
      return cache.usedBytes
    },
  })
  for (let heldMiB = 0; heldMiB < 80; heldMiB++) {
    buffers.usedBytes = heldMiB * MiB
    memory.changed()
    t.true(memory.usedBytes <= memory.limitBytes, `${heldMiB} MiB held, ${memory.usedBytes / MiB} MiB used`)
  }
})

test('the cache gives way at each level, keeps a little at the hard limit, and takes the room back', (t) => {
  const { memory, buffers, cache, fitting } = setUp()
  const capacityAt = (heldMiB: number) => {
    buffers.usedBytes = heldMiB * MiB
    memory.changed()
    return cache.capacityBytes / MiB
  }
  t.deepEqual([10, 65, 85, 100, 65, 0].map(capacityAt), [30, 20, 2.5, 2.5, 20, 30])
  fitting[Symbol.dispose]()
  t.is(capacityAt(100), 30, 'disposed: nobody listens')
})
