import { writeFileSync } from 'node:fs'
import { Writable } from 'node:stream'
import test, { type ExecutionContext } from 'ava'
import { run } from '../../src/cli/run.ts'
import { workspace } from './run-cli.ts'

const csv = [
  'city,at,price,big,name',
  'A,2026-01-01,1.5,9007199254740993,anna',
  'A,2026-01-02,2.5,1,',
  'B,2026-01-01,-3,2,"it\'s"',
  'B,2026-01-03,,3,bert',
  'C,2026-02-01,9,4,Ben',
].join('\n')

async function prepared(t: ExecutionContext) {
  const space = workspace(t)
  writeFileSync(space.path('t.csv'), csv)
  const { code, err } = await space.varve('import', 't.csv', '-t', 't', '--key', 'city,at')
  t.is(code, 0, err)
  return space
}

test('--where selects what it says', async (t) => {
  const { varve } = await prepared(t)
  const cases: [string, string][] = [
    ['price > 1.5', 'A2 C1'],
    ['price>=1.5', 'A1 A2 C1'],
    ['price != 9', 'A1 A2 B1'],
    ['price = -3', 'B1'],
    ['city = B and price is null', 'B3'],
    ['city = A or city=C', 'A1 A2 C1'],
    ['not (city = A or city=C)', 'B1 B3'],
    ["city in (A, 'C')", 'A1 A2 C1'],
    ["price between 1 and 2.5 and city = 'A'", 'A1 A2'],
    ['name is not null', 'A1 B1 B3 C1'],
    ['name starts with b', 'B3'],
    ["name = 'it''s'", 'B1'],
    ['big = 9007199254740993', 'A1'],
    ['big <= 2', 'A2 B1'],
    ['at >= 2026-01-02 AND at < 2026-02-01', 'A2 B3'],
    ['"city" = "C"'.replace('"C"', "'C'"), 'C1'],
  ]
  for (const [where, expected] of cases) {
    const { out, err } = await varve('scan', '--where', where, '--json', '--order', 'key', '--columns', 'city,at')
    const found = out
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line))
      .map(({ city, at }) => city + Number(at.slice(8, 10)))
    t.is(found.join(' '), expected, `${where} ${err}`)
  }
})

test('a --where that is wrong points at the place', async (t) => {
  const { varve } = await prepared(t)
  const cases: [string, number, RegExp][] = [
    ['prise > 5', 0, /There is no column "prise".*Did you mean "price"\?/],
    ['price > abc', 8, /"abc" is not a double/],
    ['price ~ 5', 6, /Expected =, !=/],
    ['price > 5 and', 13, /Expected a column/],
    ['price > 5 city', 10, /Expected and, or, or the end/],
    ["name = 'x", 7, /quote that begins here does not end/],
    ['price = null', 8, /is null/],
    ['(price > 5', 10, /Expected \)/],
    ['price starts with 5', 6, /starts with is for strings/],
    ['big = 0.5', 6, /"0.5" is not an int64/],
    ['at > yesterday', 5, /"yesterday" is not a timestamp/],
    ['name = "x"', 7, /single quotes: 'x'/],
  ]
  for (const [where, position, expected] of cases) {
    const { code, err } = await varve('scan', '--where', where)
    t.is(code, 2, where)
    t.regex(err, expected)
    t.is(err.split('\n')[2], `  ${' '.repeat(position)}^`, where)
  }
})

test('keys are given as JSON values, arrays or objects, or as plain text', async (t) => {
  const { varve } = await prepared(t)
  const keys = async (...argv: string[]) => {
    const { out, err } = await varve('scan', '--csv', '--columns', 'city,at', '--order', 'key', ...argv)
    return err || dayNames(out)
  }
  t.is(await keys('--prefix', 'B'), 'B1 B3')
  t.is(await keys('--prefix', '"B"'), 'B1 B3')
  t.is(await keys('--gte', '["A","2026-01-02"]', '--lt', '{"city":"B","at":"2026-01-03"}'), 'A2 B1')
  t.is(await keys('--gt', 'A', '--lte', 'B'), 'B1 B3')
  t.is(await keys('--reverse', '--limit', '2'), 'C1 B3')
  t.regex(await keys('--prefix', '{"cty":"B"}'), /^error USAGE: --prefix names "cty".*Did you mean "city"\?/)
  t.regex(await keys('--prefix', '["B", "x"]'), /^error USAGE: --prefix: "x" is not a timestamp/)
  t.regex(await keys('--prefix', '["B",1,2]'), /takes 1 to 2 values/)
  t.regex(await keys('--prefix', '{"city"'), /not valid JSON/)
  t.regex(await keys('--gt', 'A', '--gte', 'A'), /either --gte or --gt/)
  const row = { city: 'B', at: '2026-01-01T00:00:00.000Z', price: -3, big: 2, name: "it's" }
  for (const key of ['["B","2026-01-01"]', '{"at":"2026-01-01T00:00:00Z","city":"B"}', `["B",${Date.UTC(2026, 0, 1)}]`]) {
    t.deepEqual(JSON.parse((await varve('get', key, '--json')).out), row)
  }
  const partial = await varve('get', 'B')
  t.is(partial.code, 2)
  t.regex(partial.err, /lacks "at": the key of this table is city string, at timestamp/)
  const absent = await varve('get', '["Z","2026-01-01"]', '--json')
  t.deepEqual(absent, { code: 1, out: 'null\n', err: '' })
})

test('tables for people have numbers to the right, say when there is more, and hide control characters', async (t) => {
  const { path, varve } = workspace(t)
  writeFileSync(path('n.csv'), `id,n,s\n${Array.from({ length: 150 }, (_, i) => `${i},${i * 1000},"x\u001b[31m\n"`).join('\n')}\n`)
  await varve('import', 'n.csv', '-t', 'n', '-k', 'id')
  const { out } = await varve('scan')
  const lines = out.trimEnd().split('\n')
  t.is(lines.length, 102)
  t.is(lines[0], 'id      n  s')
  t.is(lines[2], ' 1   1000  x\\u001b[31m\\n')
  t.is(lines[101], 'The first 100 rows; there are more (--limit).')
  t.regex((await varve('scan', '--limit', '2')).out, /\n2 rows\.\n$/)
  t.is((await varve('scan', '--json')).out.trimEnd().split('\n').length, 150)
  t.is((await varve('scan', '--where', 'id > 999')).out, 'No rows.\n')
})

test('a reader that goes away ends a scan quietly', async (t) => {
  const { path, directory, varve } = workspace(t)
  writeFileSync(path('n.csv'), `id\n${Array.from({ length: 50_000 }, (_, i) => i).join('\n')}\n`)
  await varve('import', 'n.csv', '-t', 'n', '-k', 'id')
  let writes = 0
  const stdout = new Writable({
    write(_chunk, _encoding, done) {
      done(++writes > 1 ? Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }) : null)
    },
  })
  let told = ''
  const stderr = new Writable({
    write(chunk, _encoding, done) {
      told += chunk
      done()
    },
  })
  t.is(await run(['scan', '--json'], { stdout, stderr, cwd: directory }), 0)
  t.is(told, '')
  t.is(writes, 2)
  t.is((await varve('get', '7', '--json')).out, '{"id":7}\n', 'the database was closed')
})

/** `A1 B3` of lines like `A,2026-01-01T…`. */
function dayNames(csv: string): string {
  const lines = csv.split('\n').slice(1).filter(Boolean)
  return lines.map((line) => line[0] + String(Number(line.slice(10, 12)))).join(' ')
}
