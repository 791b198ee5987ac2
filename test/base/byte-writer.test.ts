import test from 'ava'
import fc from 'fast-check'
import { ByteReader } from '../../src/base/byte-reader.ts'
import { ByteWriter } from '../../src/base/byte-writer.ts'
import { VarveError } from '../../src/base/errors.ts'

test('what is written is read back, through growth', (t) => {
  fc.assert(
    fc.property(
      fc.nat(255),
      fc.nat(65535),
      fc.nat(2 ** 32 - 1),
      fc.maxSafeNat(),
      fc.double(),
      fc.uint8Array({ maxLength: 50 }),
      (a, b, c, d, e, f) => {
        const writer = new ByteWriter(16)
        writer.u8(a)
        writer.u16(b)
        writer.u32(c)
        writer.u64(d)
        writer.f64(e)
        writer.bytes(f)
        writer.align()
        const doubles = writer.length
        writer.bytes(Float64Array.of(e, 1))
        const reader = new ByteReader(writer.take())
        t.deepEqual([reader.u8(), reader.u16(), reader.u32(), reader.u64(), reader.f64(), reader.view(f.length)], [a, b, c, d, e, f])
        reader.align()
        t.is(reader.offset, doubles)
        t.deepEqual(reader.array(Float64Array, 2), Float64Array.of(e, 1))
        t.is(reader.remaining, 0)
      },
    ),
    { numRuns: 100 },
  )
})

test('padding is zero even where the writer held something before', (t) => {
  const writer = new ByteWriter(64)
  writer.bytes(new Uint8Array(20).fill(9))
  writer.reset()
  writer.u8(1)
  writer.align()
  t.deepEqual(writer.take(), Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0))
})

test('a reserved place is filled in later, and a cut forgets what follows', (t) => {
  const writer = new ByteWriter()
  const at = writer.reserve(4)
  writer.u8(7)
  writer.setU32(at, 0x01020304)
  t.deepEqual(writer.take(), Uint8Array.of(4, 3, 2, 1, 7))
  writer.truncate(4)
  t.is(writer.length, 4)
})

test('an array is a view where it lies aligned, and a copy where it does not', (t) => {
  const bytes = new Uint8Array(17)
  t.is(new ByteReader(bytes).array(Float64Array, 1).buffer, bytes.buffer)
  t.not(new ByteReader(bytes, { offset: 1 }).array(Float64Array, 2).buffer, bytes.buffer)
  const pooled = Buffer.from([1, 2, 3, 4, 5])
  t.deepEqual(new ByteReader(pooled, { offset: 1 }).array(Uint32Array, 1), Uint32Array.of(0x05040302))
})

test('nothing outside is read, and a number above 2^53 is corruption', (t) => {
  const reader = new ByteReader(new Uint8Array(8).fill(255), { end: 6, what: 'a footer' })
  for (const read of [
    () => reader.view(7),
    () => reader.f64(),
    () => reader.array(Float64Array, 1),
    () => reader.skip(-1),
    () => reader.skip(Number.NaN),
  ]) {
    const error = t.throws(read, { instanceOf: VarveError, message: /a footer is cut short, at byte 0/ })
    t.is(error?.code, 'CORRUPTION')
  }
  t.is(reader.remaining, 6)
  t.throws(() => new ByteReader(new Uint8Array(8).fill(255)).u64(), { message: /2\^53/ })
  t.throws(() => new ByteReader(new Uint8Array(2), { offset: 3 }), { instanceOf: VarveError })
})
