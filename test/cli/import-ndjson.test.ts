import { writeFileSync } from 'node:fs'
import test from 'ava'
import { parseExactJson } from '../../src/cli/exact-json.ts'
import { TypeGuess } from '../../src/cli/import/type-guess.ts'
import { workspace } from './run-cli.ts'

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
