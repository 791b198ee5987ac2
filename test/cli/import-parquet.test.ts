import { readFileSync, writeFileSync } from 'node:fs'
import test from 'ava'
import { workspace } from './run-cli.ts'
import { parquetFile } from './write-parquet.ts'

const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'))

test('Parquet types become the column types that hold them exactly', async (t) => {
  const { path, varve } = workspace(t)
  writeFileSync(
    path('all.parquet'),
    parquetFile([
      { name: 'id', type: 'INT32', values: [1, 2] },
      { name: 'flag', type: 'BOOLEAN', optional: true, values: [true, null] },
      { name: 'small', type: 'INT32', converted: 'INT_8', values: [-128, 127] },
      { name: 'short', type: 'INT32', converted: 'UINT_8', values: [0, 255] },
      { name: 'word', type: 'INT32', converted: 'UINT_32', values: [-1, 7] },
      { name: 'wide', type: 'INT64', optional: true, values: [-9223372036854775808n, null] },
      { name: 'unsigned', type: 'INT64', converted: 'UINT_64', values: [9223372036854775807n, 3n] },
      { name: 'single', type: 'FLOAT', values: [1.5, -0.25] },
      { name: 'twice', type: 'DOUBLE', optional: true, values: [0.1, null] },
      { name: 'text', type: 'BYTE_ARRAY', converted: 'UTF8', dictionary: true, optional: true, values: ['é', null] },
      { name: 'raw', type: 'BYTE_ARRAY', values: ['ab', ''] },
      { name: 'day', type: 'INT32', converted: 'DATE', values: [0, -1] },
      { name: 'millis', type: 'INT64', converted: 'TIMESTAMP_MILLIS', values: [1n, -1n] },
      { name: 'micros', type: 'INT64', timestamp: 'MICROS', dictionary: true, values: [1000n, -1000n] },
      { name: 'nanos', type: 'INT64', timestamp: 'NANOS', values: [1_700_000_000_123_000_000n, -1_000_000n] },
      { name: 'money', type: 'INT32', converted: 'DECIMAL', precision: 9, scale: 2, values: [110, -5] },
      {
        name: 'exact',
        type: 'FIXED_LEN_BYTE_ARRAY',
        typeLength: 9,
        converted: 'DECIMAL',
        precision: 20,
        scale: 3,
        values: [hex('000000000000000001'), hex('fffffffffffffffc18')],
      },
      {
        name: 'uuid',
        type: 'FIXED_LEN_BYTE_ARRAY',
        typeLength: 16,
        uuid: true,
        values: [hex('00112233445566778899aabbccddeeff'), hex('ffffffffffffffffffffffffffffffff')],
      },
      { name: 'old', type: 'INT96', values: [hex('00000000000000008c3d2500'), hex('40420f00000000008d3d2500')] },
    ]),
  )
  const imported = await varve('import', 'all.parquet', '-t', 't', '-k', 'id', '-d', 'data', '--json')
  t.is(imported.code, 0, imported.err)
  const { columns } = JSON.parse(imported.out)
  t.is(
    columns.map(({ name, kind, nullable }: Record<string, unknown>) => `${name} ${kind}${nullable ? '?' : ''}`).join(', '),
    'id int32, flag bool?, small int8, short int16, word int64, wide int64?, unsigned int64, single float, twice double?, text string?, raw binary, day timestamp, millis timestamp, micros timestamp, nanos timestamp, money double, exact string, uuid string, old timestamp',
  )
  const { out } = await varve('scan', '-d', 'data', '--json', '--order', 'key')
  const [first, second] = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.deepEqual(first, {
    id: 1,
    flag: true,
    small: -128,
    short: 0,
    word: 4294967295,
    wide: '-9223372036854775808',
    unsigned: '9223372036854775807',
    single: 1.5,
    twice: 0.1,
    text: 'é',
    raw: '6162',
    day: '1970-01-01T00:00:00.000Z',
    millis: '1970-01-01T00:00:00.001Z',
    micros: '1970-01-01T00:00:00.001Z',
    nanos: '2023-11-14T22:13:20.123Z',
    money: 1.1,
    exact: '0.001',
    uuid: '00112233-4455-6677-8899-aabbccddeeff',
    old: '1970-01-01T00:00:00.000Z',
  })
  t.deepEqual(second, {
    id: 2,
    flag: null,
    small: 127,
    short: 255,
    word: 7,
    wide: null,
    unsigned: 3,
    single: -0.25,
    twice: null,
    text: null,
    raw: '',
    day: '1969-12-31T00:00:00.000Z',
    millis: '1969-12-31T23:59:59.999Z',
    micros: '1969-12-31T23:59:59.999Z',
    nanos: '1969-12-31T23:59:59.999Z',
    money: -0.05,
    exact: '-1.000',
    uuid: 'ffffffff-ffff-ffff-ffff-ffffffffffff',
    old: '1970-01-02T00:00:00.001Z',
  })
})

test('fractions of a millisecond are rounded down, and said to be; an int64 column keeps them', async (t) => {
  const { path, varve } = workspace(t)
  const file = parquetFile([
    { name: 'id', type: 'INT32', values: [1, 2, 3] },
    { name: 'at', type: 'INT64', timestamp: 'MICROS', values: [1500n, -1n, 2000n] },
  ])
  writeFileSync(path('a.parquet'), file)
  const imported = await varve('import', 'a.parquet', '-t', 't', '-k', 'id', '-d', 'data')
  t.regex(imported.out, /Note: 2 values of at had fractions of a millisecond/)
  t.is(
    (await varve('scan', '-d', 'data', '--csv', '--order', 'key', '-c', 'at')).out,
    'at\n1970-01-01T00:00:00.001Z\n1969-12-31T23:59:59.999Z\n1970-01-01T00:00:00.002Z\n',
  )
  writeFileSync(path('b.csv'), 'id,at\n0,5000000000\n')
  await varve('import', 'b.csv', '-t', 'raw', '-k', 'id', '-d', 'data')
  t.is((await varve('import', 'a.parquet', '-t', 'raw', '-d', 'data')).code, 0)
  t.is((await varve('scan', '-t', 'raw', '-d', 'data', '--csv', '--order', 'key', '-c', 'at')).out, 'at\n5000000000\n1500\n-1\n2000\n')
})

test('a Parquet value that does not fit the table names row and column, counted over row groups', async (t) => {
  const { path, varve } = workspace(t)
  writeFileSync(path('t.csv'), 'id,n,s\n0,1,x\n')
  const id = { name: 'id', type: 'INT32', values: [1, 2, 3, 4, 5] } as const
  const s = { name: 's', type: 'BYTE_ARRAY', converted: 'UTF8', values: ['a', 'b', 'c', 'd', 'e'] } as const
  const cases = [
    [[id, s, { name: 'n', type: 'INT64', values: [1n, 2n, 3n, 4_000_000_000n, 5n] }], /row 4, column n: 4000000000 is outside/],
    [
      [id, s, { name: 'n', type: 'BYTE_ARRAY', converted: 'UTF8', values: ['1', '2', '3', '4', '5'] }],
      /row 1, column n: "1" is not an int32/,
    ],
    [
      [id, { ...s, type: 'INT32', converted: undefined, values: [1, 2, 3, 4, 5] }, { name: 'n', type: 'INT32', values: [1, 2, 3, 4, 5] }],
      /row 1, column s: 1 is not a string/,
    ],
    [
      [{ ...id, optional: true, values: [1, 2, 3, 4, null] }, s, { name: 'n', type: 'INT32', values: [1, 2, 3, 4, 5] }],
      /row 5, column id: there is no value/,
    ],
    [[id, s, { name: 'n', type: 'DOUBLE', values: [1, 2, 2.5, 4, 5] }], /row 3, column n: 2.5 is not a whole number/],
  ] as const
  for (const [i, [columns, expected]] of cases.entries()) {
    await varve('import', 't.csv', '-t', `t${i}`, '-k', 'id', '-d', 'data')
    writeFileSync(path('bad.parquet'), parquetFile(columns as never, 2))
    const { code, err } = await varve('import', 'bad.parquet', '-t', `t${i}`, '-d', 'data')
    t.is(code, 1)
    t.regex(err, /^error INVALID_VALUE: bad\.parquet, row \d/)
    t.regex(err, expected)
  }
})

test('nested columns are refused by name, and --columns leaves them out', async (t) => {
  const { path, varve } = workspace(t)
  writeFileSync(
    path('n.parquet'),
    parquetFile([
      { name: 'id', type: 'INT32', values: [1] },
      { name: 'inside', type: 'INT32', nested: true, values: [1] },
    ]),
  )
  const refused = await varve('import', 'n.parquet', '-t', 't', '-d', 'data')
  t.is(refused.code, 1)
  t.regex(refused.err, /column inside is nested .* --columns id\./)
  t.is((await varve('import', 'n.parquet', '-t', 't', '-d', 'data', '--columns', 'id')).code, 0)
})

test('malformed Parquet names the file, and is never an internal error', async (t) => {
  const { path, varve } = workspace(t)
  const whole = parquetFile([
    { name: 'id', type: 'INT32', values: Array.from({ length: 200 }, (_, i) => i) },
    {
      name: 's',
      type: 'BYTE_ARRAY',
      converted: 'UTF8',
      dictionary: true,
      optional: true,
      values: Array.from({ length: 200 }, (_, i) => (i % 7 === 0 ? null : `v${i % 5}`)),
    },
  ])
  const damaged: Buffer[] = [
    Buffer.alloc(0),
    Buffer.from('hello'),
    whole.subarray(0, whole.length - 9),
    whole.subarray(100),
    Buffer.concat([whole.subarray(0, 600), whole.subarray(700)]),
  ]
  for (const bytes of damaged) {
    writeFileSync(path('bad.parquet'), bytes)
    const { code, err } = await varve('import', 'bad.parquet', '-t', 't', '-d', 'data')
    t.is(code, 1)
    t.regex(err, /^error INPUT_MALFORMED: .*bad\.parquet is/)
    if (bytes.length === 0) t.regex(err, /is empty/)
  }
  for (let at = 0; at < whole.length; at += 41) {
    const bytes = Buffer.from(whole)
    bytes[at] = (bytes[at] as number) ^ 0x55
    writeFileSync(path('bad.parquet'), bytes)
    const { code, err } = await varve('import', 'bad.parquet', '-t', `t${at}`, '-d', 'data')
    t.true(code === 0 || /^error (INPUT_MALFORMED|INVALID_VALUE|USAGE)/.test(err), `byte ${at}: ${err}`)
  }
})

test('the flights of vega-datasets arrive as they are', async (t) => {
  const { path, varve } = workspace(t)
  const source = new URL('../../node_modules/vega-datasets/data/flights-3m.parquet', import.meta.url)
  t.true(readFileSync(source).length > 0)
  const { code, err, out } = await varve(
    'import',
    source.pathname,
    '-t',
    'f',
    '-d',
    path('data'),
    '--skip',
    '2990000',
    '--columns',
    'date,origin,delay',
    '--json',
  )
  t.is(code, 0, err)
  t.is(JSON.parse(out).rows, 10_000)
  const last = await varve('get', '10000', '-d', 'data', '--json')
  t.deepEqual(JSON.parse(last.out), { row_number: 10_000, date: '2001-07-01T00:00:00.000Z', delay: 33, origin: 'ATL' })
})
