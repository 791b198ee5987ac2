import { spawnSync } from 'node:child_process'
import test from 'ava'
import fc from 'fast-check'
import { VarveError } from '../../src/base/errors.ts'
import type { ColumnKind, ColumnVector } from '../../src/schema/column-vector.ts'
import { rowDecoder, valueAt } from '../../src/schema/row-decoder.ts'
import { rowEncoder } from '../../src/schema/row-encoder.ts'
import type { ColumnSchema, ColumnValue } from '../../src/schema/table-schema.ts'
import { schemaOf, vectorOf } from './support/schemas.ts'

const kinds: readonly ColumnKind[] = ['bool', 'int8', 'int16', 'int32', 'int64', 'float', 'double', 'timestamp', 'string', 'binary']
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 80 }).filter((s) => s.isWellFormed()),
  fc.string({ unit: fc.constantFrom('a', 'é', '\u{1F600}', '\0', '€'), maxLength: 60 }),
  fc.string({ maxLength: 20 }),
)
const valuesOf: Record<ColumnKind, fc.Arbitrary<ColumnValue>> = {
  bool: fc.boolean(),
  int8: fc.integer({ min: -128, max: 127 }),
  int16: fc.integer({ min: -32768, max: 32767 }),
  int32: fc.integer(),
  int64: fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.maxSafeInteger().map(BigInt)),
  float: fc.float(),
  double: fc.double(),
  timestamp: fc.integer({ min: -8.64e15, max: 8.64e15 }),
  string: text,
  binary: fc.uint8Array({ maxLength: 20 }),
}
/** Names that would break code which did not quote them. */
const oddNames = ['a', 'b c', '"', "'", '\\', '`${1}`', '\u2028', '1', 'constructor', 'toString', 'row', 'v', '*/']

const tables = fc
  .array(fc.record({ kind: fc.constantFrom(...kinds), nullable: fc.boolean() }), { minLength: 1, maxLength: 6 })
  .chain((columns) =>
    fc
      .array(fc.tuple(...columns.map(({ kind, nullable }) => (nullable ? fc.option(valuesOf[kind]) : valuesOf[kind]))), { maxLength: 12 })
      .map((rows) => ({
        schema: schemaOf(
          columns.map((c, i) => ({ ...c, name: oddNames[i * 2] as string })),
          [0],
        ),
        rows: rows as ColumnValue[][],
      })),
  )

test('what goes in as rows comes out as the same rows, compiled or not', (t) => {
  fc.assert(
    fc.property(tables, ({ schema, rows }) => {
      const given = rows.map((row) => Object.fromEntries(row.map((value, c) => [schema.columns[c]?.name, value])))
      const positions = schema.columns.map((_, c) => c)
      for (const compile of [true, false]) {
        const block = rowEncoder(schema, { compile }).encode(given)
        t.is(block.rowCount, rows.length)
        block.columns.forEach((vector, c) => {
          t.deepEqual(
            vector,
            vectorOf(
              (schema.columns[c] as ColumnSchema).kind,
              rows.map((row) => row[c] as ColumnValue),
            ),
          )
        })
        for (const decoder of [rowDecoder(schema, positions), rowDecoder(schema, positions, { compile: false })]) {
          const out: Record<string, ColumnValue>[] = []
          decoder.rows(block.columns, undefined, out)
          t.deepEqual(out, given)
          if (rows.length > 0) t.deepEqual(decoder.row(block.columns, rows.length - 1), given.at(-1))
          const odd: Record<string, ColumnValue>[] = []
          decoder.rows(
            block.columns,
            Int32Array.from(rows.keys()).filter((i) => i % 2 === 1),
            odd,
          )
          t.deepEqual(
            odd,
            given.filter((_, i) => i % 2 === 1),
          )
        }
      }
    }),
    { numRuns: 200 },
  )
})

const all = schemaOf(
  [
    { kind: 'int32', name: 'id' },
    { kind: 'bool', name: 'flag' },
    { kind: 'int8', name: 'tiny' },
    { kind: 'int16', name: 'small' },
    { kind: 'int64', name: 'big' },
    { kind: 'int64', name: 'count', mode: 'number' },
    { kind: 'float', name: 'ratio' },
    { kind: 'double', name: 'mean' },
    { kind: 'timestamp', name: 'at' },
    { kind: 'string', name: 'site' },
    { kind: 'binary', name: 'raw' },
    { kind: 'string', name: 'note', nullable: true },
    { kind: 'int32', name: 'level', default: 7 },
    { kind: 'double', name: 'load', nullable: true, default: 0.5 },
  ],
  [0],
  { name: 'devices' },
)
const good = { id: 1, flag: true, tiny: 1, small: 1, big: 1n, count: 1, ratio: 1, mean: 1, at: 1, site: 'a', raw: new Uint8Array(1) }

for (const compile of [true, false]) {
  const { encode } = rowEncoder(all, { compile })
  const way = compile ? 'compiled' : 'generic'

  test(`${way}: a value that is missing under its name and there under a misspelt one is told by the misspelt one`, (t) => {
    const { site: _, ...rest } = good
    const error = t.throws(() => encode([good, { ...rest, id: 2, siet: 'b' }]), { code: 'INVALID_VALUE' })
    t.regex(error?.message ?? '', /^devices, row 1: there is no column "siet" here.*Did you mean "site"\?$/)
    t.throws(() => encode([rest]), { code: 'INVALID_VALUE', message: /devices\.site, row 0: the value is missing/ })
  })

  test(`${way}: a value that does not fit is refused with table, column, row and what to do`, (t) => {
    const refused: [string, unknown, RegExp][] = [
      ['id', undefined, /the value is missing; give one, or declare the column nullable\(\) or with a default\(\)/],
      ['id', null, /null is not allowed/],
      ['id', '1', /"1" is not a valid int32; give a whole number/],
      ['id', 1.5, /round it/],
      ['id', Number.NaN, /NaN is not a whole number/],
      ['id', Number.POSITIVE_INFINITY, /Infinity is not a whole number/],
      ['id', 2 ** 31, /2147483648 is outside -2147483648 … 2147483647; use a wider column/],
      ['id', 5n, /5n is not a valid int32/],
      ['tiny', 128, /outside -128 … 127/],
      ['tiny', -129, /outside/],
      ['small', 32768, /outside/],
      ['flag', 1, /1 is not a valid bool; give true or false/],
      ['big', 5, /give a bigint \(5n\)/],
      ['big', 2n ** 63n, /does not fit 64 bits/],
      ['big', -(2n ** 63n) - 1n, /does not fit 64 bits/],
      ['count', 2 ** 53, /outside ±\(2\^53 − 1\)/],
      ['count', -(2 ** 53), /outside ±\(2\^53 − 1\)/],
      ['count', 1n, /1n is not a valid int64; give a whole number/],
      ['count', 0.5, /not a whole number/],
      ['ratio', 1e300, /beyond what 32 bits hold/],
      ['ratio', 'x', /give a number/],
      ['mean', {}, /an object \(Object\) is not a valid double/],
      ['mean', [1], /an array/],
      ['at', 1.5, /whole number of milliseconds; use Math\.round/],
      ['at', 1e16, /; divide it if it is in micro- or nanoseconds\.$/],
      ['at', new Date(Number.NaN), /the Date is invalid/],
      ['at', '2020-01-01', /milliseconds since 1970 as a whole number, or a Date/],
      ['at', Number.NaN, /NaN is not a whole number/],
      ['site', 5, /5 is not a valid string/],
      ['site', 'a\ud800b', /lone surrogate; repair it with toWellFormed/],
      ['site', '\udc00', /lone surrogate/],
      ['site', `${'long'.repeat(30)}\ud800`, /lone surrogate/],
      ['raw', [1, 2], /an array is not a valid binary; give a Uint8Array/],
      ['raw', 'abc', /"abc" is not a valid binary/],
      ['level', null, /null is not allowed/],
      ['nte', 'x', /no column "nte" here.*Did you mean "note"\?/],
    ]
    for (const [column, value, message] of refused) {
      const error = t.throws(() => encode([good, { ...good, [column]: value }]), { instanceOf: VarveError }, `${column} ${String(value)}`)
      t.is(error?.code, 'INVALID_VALUE')
      t.deepEqual(error?.context, { table: 'devices', column, rowIndex: 1 })
      t.regex(error?.message ?? '', message)
      t.true(error?.message.startsWith('devices'), error?.message)
    }
    const { site: _, ...without } = good
    t.regex(t.throws(() => encode([without]))?.message ?? '', /devices\.site, row 0: the value is missing/)
  })

  test(`${way}: what is no row is misuse`, (t) => {
    for (const bad of [null, undefined, 5, 'row', [1]])
      t.throws(() => encode([good, bad as object]), { instanceOf: TypeError, message: /Row 1 for table devices must be an object/ })
    t.throws(() => encode(good as unknown as object[]), { instanceOf: TypeError, message: /array of rows for table devices/ })
  })

  test(`${way}: columns left out, or given as undefined, take their default or null`, (t) => {
    const block = encode([
      good,
      { ...good, note: undefined, level: undefined, load: undefined },
      { ...good, note: 'n', level: 8, load: null },
    ])
    const show = (name: string) => {
      const c = all.columns.findIndex((column) => column.name === name)
      return [0, 1, 2].map((i) => valueAt(all.columns[c] as ColumnSchema, block.columns[c] as ColumnVector, i))
    }
    t.deepEqual(show('note'), [null, null, 'n'])
    t.deepEqual(show('level'), [7, 7, 8])
    t.deepEqual(show('load'), [0.5, 0.5, null])
  })

  test(`${way}: numbers keep what a column can hold: -0 is 0 in whole numbers, NaN and infinities stay in doubles, a Date is milliseconds`, (t) => {
    const { columns } = encode([
      { ...good, id: -0, count: -0, at: -0, mean: Number.NaN, ratio: Number.NEGATIVE_INFINITY, big: 2n ** 53n },
      { ...good, at: new Date(5), mean: -0, count: Number.MAX_SAFE_INTEGER, big: -3n, ratio: 0.1 },
    ])
    const cell = (name: string, i: number) => {
      const c = all.columns.findIndex((column) => column.name === name)
      return valueAt(all.columns[c] as ColumnSchema, columns[c] as ColumnVector, i)
    }
    t.deepEqual(
      ['id', 'count', 'at', 'mean', 'ratio', 'big'].map((name) => cell(name, 0)),
      [0, 0, 0, Number.NaN, Number.NEGATIVE_INFINITY, 2n ** 53n],
    )
    t.deepEqual(
      ['at', 'mean', 'count', 'big', 'ratio'].map((name) => cell(name, 1)),
      [5, -0, Number.MAX_SAFE_INTEGER, -3n, Math.fround(0.1)],
    )
  })

  test(`${way}: part of an array is encoded, and errors count rows from its beginning`, (t) => {
    const rows = [good, { ...good, id: 2 }, { ...good, id: 3 }, { ...good, id: 'x' }]
    t.deepEqual(encode(rows, 1, 3), encode(rows.slice(1, 3)))
    t.like(
      t.throws(() => encode(rows, 2, 4)),
      { context: { rowIndex: 3 } },
    )
    t.is(encode([]).rowCount, 0)
  })
}

test('a row whose getter writes to the same table does not disturb the row being read', (t) => {
  const encoder = rowEncoder(
    schemaOf(
      [
        { kind: 'string', name: 'a' },
        { kind: 'string', name: 'b' },
      ],
      [0],
    ),
  )
  const rows = [
    {
      a: 'one',
      get b() {
        encoder.encode([{ a: 'other', b: 'other' }])
        return 'two'
      },
    },
  ]
  encoder.encode([{ a: 'warm', b: 'warm' }])
  const decoder = rowDecoder(
    schemaOf(
      [
        { kind: 'string', name: 'a' },
        { kind: 'string', name: 'b' },
      ],
      [0],
    ),
    [0, 1],
  )
  t.deepEqual(decoder.row(encoder.encode(rows).columns, 0), { a: 'one', b: 'two' })
})

test('rows of class instances and of frozen or prototype-free objects are rows', (t) => {
  const schema = schemaOf([{ kind: 'int32', name: 'id' }], [0])
  class Sample {
    id = 5
  }
  const bare = Object.assign(Object.create(null), { id: 6 }) as object
  const { columns } = rowEncoder(schema).encode([new Sample(), bare, Object.freeze({ id: 7 })])
  t.deepEqual(columns[0], vectorOf('int32', [5, 6, 7]))
})

test('binary values that are shown are copies', (t) => {
  const schema = schemaOf(
    [
      { kind: 'int32', name: 'id' },
      { kind: 'binary', name: 'raw' },
    ],
    [0],
  )
  const given = Buffer.from([1, 2, 3])
  const { columns } = rowEncoder(schema).encode([{ id: 1, raw: given }])
  given[0] = 9
  const decoder = rowDecoder(schema, [1])
  const shown = decoder.row([columns[1] as ColumnVector], 0)['raw'] as Uint8Array
  shown[1] = 9
  t.deepEqual(decoder.row([columns[1] as ColumnVector], 0), { raw: Uint8Array.of(1, 2, 3) })
})

test('a dictionary column decodes to its strings, and keeps them if they are few or many are asked for', (t) => {
  const schema = schemaOf([{ kind: 'string', name: 's', nullable: true }], [0])
  const dictionary = vectorOf('string', ['', 'aé', 'b'])
  if (dictionary.form !== 'bytes') return t.fail()
  const vector: ColumnVector = {
    form: 'dictionary',
    length: 4,
    codes: Uint8Array.of(2, 1, 0, 1),
    dictionary,
    nulls: Uint8Array.of(0, 0, 1, 0),
  }
  const decoder = rowDecoder(schema, [0])
  t.deepEqual(decoder.row([vector], 1), { s: 'aé' })
  t.deepEqual(vector.strings, ['', 'aé', 'b'])
  const long = vectorOf(
    'string',
    Array.from({ length: 300 }, (_, i) => `s${1000 + i}`),
  )
  if (long.form !== 'bytes') return t.fail()
  const large: ColumnVector = {
    form: 'dictionary',
    length: 300,
    codes: Int32Array.from({ length: 300 }, (_, i) => i),
    dictionary: long,
    nulls: undefined,
  }
  t.deepEqual(decoder.row([large], 7), { s: 's1007' })
  t.is(large.strings, undefined)
  decoder.rows([large], undefined, [])
  t.is(large.strings?.length, 300)
  const out: Record<string, ColumnValue>[] = []
  decoder.rows([vector], undefined, out)
  t.deepEqual(
    out.map(({ s }) => s),
    ['b', 'aé', null, 'aé'],
  )
  t.deepEqual(vector.strings, ['', 'aé', 'b'])
})

test('where code generation is forbidden the generic loops serve', (t) => {
  const program = `
    const { rowEncoder } = await import('./src/schema/row-encoder.ts')
    const { rowDecoder } = await import('./src/schema/row-decoder.ts')
    const schema = { tableId: 1, name: 't', keyColumns: [0], partition: { scheme: 'none' }, columns: [{ id: 1, name: 'a', kind: 'int32', nullable: false, mode: 'bigint' }] }
    console.log(JSON.stringify(rowDecoder(schema, [0]).row(rowEncoder(schema).encode([{ a: 41 }]).columns, 0)))`
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--import=tsx', '--disallow-code-generation-from-strings', '--input-type=module', '-e', program],
    { encoding: 'utf8' },
  )
  t.is(stdout.trim(), '{"a":41}', stderr)
})
