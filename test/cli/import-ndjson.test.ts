import { writeFileSync } from 'node:fs'
import test from 'ava'
import { parseExactJson } from '../../src/cli/exact-json.ts'
import { TypeGuess } from '../../src/cli/import/type-guess.ts'
import { run } from '../../src/cli/run.ts'
import { TextSink, workspace } from './run-cli.ts'

test('NDJSON keeps every digit of whole numbers, nested values as JSON text, and absent properties as null', async (t) => {
  const { path, varve } = workspace(t)
  writeFileSync(path('a.ndjson'), '{"id":1,"n":9007199254740993,"o":{"a":[1,12345678901234567890]}}\n\n{"id":2,"late":true}\n')
  const { code, err } = await varve('import', 'a.ndjson', '-t', 't', '-k', 'id')
  t.is(code, 0, err)
  t.is(
    (await varve('scan', '--json', '--order', 'key')).out,
    '{"id":1,"n":"9007199254740993","o":"{\\"a\\":[1,12345678901234567890]}","late":null}\n{"id":2,"n":null,"o":null,"late":true}\n',
  )
})

test('malformed input is told to programs with its file and line', async (t) => {
  const { path, varve } = workspace(t)
  writeFileSync(path('bad.ndjson'), '{"a":1}\n{"a":\n')
  const { error } = JSON.parse((await varve('import', 'bad.ndjson', '-t', 't', '--json')).err)
  t.like(error, { code: 'INPUT_MALFORMED', context: { path: path('bad.ndjson'), line: 2 } })
})

test('malformed NDJSON names the line', async (t) => {
  const { path, varve } = workspace(t)
  const cases: [string, RegExp][] = [
    ['{"a":1}\n{"a":\n', /bad\.ndjson, line 2: not valid JSON/],
    ['{"a":1}\n\n[1]\n', /line 3: every line should be a JSON object, this one is an array/],
    ['{"a":1}\n5\n', /line 2: every line should be a JSON object, this one is a number/],
    ['[\n{"a":1}\n]\n', /line 1: not valid JSON.*looks like one JSON array/],
  ]
  for (const [text, expected] of cases) {
    writeFileSync(path('bad.ndjson'), text)
    const { code, err } = await varve('import', 'bad.ndjson', '-t', 't')
    t.is(code, 1)
    t.regex(err, /^error INPUT_MALFORMED/)
    t.regex(err, expected)
    t.notRegex(err, /--debug/)
  }
})

test('an NDJSON row that does not fit names row, line, column and the nearest name', async (t) => {
  const { path, varve } = workspace(t)
  writeFileSync(path('a.ndjson'), '{"id":1,"price":2.5,"up":true}\n')
  await varve('import', 'a.ndjson', '-t', 't', '-k', 'id')
  const cases: [string, RegExp][] = [
    ['{"id":2,"prise":1}', /row 1 \(line 2\), column prise: the table has no column "prise".*Did you mean "price"\?/],
    ['{"id":2,"price":"x"}', /row 1 \(line 2\), column price: "x" is not a double/],
    ['{"id":2,"up":1}', /row 1 \(line 2\), column up: 1 is not a bool/],
    ['{"price":1}', /row 1 \(line 2\), column id: there is no value/],
    ['{"id":null}', /row 1 \(line 2\), column id: there is no value/],
    ['{"id":2.5}', /row 1 \(line 2\), column id: 2\.5 is not a whole number/],
  ]
  for (const [row, expected] of cases) {
    writeFileSync(path('bad.ndjson'), `\n${row}\n`)
    const { code, err } = await varve('import', 'bad.ndjson', '-t', 't')
    t.is(code, 1, row)
    t.regex(err, expected)
    t.notRegex(err, /--debug/)
  }
  t.is(JSON.parse((await varve('stats', '--json')).out)[0].rows, 1)
})

test('JSON is parsed as JSON.parse does, but for integers that a number cannot hold', (t) => {
  t.deepEqual(parseExactJson('{"a":9007199254740993,"b":"9007199254740993","c":[-9223372036854775808],"d":1.00000000000000001}'), {
    a: 9007199254740993n,
    b: '9007199254740993',
    c: [-9223372036854775808n],
    d: 1,
  })
  t.deepEqual(parseExactJson('{"a":"\\\\\\"1234567890123456789"}'), { a: '\\"1234567890123456789' })
  t.throws(() => parseExactJson('{"a":12345678901234567890'), { instanceOf: SyntaxError })
})

test('types are guessed as the narrowest that lose nothing', (t) => {
  const guess = (...values: string[]) => {
    const types = new TypeGuess()
    for (const value of values) types.sawText(value)
    const { kind, mode } = types.result()
    return kind === 'int64' && mode === 'bigint' ? 'bigint' : kind
  }
  t.is(guess(), 'string')
  t.is(guess('1', '-2147483648', '2147483647'), 'int32')
  t.is(guess('2147483648'), 'int64')
  t.is(guess('9007199254740992'), 'bigint')
  t.is(guess('9223372036854775808'), 'string')
  t.is(guess('1', '9223372036854775808.5'), 'double')
  t.is(guess('9007199254740993', '0.5'), 'string')
  t.is(guess('1', '2.5', '.5', '1e9', 'NaN'), 'double')
  t.is(guess('NaN'), 'string')
  t.is(guess('01', '2'), 'string')
  t.is(guess('+49', '2'), 'string')
  t.is(guess('true', 'False'), 'bool')
  t.is(guess('true', '1'), 'string')
  t.is(guess('2024-02-29', '2024-02-29T23:59:59.999Z'), 'timestamp')
  t.is(guess('2023-02-29'), 'string')
  t.is(guess('2024-01-01T00:00:00.0001Z'), 'string')
  t.is(guess('2024', '2025'), 'int32')
})

test('NDJSON rows without row_number are numbered on; those with it bring their own', async (t) => {
  const { path, varve } = workspace(t)
  writeFileSync(path('a.ndjson'), '{"x":1}\n{"x":2}\n')
  writeFileSync(path('b.ndjson'), '{"row_number":7,"x":3}\n')
  await varve('import', 'a.ndjson', '-t', 't')
  t.is((await varve('import', 'b.ndjson', '-t', 't')).code, 0)
  const third = await varve('import', 'a.ndjson', '-t', 't')
  t.regex(third.out, /row_number goes on after the last row of the table, with 8/)
  t.is((await varve('scan', '--csv', '--order', 'key')).out, 'row_number,x\n1,1\n2,2\n7,3\n8,1\n9,2\n')
  const own = await varve('import', 'b.ndjson', '-t', 'new')
  t.is(own.code, 2)
  t.regex(own.err, /has a column row_number of its own\. Name the key with --key/)
})

test('an import that is interrupted stops at a batch, and says how far it came', async (t) => {
  const { path, directory, varve } = workspace(t)
  writeFileSync(path('n.ndjson'), Array.from({ length: 100_000 }, (_, i) => `{"id":${i}}`).join('\n'))
  await varve('import', 'n.ndjson', '-t', 'warm', '-k', 'id', '--infer-rows', '10')
  const interrupted = new AbortController()
  const stderr = new TextSink()
  const importing = run(['import', 'n.ndjson', '-t', 't', '-k', 'id'], {
    stdout: new TextSink(),
    stderr,
    cwd: directory,
    signal: interrupted.signal,
  })
  interrupted.abort(new Error('interrupted'))
  t.is(await importing, 1)
  t.regex(stderr.text, /^error ABORTED: .* (?:Nothing was imported|rows were imported before)/)
  const { rows } = JSON.parse((await varve('stats', '--json')).out).find(({ table }: { table: string }) => table === 't') ?? { rows: 0 }
  const told = Number(/ ([\d,]+) rows were imported before/.exec(stderr.text)?.[1]?.replaceAll(',', '') ?? 0)
  t.is(rows, told)
})

test('an import can be interrupted while it looks at types, and while it skips rows', async (t) => {
  const { path, directory, varve } = workspace(t)
  writeFileSync(path('n.ndjson'), '{"id":1}\n{"id":2}\n')
  await varve('import', 'n.ndjson', '-t', 'there', '-k', 'id')
  const cases = [
    ['-t', 'new'],
    ['-t', 'there', '--skip', '2'],
  ]
  for (const each of cases) {
    const stderr = new TextSink()
    const signal = AbortSignal.abort(new Error('interrupted'))
    const code = await run(['import', 'n.ndjson', '-k', 'id', ...each], { stdout: new TextSink(), stderr, cwd: directory, signal })
    t.is(stderr.text, 'error ABORTED: Interrupted. Nothing was imported.\n')
    t.is(code, 1)
  }
})
