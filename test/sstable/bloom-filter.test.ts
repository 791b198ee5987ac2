import test from 'ava'
import { SeededRandom } from '../../src/base/seeded-random.ts'
import { BloomFilter } from '../../src/sstable/bloom-filter.ts'

test('every key that was added passes, and about one in a hundred others at 10 bits a key', (t) => {
  const random = new SeededRandom(3)
  for (const count of [1, 10, 1000, 100_000]) {
    const hash = (): number => Math.floor(random.next() * 2 ** 32)
    const hashes = Uint32Array.from({ length: count }, hash)
    const filter = BloomFilter.sized(count, 10)
    filter.add(hashes)
    t.true(hashes.every((added) => filter.mayContain(added)))
    let passed = 0
    for (let i = 0; i < 20_000; i++) if (filter.mayContain(hash())) passed++
    t.true(passed / 20_000 < 0.02, `${count} keys: ${passed / 200} %`)
    t.is(new BloomFilter(filter.words).mayContain(hashes[0] as number), true)
  }
})

test('extreme hashes stay inside of the filter', (t) => {
  const filter = BloomFilter.sized(3000, 10)
  filter.add(Uint32Array.of(0, 0xffffffff, 0x80000000))
  for (const hash of [0, 0xffffffff, 0x80000000]) t.true(filter.mayContain(hash))
})
