import assert from 'node:assert/strict'
import type { BlockCache, BlockRole } from '../sstable/block-cache.ts'

/** How a suite hands its tests to a test runner; with ava: `(title, run) => test(title, async (t) => { await run(); t.pass() })`. */
export type ConformanceTest = (title: string, run: () => Promise<void>) => void

const capacityBytes = 1 << 20

/**
 * What every block cache must do, whichever block it prefers to evict. `make` returns an empty cache of the capacity
 * given, in bytes. Nothing here depends on the order of eviction, nor on how much a cache counts per entry (up to 1 KiB).
 */
export function blockCache(test: ConformanceTest, make: (capacityBytes: number) => BlockCache): void {
  test('an empty cache has nothing, uses nothing and knows its capacity', async () => {
    const cache = make(capacityBytes)
    assert.match(cache.name, /\S/)
    assert.equal(cache.get(1, 0), undefined)
    assert.equal(cache.usedBytes, 0)
    assert.equal(cache.capacityBytes, capacityBytes)
    assert.equal(cache.stats().entries, 0)
  })

  test('a block that was set is got, the same object, by its file and number only', async () => {
    const cache = make(capacityBytes)
    const blocks = new Map([
      ['1/0', block(10)],
      ['1/1', block(20)],
      ['0/1', block(30)],
      ['900000/70000', block(40)],
    ])
    for (const [key, value] of blocks) cache.set(...split(key), value, 'data')
    for (const [key, value] of blocks) assert.equal(cache.get(...split(key)), value, key)
    for (const key of ['0/0', '2/0', '1/2', '900000/0', '70000/900000']) assert.equal(cache.get(...split(key)), undefined, key)
  })

  test('keys that look alike when squeezed together are told apart', async () => {
    const cache = make(capacityBytes)
    const keys: [number, number][] = [
      [1, 2 ** 20],
      [2, 0],
      [1, 2 ** 16],
      [0, 2 ** 20],
      [2 ** 31, 1],
      [2 ** 31 + 2, 1],
      [0, 1],
      [1, 2 ** 20 + 1],
      [2, 1],
    ]
    const values = keys.map(([file, number]) => {
      const value = block(16)
      cache.set(file, number, value, 'data')
      return value
    })
    keys.forEach(([file, number], index) => assert.equal(cache.get(file, number), values[index], `${file}/${number}`))
  })

  test('setting a key again replaces its block and counts it once', async () => {
    const cache = make(capacityBytes)
    cache.set(1, 1, block(1000), 'data')
    const usedBytes = cache.usedBytes
    const next = block(3000)
    cache.set(1, 1, next, 'key')
    assert.equal(cache.get(1, 1), next)
    assert.equal(cache.usedBytes, usedBytes + 2000)
    assert.equal(cache.stats().entries, 1)
  })

  test('a cache never counts more than its capacity, and counts at least what its blocks keep alive', async () => {
    const cache = make(capacityBytes)
    for (let index = 0; index < 2000; index++) {
      cache.set(index % 7, index, block(500 + ((index * 7919) % 9000)), roleOf(index))
      assert.ok(cache.usedBytes <= capacityBytes, `${cache.usedBytes} > ${capacityBytes}`)
    }
    let heldBytes = 0
    for (let index = 0; index < 2000; index++) heldBytes += cache.get(index % 7, index)?.byteLength ?? 0
    assert.ok(heldBytes <= cache.usedBytes)
    assert.ok(heldBytes > capacityBytes / 2, 'a full cache holds blocks, not air')
    assert.ok(cache.stats().evicted > 0)
  })

  test('a block larger than the whole cache is refused and costs the others nothing', async () => {
    const cache = make(capacityBytes)
    const small = block(100)
    cache.set(1, 1, small, 'data')
    cache.set(1, 2, block(capacityBytes + 1), 'key')
    assert.equal(cache.get(1, 2), undefined)
    assert.equal(cache.get(1, 1), small)
  })

  test('what a cache says it did not keep it does not have', async () => {
    const cache = make(capacityBytes)
    for (let index = 0; index < 3000; index++) {
      const value = block(500 + ((index * 7919) % 9000))
      if (cache.set(1, index % 1000, value, roleOf(index)) === false) assert.notEqual(cache.get(1, index % 1000), value)
    }
    const large = block(capacityBytes + 1)
    assert.notEqual(cache.set(1, 1, large, 'data'), true)
  })

  test('a cache of no capacity keeps nothing and does not mind', async () => {
    const cache = make(0)
    cache.set(1, 1, block(1), 'data')
    assert.equal(cache.get(1, 1), undefined)
    assert.equal(cache.usedBytes, 0)
    assert.equal(cache.evict(100), 0)
  })

  test('forgetting a file drops its blocks and no others', async () => {
    const cache = make(capacityBytes)
    for (let index = 0; index < 50; index++) for (const file of [1, 2, 3]) cache.set(file, index, block(100), roleOf(index))
    const usedBytes = cache.usedBytes
    cache.forgetFile(2)
    for (let index = 0; index < 50; index++) {
      assert.equal(cache.get(2, index), undefined)
      assert.notEqual(cache.get(1, index), undefined)
      assert.notEqual(cache.get(3, index), undefined)
    }
    assert.equal(cache.usedBytes, (usedBytes / 3) * 2)
    cache.forgetFile(2)
    cache.forgetFile(99)
    cache.set(2, 7, block(10), 'data')
    assert.equal(cache.get(2, 7)?.byteLength, 10)
  })

  test('evict frees what was asked or everything, and returns what it freed', async () => {
    const cache = make(capacityBytes)
    for (let index = 0; index < 100; index++) cache.set(1, index, block(1000), roleOf(index))
    const usedBytes = cache.usedBytes
    const freedBytes = cache.evict(5500)
    assert.ok(freedBytes >= 5500 && freedBytes < 5500 + 3000, `freed ${freedBytes}`)
    assert.equal(cache.usedBytes, usedBytes - freedBytes)
    assert.equal(cache.evict(Number.MAX_SAFE_INTEGER), usedBytes - freedBytes)
    assert.equal(cache.usedBytes, 0)
    assert.equal(cache.stats().entries, 0)
  })

  test('resize evicts down to the new capacity at once, and growing makes room', async () => {
    const cache = make(capacityBytes)
    for (let index = 0; index < 100; index++) cache.set(1, index, block(8000), roleOf(index))
    cache.resize(100_000)
    assert.equal(cache.capacityBytes, 100_000)
    assert.ok(cache.usedBytes <= 100_000 && cache.usedBytes > 0)
    cache.set(2, 1, block(200_000), 'data')
    assert.equal(cache.get(2, 1), undefined)
    cache.resize(capacityBytes)
    cache.set(2, 1, block(200_000), 'data')
    assert.equal(cache.get(2, 1)?.byteLength, 200_000)
    cache.resize(0)
    assert.equal(cache.usedBytes, 0)
  })

  test('hits, misses, insertions and evictions are counted', async () => {
    const cache = make(capacityBytes)
    cache.set(1, 1, block(10), 'data')
    cache.get(1, 1)
    cache.get(1, 1)
    cache.get(1, 2)
    cache.evict(1)
    const { hits, misses, inserted, evicted, entries } = cache.stats()
    assert.deepEqual({ hits, misses, inserted, evicted, entries }, { hits: 2, misses: 1, inserted: 1, evicted: 1, entries: 0 })
  })

  test('a block in constant use survives a flood of blocks used once, if it comes back between', async () => {
    const cache = make(capacityBytes)
    const hot = block(1000)
    cache.set(1, 0, hot, 'data')
    for (let index = 1; index < 3000; index++) {
      assert.equal(cache.get(1, 0), hot, `lost after ${index} blocks`)
      cache.set(2, index, block(1000), 'data')
    }
  })
}

function block(byteLength: number): Uint8Array {
  return new Uint8Array(byteLength)
}

function roleOf(index: number): BlockRole {
  return (['data', 'key', 'data', 'filter', 'data', 'index'] as const)[index % 6] ?? 'data'
}

function split(key: string): [file: number, block: number] {
  const [file, number] = key.split('/')
  return [Number(file), Number(number)]
}
