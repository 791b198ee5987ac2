import test from 'ava'
import {
  binary,
  bool,
  defineTable,
  double,
  float,
  hashPartition,
  int8,
  int16,
  int32,
  int64,
  type Row,
  rangePartition,
  string,
  timestamp,
} from '../../src/index.ts'
import { MemoryVfs, openMemory } from '../../src/testing/index.ts'

const columns = {
  key: string(),
  part: int16(),
  b: bool(),
  i8: int8(),
  i16: int16(),
  i32: int32(),
  i64: int64(),
  n64: int64({ mode: 'number' }),
  f: float(),
  d: double(),
  at: timestamp(),
  s: string(),
  bin: binary(),
  bN: bool().nullable(),
  i64N: int64().nullable(),
  fN: float().nullable(),
  dN: double().nullable(),
  atN: timestamp().nullable(),
  sN: string().nullable(),
  binN: binary().nullable(),
  i32D: int32().default(-7),
  sD: string().default('preset'),
  sND: string().nullable().default('preset'),
  boolD: bool().default(true),
  i64D: int64().default(2n ** 62n),
}
const all = defineTable('all', { columns, primaryKey: ['key', 'part'] })
const definitions = {
  'one tablet': all,
  'hash partitions': defineTable('all', { columns, primaryKey: ['key', 'part'], partitionBy: hashPartition(['part'], 3) }),
  'range partitions': defineTable('all', { columns, primaryKey: ['key', 'part'], partitionBy: rangePartition(['key'], ['k100', 'k5']) }),
}
type AllRow = Row<typeof all>

const texts = ['', 'a', 'ü', '\u{1f600}', 'a\0b', 'zzz'.repeat(300), '\uffff', '"quoted"\n']
const doubles = [0, -0.5, 1e300, -1e-300, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 2 ** 53]

/** Extremes of every type; what is left out or null in every third row shows what a read must give for it. */
function rowAt(i: number): { given: Record<string, unknown>; expected: AllRow } {
  const sparse = i % 3 === 0
  const text = texts[i % texts.length] as string
  const bytes = Uint8Array.from({ length: i % 40 }, (_, k) => (i * k) & 255)
  const required = {
    key: `k${i}${text.slice(0, 20)}`,
    part: (i * 37) % 1000,
    b: i % 2 === 0,
    i8: (i % 256) - 128,
    i16: i % 5 === 0 ? -32_768 : 32_767,
    i32: i % 7 === 0 ? 2 ** 31 - 1 : -(2 ** 31),
    i64: i % 2 === 0 ? 2n ** 63n - BigInt(i) - 1n : -(2n ** 63n) + BigInt(i),
    n64: i % 2 === 0 ? Number.MAX_SAFE_INTEGER - i : -Number.MAX_SAFE_INTEGER + i,
    f: Math.fround(i / 3),
    d: doubles[i % doubles.length] as number,
    at: 1_700_000_000_000 + i,
    s: text,
    bin: bytes,
  }
  const filled = {
    bN: true,
    i64N: BigInt(i),
    fN: 0.5,
    dN: i / 7,
    atN: i,
    sN: text,
    binN: bytes,
    i32D: i,
    sD: text,
    sND: text,
    boolD: false,
    i64D: -1n,
  }
  const empty = {
    bN: null,
    i64N: null,
    fN: null,
    dN: null,
    atN: null,
    sN: null,
    binN: null,
    i32D: -7,
    sD: 'preset',
    sND: 'preset',
    boolD: true,
    i64D: 2n ** 62n,
  }
  const given = sparse
    ? i % 2 === 0
      ? required
      : { ...required, sN: null, bN: undefined, binN: null }
    : { ...required, ...filled, sND: null }
  return { given, expected: sparse ? { ...required, ...empty } : { ...required, ...filled, sND: null } }
}

for (const [how, definition] of Object.entries(definitions)) {
  test(`every type, with nulls, defaults and extremes, reads the same from memory, after recovery from the log, and from SSTables: ${how}`, async (t) => {
    const vfs = new MemoryVfs()
    let db = await openMemory({}, { vfs })
    const rows = Array.from({ length: 5000 }, (_, i) => rowAt(i))
    const made = await db.createTable(definition)
    await made.insert(rows.slice(0, 4500).map(({ given }) => given) as never)
    for (const { given } of rows.slice(4500)) await made.insert(given as never)
    const expected = new Map(rows.map(({ expected }) => [`${expected.key}|${expected.part}`, expected]))

    const check = async (where: string) => {
      const table = db.table(definition)
      const found = (await table.scan().toArray()) as AllRow[]
      t.is(found.length, rows.length, where)
      const wrong = found.find((row) => !same(row, expected.get(`${row.key}|${row.part}`)))
      t.is(wrong, undefined, where)
      for (let i = 0; i < rows.length; i += 397) {
        const { key, part } = (rows[i] as { expected: AllRow }).expected
        t.true(same((await table.get({ key, part })) as AllRow, expected.get(`${key}|${part}`)), `${where}, get ${i}`)
        t.true(same(table.getSync({ key, part }) as AllRow, expected.get(`${key}|${part}`)), `${where}, getSync ${i}`)
      }
    }
    await check('in memory')
    db = await openMemory({}, { vfs: vfs.crash({ mode: 'kill' }) })
    await check('recovered from the log')
    await db.flush()
    await check('flushed')
    await db.close()
  })
}

function same(found: Record<string, unknown> | undefined, expected: Record<string, unknown> | undefined): boolean {
  if (!found || !expected) return false
  const names = Object.keys(expected)
  return Object.keys(found).length === names.length && names.every((name) => sameValue(found[name], expected[name]))
}

function sameValue(a: unknown, b: unknown): boolean {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0
  return Object.is(a, b) || (a === 0 && b === 0)
}
