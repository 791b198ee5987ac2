import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import test from 'ava'
import { workspace } from './run-cli.ts'

test('a CSV file becomes a table whose columns have the narrowest types that hold every value', async (t) => {
  const { path, varve } = workspace(t)
  const lines = [
    'id,price,up,at,zip,name,big',
    '1,1.5,true,2026-01-31,01234,"a ""b""",3000000000',
    '2,2,FALSE,2026-01-31T10:00:00+01:00,12345,,9007199254740993',
    '3,-1e3,,,99999,"",',
  ]
  writeFileSync(path('things.csv'), `\uFEFF${lines.join('\r\n')}\r\n`)
  const imported = await varve('import', 'things.csv', '--table', 'things', '--key', 'id', '-d', 'data', '--json')
  t.is(imported.code, 0, imported.err)
  const { columns, rows, created } = JSON.parse(imported.out)
  t.true(created)
  t.is(rows, 3)
  t.deepEqual(
    columns.map(({ name, kind, nullable, key }: Record<string, unknown>) => `${name} ${kind}${nullable ? '?' : ''}${key ? ' key' : ''}`),
    ['id int32 key', 'price double?', 'up bool?', 'at timestamp?', 'zip string?', 'name string?', 'big int64?'],
  )
  const scanned = await varve('scan', '-d', 'data', '--order', 'key', '--json')
  t.deepEqual(scanned.out.trim().split('\n'), [
    '{"id":1,"price":1.5,"up":true,"at":"2026-01-31T00:00:00.000Z","zip":"01234","name":"a \\"b\\"","big":3000000000}',
    '{"id":2,"price":2,"up":false,"at":"2026-01-31T09:00:00.000Z","zip":"12345","name":null,"big":"9007199254740993"}',
    '{"id":3,"price":-1000,"up":null,"at":null,"zip":"99999","name":"","big":null}',
  ])
})

test('what "scan --csv" and "scan --json" write comes back as it was', async (t) => {
  const { path, varve } = workspace(t)
  const rows = [
    { id: 1, text: '', number: 1.25, wide: '9223372036854775807', at: '2001-02-03T04:05:06.789Z', flag: true },
    { id: 2, text: 'a,"b"\nc', number: 'NaN', wide: 5, at: '+010000-01-01T00:00:00.000Z', flag: null },
    { id: 3, text: null, number: '-Infinity', wide: null, at: null, flag: false },
    { id: 4, text: ' pad ', number: -0.5, wide: '-9007199254740993', at: '1969-12-31T23:59:59.999Z', flag: false },
  ]
  writeFileSync(path('rows.ndjson'), rows.map((row) => JSON.stringify(row)).join('\n'))
  t.is((await varve('import', 'rows.ndjson', '-t', 'a', '-k', 'id', '-d', 'data')).code, 0)
  const first = await varve('scan', '-t', 'a', '-d', 'data', '--json', '--order', 'key')
  t.deepEqual(
    first.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
    rows,
  )
  for (const [format, table] of [
    ['--csv', 'b'],
    ['--json', 'c'],
  ] as const) {
    const file = format === '--csv' ? 'b.csv' : 'c.ndjson'
    writeFileSync(path(file), (await varve('scan', '-t', 'a', '-d', 'data', format, '--order', 'key')).out)
    const imported = await varve('import', file, '-t', table, '-k', 'id', '-d', 'data')
    t.is(imported.code, 0, imported.err)
    t.is((await varve('scan', '-t', table, '-d', 'data', '--json', '--order', 'key')).out, first.out, format)
  }
})

test('without --key a row number is added, said so, and goes on with the next file', async (t) => {
  const { path, varve } = workspace(t)
  writeFileSync(path('a.csv'), 'x\n10\n20\n')
  writeFileSync(path('b.csv'), 'x\n30\n')
  const first = await varve('import', 'a.csv', '-t', 'a', '-d', 'data')
  t.regex(first.out, /row_number was added as the key/)
  const second = await varve('import', 'b.csv', '-t', 'a', '-d', 'data')
  t.is(second.code, 0, second.err)
  t.regex(second.out, /row_number goes on after the last row of the table, with 3/)
  t.is((await varve('scan', '-d', 'data', '--csv', '--order', 'key')).out, 'row_number,x\n1,10\n2,20\n3,30\n')
})

test('a value that does not fit names file, row, line and column; what was imported before is told, and --skip goes on there', async (t) => {
  const { path, varve } = workspace(t)
  writeFileSync(path('ok.csv'), 'id,n\n0,0\n')
  await varve('import', 'ok.csv', '-t', 't', '-k', 'id', '-d', 'data')
  const rows = Array.from({ length: 40_000 }, (_, i) => `${i + 1},${i === 39_000 ? 'abc' : i}`)
  writeFileSync(path('bad.csv'), `id,n\n${rows.join('\n')}\n`)
  const failed = await varve('import', 'bad.csv', '-t', 't', '-d', 'data')
  t.is(failed.code, 1)
  t.regex(failed.err, /^error INVALID_VALUE: bad\.csv, row 39001 \(line 39002\), column n: "abc" is not an int32/)
  t.regex(failed.err, /32,768 rows were imported before, .* add --skip 32768\./)
  t.is(JSON.parse((await varve('stats', '-d', 'data', '--json')).out)[0].rows, 32_769)
  rows[39_000] = '39001,7'
  writeFileSync(path('bad.csv'), `id,n\n${rows.join('\n')}\n`)
  const resumed = await varve('import', 'bad.csv', '-t', 't', '-d', 'data', '--skip', '32768')
  t.is(resumed.code, 0, resumed.err)
  t.is(JSON.parse((await varve('stats', '-d', 'data', '--json')).out)[0].rows, 40_001)
})

test('a number outside its column is told of the file’s row', async (t) => {
  const { path, varve } = workspace(t)
  writeFileSync(path('a.csv'), 'id,n\n1,5\n')
  writeFileSync(path('b.csv'), 'id,n\n2,5\n3,3000000000\n')
  await varve('import', 'a.csv', '-t', 't', '-k', 'id', '-d', 'data')
  const failed = await varve('import', 'b.csv', '-t', 't', '-d', 'data')
  t.is(failed.code, 1)
  t.regex(failed.err, /^error INVALID_VALUE: b\.csv, row 2 \(line 3\), column n: 3000000000 is outside .* Nothing was imported\.\n$/)
})

test('a key that is there already, or twice in the file, names the row', async (t) => {
  const { path, varve } = workspace(t)
  writeFileSync(path('twice.csv'), 'id\n1\n2\n1\n')
  const twice = await varve('import', 'twice.csv', '-t', 't', '-k', 'id', '-d', 'data')
  t.is(twice.code, 1)
  t.regex(twice.err, /^error KEY_EXISTS: twice\.csv, row 3 \(line 4\): the key id = 1 /)
  t.regex(twice.err, /table t was not created/)
  t.is((await varve('stats', '-d', 'data', '--json')).out.trim(), '[]')
})

test('columns that are missing or unknown are listed with the nearest names', async (t) => {
  const { path, varve } = workspace(t)
  writeFileSync(path('a.csv'), 'id,price\n1,2\n')
  writeFileSync(path('b.csv'), 'idd,prise\n1,2\n')
  await varve('import', 'a.csv', '-t', 't', '-k', 'id', '-d', 'data')
  const { code, err } = await varve('import', 'b.csv', '-t', 't', '-d', 'data')
  t.is(code, 1)
  t.regex(err, /^error SCHEMA_MISMATCH: b\.csv does not fit table t: the table has no column "idd" and "prise"\. Did you mean "id"\?/)
  t.regex(err, /the file has no column "id", which the table needs\. Did you mean "idd"\?/)
})

test('malformed CSV names the line', async (t) => {
  const { path, varve } = workspace(t)
  const cases: [string, RegExp][] = [
    ['a,b\n1,2\n3\n', /row 2 \(line 3\): it has 1 fields, the header has 2/],
    ['a,b\n1,"2\n3,4\n', /line 2: a record begins here whose quote is not closed/],
    ['a,b\n1,2\n3,"4"x\n', /line 3: something follows a closing quote/],
    ['a,b\n1,2\n3,x"4"\n', /line 3: a quote stands in the middle/],
    ['a,a\n1,2\n', /line 1: two columns are called a/],
    ['a,\n1,2\n', /line 1: column 2 of 2 has no name/],
    ['a;b\n1;2\n', /line 1: there is one column, called "a;b".* give --delimiter ";"/],
    ['', /is empty/],
  ]
  for (const [text, expected] of cases) {
    writeFileSync(path('bad.csv'), text)
    const { code, err } = await varve('import', 'bad.csv', '-t', 't', '-d', 'data')
    t.is(code, 1, text)
    t.regex(err, expected)
  }
  writeFileSync(path('bad.csv'), Buffer.from([0x61, 0x0a, 0x62, 0xff, 0x0a]))
  t.regex((await varve('import', 'bad.csv', '-t', 't', '-d', 'data')).err, /INPUT_MALFORMED: .*bad\.csv is not UTF-8 text: see byte 3/)
})

test('lines are counted through quoted line breaks and empty lines', async (t) => {
  const { path, varve } = workspace(t)
  writeFileSync(path('a.csv'), 'id,s,n\n1,"a\nb",1\n\n\n2,"c\nd\ne",x1\n')
  writeFileSync(path('t.csv'), 'id,s,n\n0,z,1\n')
  await varve('import', 't.csv', '-t', 't', '-k', 'id', '-d', 'data')
  t.regex((await varve('import', 'a.csv', '-t', 't', '-d', 'data')).err, /row 2 \(line 6\), column n/)
})

test('empty fields are null and quoted ones empty text, whatever stands around them', async (t) => {
  const { path, varve } = workspace(t)
  writeFileSync(path('e.csv'), 'id,a,b,c\n1,"",,"x"",y"\n2,,"",""\n3,"a,"",b",,""\n4,"\n","",\n')
  const { code, err } = await varve('import', 'e.csv', '-t', 'e', '-k', 'id')
  t.is(code, 0, err)
  const { out } = await varve('scan', '--json', '--order', 'key')
  t.deepEqual(
    out
      .trim()
      .split('\n')
      .map((line) => Object.values(JSON.parse(line))),
    [
      [1, '', null, 'x",y'],
      [2, null, '', ''],
      [3, 'a,",b', null, ''],
      [4, '\n', '', null],
    ],
  )
})

test('--key may be said again for a table that is there, if it is its key', async (t) => {
  const { path, varve } = workspace(t)
  writeFileSync(path('a.csv'), 'id,host,v\n1,a,5\n')
  writeFileSync(path('b.csv'), 'id,host,v\n2,b,6\n')
  for (const file of ['a.csv', 'b.csv']) {
    const { code, err } = await varve('import', file, '-t', 't', '--key', 'id,host')
    t.is(code, 0, err)
  }
  t.is((await varve('scan', '--csv', '--order', 'key')).out, 'id,host,v\n1,a,5\n2,b,6\n')
  const other = await varve('import', 'b.csv', '-t', 't', '--key', 'host')
  t.is(other.code, 2)
  t.regex(other.err, /^error USAGE: Table t is there already, and its key is id, host\. Leave --key out/)
})

test('a key of the wrong shape says what the key is', async (t) => {
  const { path, varve } = workspace(t)
  writeFileSync(path('a.csv'), 'id,v\n1,5\n')
  await varve('import', 'a.csv', '-t', 't', '--key', 'id')
  t.regex((await varve('get', '[1,2]')).err, /^error USAGE: KEY takes 1 value \(id int32\); got 2\./)
})

test('a pipe is refused, since a file is read more than once: its rows would be gone with the look at their types', async (t) => {
  const { path, varve } = workspace(t)
  execFileSync('mkfifo', [path('rows.csv')])
  // Nobody writes to it: opening it would wait for ever.
  const { code, err } = await varve('import', 'rows.csv', '-t', 't')
  t.is(code, 2)
  t.regex(err, /^error USAGE: .*rows\.csv is a pipe or a device\. .* write it to a file first\.\n$/)
  t.regex((await varve('import', '/dev/null', '--format', 'csv', '-t', 't')).err, /is a pipe or a device/)
})
