import test from 'ava'
import fc from 'fast-check'
import { entryOverheadBytes, LruBlockCache } from '../../../plugins/lru-block-cache/lru-block-cache.ts'
import { blockCache } from '../../../src/conformance/block-cache.ts'

blockCache(
  (title, run) => {
    test(`conformance: ${title}`, async (t) => {
      await run()
      t.pass()
    })
  },
  (capacityBytes) => new LruBlockCache({ capacityBytes }),
)

/** A cache that holds so many blocks of 100 bytes. */
function cacheFor(count: number, dearShare = 0.8): LruBlockCache {
  return new LruBlockCache({ capacityBytes: count * (100 + entryOverheadBytes), dearShare, smallBytesMax: 0 })
}
const block = () => new Uint8Array(100)

/** As a full cache takes a data block. */
function setOften(cache: LruBlockCache, index: number): void {
  for (let time = 0; time < 4; time++) cache.set(1, index, block(), 'data')
}

const kept = (cache: LruBlockCache, indexes: readonly number[]) => indexes.filter((index) => cache.get(1, index) !== undefined)

test('the block used longest ago goes first, and a get is a use', (t) => {
  const cache = cacheFor(3)
  for (const index of [0, 1, 2]) cache.set(1, index, block(), 'data')
  cache.get(1, 0)
  setOften(cache, 3)
  t.deepEqual(
    [0, 1, 2, 3].map((index) => cache.get(1, index) !== undefined),
    [true, false, true, true],
  )
})

test('a full cache keeps a data block that comes for the fourth time, not one that is read once to three times', (t) => {
  const cache = cacheFor(4)
  for (const index of [0, 1, 2, 3]) cache.set(1, index, block(), 'data')
  for (let time = 0; time < 3; time++) {
    cache.set(1, 4, block(), 'data')
    t.deepEqual(kept(cache, [0, 1, 2, 3, 4]), [0, 1, 2, 3])
  }
  cache.set(1, 4, block(), 'data')
  t.deepEqual(kept(cache, [0, 1, 2, 3, 4]), [1, 2, 3, 4])
  cache.set(1, 2, new Uint8Array(90), 'data')
  t.is(cache.get(1, 2)?.byteLength, 90, 'one that is there is replaced')
  cache.evict(1)
  cache.set(1, 5, block(), 'data')
  t.deepEqual(kept(cache, [5]), [5], 'where there is room, at once')
})

test('a full cache takes small data blocks at once', (t) => {
  const cache = new LruBlockCache({ capacityBytes: 10 * (100 + entryOverheadBytes), smallBytesMax: 100 + entryOverheadBytes })
  for (let index = 0; index < 20; index++) cache.set(1, index, block(), 'data')
  t.deepEqual(kept(cache, [8, 9, 10, 19]), [10, 19])
  cache.set(1, 20, new Uint8Array(101), 'data')
  t.deepEqual(kept(cache, [20]), [])
})

test('a full cache takes key, filter and index blocks at once', (t) => {
  const cache = cacheFor(4)
  for (const index of [0, 1, 2, 3]) cache.set(1, index, block(), 'data')
  for (const [index, role] of [
    [10, 'key'],
    [11, 'filter'],
    [12, 'index'],
  ] as const)
    cache.set(1, index, block(), role)
  t.deepEqual(kept(cache, [10, 11, 12]), [10, 11, 12])
})

test('a block that was turned away long ago is as one that never came', (t) => {
  const cache = cacheFor(4)
  for (const index of [0, 1, 2, 3, 5, 5, 5]) cache.set(1, index, block(), 'data')
  for (let index = 10; index < 20; index++) cache.set(1, index, block(), 'data')
  cache.set(1, 5, block(), 'data')
  t.deepEqual(kept(cache, [5]), [])
  for (let time = 0; time < 3; time++) cache.set(1, 5, block(), 'data')
  t.deepEqual(kept(cache, [5]), [5])
})

test('of a scan of more than fits, again and again, a part is found', (t) => {
  const cache = cacheFor(60)
  let found = 0
  for (let scan = 0; scan < 10; scan++) {
    for (let index = 0; index < 100; index++) {
      if (cache.get(1, index) === undefined) cache.set(1, index, block(), 'data')
      else found++
    }
  }
  // By use alone none would be.
  t.true(found > 200, `${found} of 900`)
})

test('another set of blocks that is read again and again takes the place of one that nobody reads any more', (t) => {
  const cache = cacheFor(60)
  for (let index = 0; index < 60; index++) cache.set(1, index, block(), 'data')
  const readAll = () => {
    let found = 0
    for (let index = 100; index < 155; index++) {
      if (cache.get(1, index) === undefined) cache.set(1, index, block(), 'data')
      else found++
    }
    return found
  }
  t.deepEqual([1, 2, 3, 4, 5].map(readAll), [0, 0, 0, 0, 55])
})

test('key, filter and index blocks outlive data blocks that were used later', (t) => {
  const cache = cacheFor(6)
  cache.set(1, 0, block(), 'key')
  cache.set(1, 1, block(), 'filter')
  cache.set(1, 2, block(), 'index')
  for (let index = 3; index < 100; index++) setOften(cache, index)
  t.true([0, 1, 2].every((index) => cache.get(1, index) !== undefined))
  t.is(cache.stats().entries, 6)
})

test('dear blocks beyond their share give way to data', (t) => {
  const cache = cacheFor(10, 0.5)
  for (let index = 0; index < 10; index++) cache.set(1, index, block(), 'key')
  t.is(cache.stats().entries, 10, 'without data they may have it all')
  for (let index = 10; index < 30; index++) setOften(cache, index)
  const dear = Array.from({ length: 10 }, (_, index) => cache.get(1, index) !== undefined)
  t.deepEqual(dear, [false, false, false, false, false, true, true, true, true, true], 'the oldest went, down to the share')
})

test('a block that is not data is found after its role changed', (t) => {
  const cache = cacheFor(4)
  cache.set(1, 0, block(), 'data')
  cache.set(1, 0, block(), 'key')
  for (let index = 1; index < 20; index++) setOften(cache, index)
  t.truthy(cache.get(1, 0))
})

test('a capacity that is no number of bytes is a TypeError', (t) => {
  for (const capacityBytes of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
    t.throws(() => new LruBlockCache({ capacityBytes }), { instanceOf: TypeError, message: /number of bytes/ })
    t.throws(() => cacheFor(1).resize(capacityBytes), { instanceOf: TypeError })
  }
  t.throws(() => new LruBlockCache({ capacityBytes: 1, dearShare: 2 }), { instanceOf: TypeError, message: /dearShare/ })
})

/** Of the random test. */
const dearShare = 0.6
const smallBytesMax = 300
const operation = fc.oneof(
  fc.record({
    do: fc.constant('set' as const),
    file: fc.nat(3),
    block: fc.nat(9),
    size: fc.nat(900),
    role: fc.constantFrom('data' as const, 'key' as const),
  }),
  fc.record({ do: fc.constant('get' as const), file: fc.nat(3), block: fc.nat(9) }),
  fc.record({ do: fc.constant('forget' as const), file: fc.nat(3) }),
  fc.record({ do: fc.constant('evict' as const), bytes: fc.nat(3000) }),
  fc.record({ do: fc.constant('resize' as const), bytes: fc.nat(6000) }),
)

test('under random use the cache agrees with a plain list ordered by use', (t) => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
      const cache = new LruBlockCache({ capacityBytes: 5000, dearShare, smallBytesMax })
      const model = new ListModel(5000)
      for (const each of operations) {
        if (each.do === 'set') {
          const bytes = new Uint8Array(each.size)
          cache.set(each.file, each.block, bytes, each.role)
          model.set(`${each.file}/${each.block}`, bytes, each.role)
        } else if (each.do === 'get') {
          if (cache.get(each.file, each.block) !== model.get(`${each.file}/${each.block}`)) return false
        } else if (each.do === 'forget') {
          cache.forgetFile(each.file)
          model.forget(`${each.file}/`)
        } else if (each.do === 'evict') {
          cache.evict(each.bytes)
          model.shrink(model.usedBytes - each.bytes)
        } else {
          cache.resize(each.bytes)
          model.capacityBytes = each.bytes
          model.shrink(each.bytes)
        }
        if (cache.usedBytes !== model.usedBytes || cache.stats().entries !== model.items.length) return false
      }
      return true
    }),
    { numRuns: 300, verbose: true },
  )
  t.pass()
})

/** The same rules without links or maps: an array, oldest first. */
class ListModel {
  items: { key: string; bytes: Uint8Array; role: 'data' | 'key' }[] = []
  /** Turned away: two generations of keys, each as often as it was. */
  newer: string[] = []
  older: string[] = []
  newerBytes = 0
  capacityBytes: number

  constructor(capacityBytes: number) {
    this.capacityBytes = capacityBytes
  }

  get usedBytes(): number {
    return this.items.reduce((sum, item) => sum + item.bytes.byteLength + entryOverheadBytes, 0)
  }

  get(key: string): Uint8Array | undefined {
    const item = this.items.find((each) => each.key === key)
    if (item) this.items = [...this.items.filter((each) => each !== item), item]
    return item?.bytes
  }

  set(key: string, bytes: Uint8Array, role: 'data' | 'key'): void {
    const earlier = this.items.find((each) => each.key === key)
    this.items = this.items.filter((each) => each !== earlier)
    const sizeBytes = bytes.byteLength + entryOverheadBytes
    if (sizeBytes > this.capacityBytes) return
    const hasRoom = sizeBytes <= smallBytesMax || this.usedBytes + sizeBytes <= this.capacityBytes
    if (role === 'data' && !earlier && !hasRoom && !this.wasRefused(key, sizeBytes)) return
    this.shrink(this.capacityBytes - bytes.byteLength - entryOverheadBytes)
    this.items.push({ key, bytes, role })
  }

  wasRefused(key: string, sizeBytes: number): boolean {
    const earlier = [...this.older, ...this.newer].filter((each) => each === key)
    this.newer = this.newer.filter((each) => each !== key)
    this.older = this.older.filter((each) => each !== key)
    if (earlier.length === 3) return true
    this.newer.push(...earlier, key)
    this.newerBytes += sizeBytes
    if (this.newerBytes > this.capacityBytes) [this.older, this.newer, this.newerBytes] = [this.newer, [], 0]
    return false
  }

  forget(prefix: string): void {
    this.items = this.items.filter((each) => !each.key.startsWith(prefix))
  }

  shrink(targetBytes: number): void {
    while (this.usedBytes > targetBytes && this.items.length > 0) {
      const dear = this.items.filter((each) => each.role !== 'data')
      const dearBytes = dear.reduce((sum, item) => sum + item.bytes.byteLength + entryOverheadBytes, 0)
      const data = this.items.find((each) => each.role === 'data')
      const victim = dearBytes > this.capacityBytes * dearShare ? dear[0] : (data ?? dear[0])
      this.items = this.items.filter((each) => each !== victim)
    }
  }
}
