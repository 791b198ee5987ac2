import test from 'ava'
import { SeededRandom } from '../../src/base/seeded-random.ts'
import { systemRandom } from '../../src/base/system-random.ts'

function draw(random: SeededRandom, count: number): number[] {
  return Array.from({ length: count }, () => random.next())
}

test('one seed gives one stream', (t) => {
  t.deepEqual(draw(new SeededRandom(7), 100), draw(new SeededRandom(7), 100))
})

test('near seeds give different streams, beyond 32 bits and below zero too', (t) => {
  const firsts = [0, 1, 2, -1, -2, 2 ** 32, 2 ** 32 + 1, 2 ** 52, -(2 ** 40)].map((seed) => new SeededRandom(seed).next())
  t.is(new Set(firsts).size, firsts.length)
})

test('the words are those of xoshiro128**, computed in BigInt arithmetic', (t) => {
  const seed = 42 + 3 * 2 ** 32
  const random = new SeededRandom(seed)
  const reference = referenceStream(seed)
  for (let i = 0; i < 50; i++) {
    const high = reference()
    const low = reference()
    t.is(random.next(), (Math.floor(high / 32) * 2 ** 26 + Math.floor(low / 64)) / 2 ** 53)
  }
})

test('numbers lie in [0, 1) and spread evenly: 16 buckets of 160,000 draws pass a chi-squared test', (t) => {
  const random = new SeededRandom(1)
  const buckets = new Float64Array(16)
  for (let i = 0; i < 160_000; i++) {
    const value = random.next()
    if (!(value >= 0 && value < 1)) t.fail(`${value} is out of range`)
    const bucket = Math.floor(value * 16)
    buckets[bucket] = (buckets[bucket] as number) + 1
  }
  const chiSquared = buckets.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0)
  t.true(chiSquared < 37.7, `chi-squared ${chiSquared}`)
})

test('below() reaches every whole number under the bound and none beyond', (t) => {
  const random = new SeededRandom(3)
  t.deepEqual([...new Set(Array.from({ length: 500 }, () => random.below(6)))].sort(), [0, 1, 2, 3, 4, 5])
  t.is(random.below(1), 0)
  t.true(random.below(Number.MAX_SAFE_INTEGER) < Number.MAX_SAFE_INTEGER)
})

for (const bound of [0, -1, 1.5, Number.NaN, 2 ** 53]) {
  test(`below(${bound}) is misuse`, (t) => void t.throws(() => new SeededRandom(1).below(bound), { instanceOf: TypeError }))
}

test('a seed that is no whole number is misuse', (t) => void t.throws(() => new SeededRandom(0.5), { instanceOf: TypeError }))

test('the system random differs from run to run and can be played again by its seed', (t) => {
  const random = systemRandom()
  t.not(random.seed, systemRandom().seed)
  t.deepEqual(draw(random, 10), draw(new SeededRandom(random.seed), 10))
})

/** xoshiro128** as its authors write it, on BigInts, from the state that SeededRandom derives from its seed. */
function referenceStream(seed: number): () => number {
  const mask = 0xffffffffn
  const rotl = (x: bigint, k: bigint) => ((x << k) | (x >> (32n - k))) & mask
  const split = (half: number, n: bigint) => {
    let mixed = (BigInt.asUintN(32, BigInt(half)) + n * 0x9e3779b9n) & mask
    mixed = ((mixed ^ (mixed >> 16n)) * 0x85ebca6bn) & mask
    mixed = ((mixed ^ (mixed >> 13n)) * 0xc2b2ae35n) & mask
    return mixed ^ (mixed >> 16n)
  }
  const [low, high] = [seed % 2 ** 32, Math.floor(seed / 2 ** 32)]
  const s: [bigint, bigint, bigint, bigint] = [split(low, 1n), split(low, 2n), split(high, 3n), split(high, 4n)]
  const next = () => {
    const result = (rotl((s[1] * 5n) & mask, 7n) * 9n) & mask
    const shifted = (s[1] << 9n) & mask
    s[2] ^= s[0]
    s[3] ^= s[1]
    s[1] ^= s[2]
    s[0] ^= s[3]
    s[2] ^= shifted
    s[3] = rotl(s[3], 11n)
    return Number(result)
  }
  for (let i = 0; i < 16; i++) next()
  return next
}
