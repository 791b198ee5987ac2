import test from 'ava'
import { type ByteSize, formatByteSize, parseByteSize, tryParseByteSize } from '../../src/base/byte-size.ts'

for (const [size, bytes] of [
  [0, 0],
  [4096, 4096],
  ['17B', 17],
  ['64KiB', 65_536],
  ['256MiB', 268_435_456],
  ['1.5GiB', 1_610_612_736],
  ['0.1KiB', 102],
] as [ByteSize, number][]) {
  test(`${JSON.stringify(size)} is ${bytes} bytes`, (t) => t.is(parseByteSize(size), bytes))
}

for (const wrong of [
  '64MB',
  '64',
  'MiB',
  '-1MiB',
  '1.5B',
  '1e3KiB',
  '64 MiB',
  '',
  -1,
  1.5,
  Number.NaN,
  2 ** 53,
  '99999999999GiB',
  undefined,
  null,
  {},
  5n,
]) {
  test(`${String(typeof wrong === 'object' ? JSON.stringify(wrong) : wrong)} (${typeof wrong}) is no byte size`, (t) => {
    t.is(tryParseByteSize(wrong), undefined)
    t.throws(() => parseByteSize((typeof wrong === 'bigint' ? '5n' : wrong) as ByteSize), {
      instanceOf: TypeError,
      message: /a size in bytes/,
    })
  })
}

for (const [bytes, text] of [
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1 KiB'],
  [1536, '1.5 KiB'],
  [268_435_456, '256 MiB'],
  [1_610_612_736, '1.5 GiB'],
] as [number, string][]) {
  test(`${bytes} bytes read as ${text}`, (t) => t.is(formatByteSize(bytes), text))
}
