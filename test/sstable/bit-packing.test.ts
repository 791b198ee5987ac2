import test from 'ava'
import { SeededRandom } from '../../src/base/seeded-random.ts'
import { bitsFor, pack, packedWords, packingWidth, unpack } from '../../src/sstable/bit-packing.ts'
import { PayloadReader } from '../../src/sstable/payload-reader.ts'
import { PayloadWriter } from '../../src/sstable/payload-writer.ts'
import { expandUnsigned, overlayUnsigned, readUnsigned, writeUnsigned } from '../../src/sstable/unsigned-stream.ts'

test('values of every width come back, at every remainder of a word', (t) => {
  const random = new SeededRandom(1)
  for (let width = 0; width <= 32; width++) {
    for (const count of [0, 1, 2, 31, 32, 33, 63, 64, 65, 1000]) {
      const values = Uint32Array.from({ length: count }, () => Math.floor(random.next() * 2 ** width))
      if (count > 1) values[1] = 2 ** width - 1
      const words = new Uint32Array(packedWords(count, width))
      pack(values, count, width, words)
      const back = new Uint32Array(count).fill(99)
      unpack(words, count, width, back)
      t.deepEqual(back, values, `width ${width}, count ${count}`)
    }
  }
})

test('the width is rounded up only where that costs less than an eighth', (t) => {
  for (let bits = 0; bits <= 32; bits++) {
    const max = bits === 0 ? 0 : 2 ** bits - 1
    t.is(bitsFor(max), bits)
    const width = packingWidth(max)
    t.true(width >= bits && bits * 8 >= width * 7)
  }
})

test('a stream of integers comes back, packed or as runs', (t) => {
  const random = new SeededRandom(2)
  const shapes: Record<string, (i: number) => number> = {
    zeros: () => 0,
    bytes: () => random.below(256),
    halves: () => random.below(65536),
    words: () => random.below(2 ** 32),
    odd: () => random.below(700),
    runs: (i) => Math.floor(i / 97) * 1000,
    'one long run': (i) => (i < 5 ? i : 4000000000),
  }
  for (const [name, shape] of Object.entries(shapes)) {
    for (const count of [0, 1, 2, 100, 8192]) {
      const values = Uint32Array.from({ length: count }, (_, i) => shape(i))
      const out = new PayloadWriter()
      writeUnsigned(out, values, count)
      out.u8(77)
      const payload = new PayloadReader(out.take())
      const stream = readUnsigned(payload, count)
      t.is(payload.u8(), 77, 'the reader stands after the stream')
      const back = new Uint32Array(count)
      expandUnsigned(stream, back)
      t.deepEqual(back, values, `${name}, ${count}`)
      if (name === 'bytes' && count === 8192) t.deepEqual(overlayUnsigned(stream, 8), Uint8Array.from(values))
      if (name === 'halves' && count === 8192) t.deepEqual(overlayUnsigned(stream, 16), Uint16Array.from(values))
      if (name === 'runs' && count === 8192) t.true(stream.runs !== undefined && out.length < 400)
    }
  }
})

test('runs that do not add up to their stream are refused', (t) => {
  const out = new PayloadWriter()
  writeUnsigned(out, new Uint32Array(1000).fill(5), 1000)
  writeUnsigned(
    out,
    Uint32Array.from({ length: 1000 }, (_, i) => (i < 500 ? 9 : 1)),
    1000,
  )
  const payload = new PayloadReader(out.take())
  readUnsigned(payload, 1000)
  const stream = readUnsigned(payload, 1000)
  t.truthy(stream.runs)
  t.throws(() => expandUnsigned({ ...stream, count: 999 }, new Uint32Array(1000)), { instanceOf: RangeError })
  t.throws(() => expandUnsigned({ ...stream, count: 1001 }, new Uint32Array(1001)), { instanceOf: RangeError })
})
