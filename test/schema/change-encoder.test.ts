import test from 'ava'
import fc from 'fast-check'
import { VarveError } from '../../src/base/errors.ts'
import { atSchemaPositions, type ChangeBlock, type ChangeEncoder, changeEncoder } from '../../src/schema/change-encoder.ts'
import type { ColumnVector } from '../../src/schema/column-vector.ts'
import { keysOf } from '../../src/schema/key-encoding.ts'
import { valueAt } from '../../src/schema/row-decoder.ts'
import { rowEncoder } from '../../src/schema/row-encoder.ts'
import type { ColumnSchema, TableSchema } from '../../src/schema/table-schema.ts'
import { schemaOf } from './support/schemas.ts'

/** Keys second and fourth, so that positions and key order differ from the order of the columns. */
const schema = schemaOf(
  [
    { kind: 'double', name: 'cpu' },
    { kind: 'int32', name: 'host' },
    { kind: 'string', name: 'tag', nullable: true },
    { kind: 'string', name: 'site' },
    { kind: 'int16', name: 'level', default: 7 },
    { kind: 'int64', name: 'count', mode: 'number', nullable: true, default: 3 },
    { kind: 'binary', name: 'raw', nullable: true },
    { kind: 'timestamp', name: 'seen', nullable: true },
  ],
  [3, 1],
  { name: 'hosts' },
)
const names = schema.columns.map(({ name }) => name)
type Row = Record<string, unknown>

/** What blocks say, a row of the input each: exactly the columns that are given. */
function shown(of: TableSchema, blocks: readonly ChangeBlock[]): Row[] {
  const out: Row[] = []
  for (const { positions, block, inputRows } of blocks) {
    for (const [i, r] of inputRows.entries()) {
      out[r] = Object.fromEntries(
        positions.map((position, k) => {
          const column = of.columns[position] as ColumnSchema
          return [column.name, valueAt(column, block.columns[k] as ColumnVector, i)]
        }),
      )
    }
  }
  return out
}

const ways: readonly [string, ChangeEncoder][] = [
  ['compiled', changeEncoder(schema)],
  ['generic', changeEncoder(schema, { compile: false })],
]
// Sets of columns are compiled once they came often.
for (const set of [['cpu'], [], names]) {
  const row = Object.fromEntries(
    ['host', 'site', ...set].map((name) => [name, name === 'site' ? 'a' : name === 'raw' ? new Uint8Array(1) : 1]),
  )
  if ('tag' in row) row.tag = 'x'
  ways[0]?.[1].upserts(Array.from({ length: 300 }, () => row))
  ways[0]?.[1].updates(Array.from({ length: 300 }, () => row))
}

for (const [way, encoder] of ways) {
  const calls = [(rows: Row[]) => encoder.upserts(rows), (rows: Row[]) => encoder.updates(rows)]

  test(`${way}: rows that give the same columns become one block of those, with their keys`, (t) => {
    for (const call of calls) {
      const rows = Array.from({ length: 10 }, (_, i) => ({ host: i, cpu: i / 2, site: `s${i}` }))
      const blocks = call(rows)
      t.is(blocks.length, 1)
      t.deepEqual(blocks[0]?.positions, [0, 1, 3])
      t.deepEqual(blocks[0]?.inputRows, Int32Array.from(rows.keys()))
      t.deepEqual(shown(schema, blocks), rows)
      t.deepEqual(blocks[0]?.keys, keysOf(schema, rows))
    }
  })

  test(`${way}: a property that is undefined is not given, wherever it stands`, (t) => {
    for (const call of calls) {
      const rows = [
        { host: 1, site: 'a', cpu: 1 },
        { host: 2, tag: undefined, site: 'b', cpu: 2 },
        { host: 3, site: 'c', cpu: 3, raw: undefined, level: undefined },
      ]
      const blocks = call(rows)
      t.deepEqual(
        blocks.map(({ positions }) => positions),
        [[0, 1, 3]],
      )
    }
  })

  test(`${way}: rows that give other columns are grouped, and each says where it stood`, (t) => {
    for (const call of calls) {
      const blocks = call([
        { host: 1, site: 'a', cpu: 1 },
        { host: 2, site: 'b', tag: null },
        { host: 3, site: 'c', cpu: 3 },
        { host: 4, site: 'd' },
        { host: 5, site: 'e', tag: 'x', cpu: undefined },
      ])
      t.deepEqual(
        blocks.map(({ positions, inputRows }) => [positions, [...inputRows]]),
        [
          [
            [0, 1, 3],
            [0, 2],
          ],
          [
            [1, 2, 3],
            [1, 4],
          ],
          [[1, 3], [3]],
        ],
      )
      t.deepEqual(shown(schema, blocks).at(-1), { host: 5, site: 'e', tag: 'x' })
    }
  })

  test(`${way}: a part of the rows is read, and errors count in all of them`, (t) => {
    const rows = [{ host: 1 }, { host: 2, site: 'b', cpu: 2 }, { host: 3, site: 'c', cpu: 3 }, { host: 4, site: 'd', cpu: 'x' }]
    const blocks = encoder.updates(rows, 1, 3)
    t.deepEqual([...(blocks[0] as ChangeBlock).inputRows], [1, 2])
    t.deepEqual(shown(schema, blocks).slice(1), rows.slice(1, 3))
    t.like(t.throws(() => encoder.updates(rows, 1), { instanceOf: VarveError })?.context, { table: 'hosts', column: 'cpu', rowIndex: 3 })
    t.deepEqual(encoder.upserts(rows, 2, 2), [])
  })

  test(`${way}: a value that does not fit is refused with table, column and row`, (t) => {
    const good = { host: 1, site: 'a', cpu: 1 }
    const refused: [Row, string, RegExp][] = [
      [{ cpu: 'x' }, 'cpu', /"x" is not a valid double/],
      [{ cpu: null }, 'cpu', /null is not allowed/],
      [{ host: null }, 'host', /null is not allowed/],
      [{ host: 1.5 }, 'host', /round it/],
      [{ host: Number.NaN }, 'host', /NaN is not a whole number/],
      [{ host: undefined }, 'host', /the value is missing; a change names its row by the whole key \(site, host\)/],
      [{ site: 'a'.repeat(9000) }, 'site', /the key takes \d+ bytes/],
      [{ site: '\ud800' }, 'site', /lone surrogate/],
      [{ tag: '\ud800' }, 'tag', /lone surrogate/],
      [{ count: 2 ** 53 }, 'count', /outside ±\(2\^53 − 1\)/],
      [{ level: 40000 }, 'level', /outside -32768 … 32767/],
      [{ seen: new Date(Number.NaN) }, 'seen', /the Date is invalid/],
      [{ raw: 'a' }, 'raw', /Uint8Array/],
      [{ cpv: 1 }, 'cpv', /there is no column "cpv" here.*[Dd]id you mean "?cpu/],
      [{ cpv: undefined }, 'cpv', /there is no column "cpv"/],
    ]
    for (const call of calls) {
      for (const [bad, column, message] of refused) {
        // As the only other row, in a block of its own, and among rows of its set.
        for (const rows of [
          [good, { ...good, ...bad }],
          [
            { host: 1, site: 'a' },
            { ...good, ...bad },
          ],
        ]) {
          const error = t.throws(() => call(rows), { instanceOf: VarveError, message })
          t.like(error, { code: 'INVALID_VALUE' }, column)
          t.deepEqual(error?.context, { table: 'hosts', column, rowIndex: 1 }, column)
        }
      }
    }
  })

  test(`${way}: what is no array of objects is a TypeError`, (t) => {
    for (const call of [encoder.upserts, encoder.updates]) {
      t.throws(() => call({} as object[]), { instanceOf: TypeError, message: /Give an array of rows for table hosts/ })
      t.throws(() => call(undefined as unknown as object[]), { instanceOf: TypeError, message: /array of rows/ })
      t.throws(() => call([5 as unknown as object]), { instanceOf: TypeError, message: /Row 0 for table hosts must be an object/ })
      t.throws(() => call([{ host: 1, site: 'a' }, [] as object]), { instanceOf: TypeError, message: /Row 1/ })
    }
    t.throws(() => encoder.keys({} as unknown[]), { instanceOf: TypeError, message: /Give an array of keys/ })
    t.throws(() => encoder.keys([5]), { instanceOf: TypeError, message: /an object \{ site, host \}/ })
    t.throws(() => encoder.constants([]), { instanceOf: TypeError })
    t.throws(() => encoder.constants(null as unknown as object), { instanceOf: TypeError })
  })

  test(`${way}: what a prototype gives counts as given, seen or not by enumeration`, (t) => {
    class Sample {
      readonly host: number
      readonly site: string
      constructor(host: number, site: string) {
        this.host = host
        this.site = site
      }
      get cpu(): number {
        return this.host * 2
      }
    }
    for (const call of calls) {
      // As many enumerable properties as the first row, but another column beside.
      const blocks = call([{ host: 1, site: 'a' }, new Sample(2, 'b') as unknown as Row])
      t.deepEqual(shown(schema, blocks), [
        { host: 1, site: 'a' },
        { host: 2, site: 'b', cpu: 4 },
      ])
      t.deepEqual(shown(schema, call([Object.assign(Object.create(null), { host: 1, site: 'a' }) as Row])), [{ host: 1, site: 'a' }])
    }
  })

  test(`${way}: a row whose getter changes its mind between two looks is refused`, (t) => {
    let looks = 0
    const fickle = {
      host: 2,
      site: 'b',
      get cpu() {
        return looks++ < 2 ? 1 : undefined
      },
    }
    t.throws(() => encoder.updates([{ host: 1, site: 'a' }, fickle]), {
      instanceOf: TypeError,
      message: /gave other columns when it was read again/,
    })
  })

  test(`${way}: any rows come out as they went in`, (t) => {
    const row = fc.record(
      {
        host: fc.integer(),
        site: fc.string({ maxLength: 5 }),
        cpu: fc.oneof(fc.double(), fc.constant(undefined)),
        tag: fc.option(fc.string({ maxLength: 5 })),
        level: fc.integer({ min: -9, max: 9 }),
        count: fc.option(fc.maxSafeInteger()),
        raw: fc.option(fc.uint8Array({ maxLength: 3 })),
        seen: fc.option(fc.integer()),
      },
      { requiredKeys: ['host', 'site'] },
    )
    fc.assert(
      fc.property(fc.array(row, { maxLength: 12 }), (rows) => {
        const given = rows.map((one) => Object.fromEntries(Object.entries(one).filter(([, value]) => value !== undefined)))
        for (const call of calls) {
          const blocks = call(rows)
          t.deepEqual(shown(schema, blocks), sorted(given))
          for (const { positions, inputRows, keys } of blocks) {
            t.deepEqual(
              positions,
              positions.toSorted((a, b) => a - b),
            )
            t.deepEqual(inputRows, inputRows.toSorted())
            t.deepEqual(
              keys,
              keysOf(
                schema,
                Array.from(inputRows, (r) => rows[r]),
              ),
            )
          }
        }
      }),
      { numRuns: 200 },
    )
  })
}

/** Properties in the order of the columns, and −0 as whole-number columns store it. */
function sorted(rows: Row[]): Row[] {
  return rows.map((row) =>
    Object.fromEntries(names.filter((name) => name in row).map((name) => [name, name !== 'cpu' && row[name] === 0 ? 0 : row[name]])),
  )
}

test('an upsert takes the default of a key column, where a change must name it', (t) => {
  const defaulted = schemaOf([{ kind: 'int32', default: 5 }, { kind: 'int32' }], [0])
  for (const compile of [true, false]) {
    const encoder = changeEncoder(defaulted, { compile })
    for (const rows of [
      [{ c1: 1 }, { c0: 2, c1: 2 }],
      Array.from({ length: 300 }, (_, i) => (i % 2 === 0 ? { c1: 1 } : { c0: 2, c1: 2 })),
    ]) {
      const blocks = encoder.upserts(rows)
      t.is(blocks.length, 1)
      t.deepEqual(shown(defaulted, blocks).slice(0, 2), [
        { c0: 5, c1: 1 },
        { c0: 2, c1: 2 },
      ])
    }
    t.throws(() => encoder.updates([{ c1: 1 }]), { code: 'INVALID_VALUE', message: /t\.c0, row 0: the value is missing/ })
    t.throws(() => encoder.keys([undefined]), { code: 'INVALID_VALUE', message: /t\.c0, row 0: the value is missing/ })
  }
})

test('odd names and many sets of columns do no harm', (t) => {
  const odd = schemaOf(
    ['a', 'b c', '"', '\\', '`${1}`', '\u2028', 'constructor', 'v', '*/'].map((name) => ({ kind: 'int32' as const, name })),
    [0],
  )
  const encoder = changeEncoder(odd)
  for (let mask = 0; mask < 256; mask++) {
    const row = Object.fromEntries(odd.columns.filter((_, c) => c === 0 || (mask >> (c - 1)) & 1).map(({ name }, c) => [name, c]))
    const rows = Array.from({ length: mask % 16 === 0 ? 300 : 2 }, () => row)
    t.deepEqual(shown(odd, encoder.upserts(rows))[1], { ...row })
  }
})

test('keys become columns in the order of the schema, and are encoded in that of the key', (t) => {
  const { keys } = changeEncoder(schema)
  const given = [
    { host: 1, site: 'b', cpu: 'not looked at' },
    { site: 'a\0', host: 2 },
  ]
  const change = keys(given)
  t.deepEqual(change.positions, [1, 3])
  t.deepEqual(change.keys, keysOf(schema, given))
  t.deepEqual(shown(schema, [change]), [
    { host: 1, site: 'b' },
    { host: 2, site: 'a\0' },
  ])
  t.like(
    t.throws(() => keys([...given, { host: 1 }], 1), { code: 'INVALID_VALUE' }),
    { context: { table: 'hosts', column: 'site', rowIndex: 2 } },
  )
  const bare = changeEncoder(schemaOf([{ kind: 'double' }, { kind: 'timestamp' }], [1]))
  t.deepEqual(shown(schemaOf([{ kind: 'double' }, { kind: 'timestamp' }], [1]), [bare.keys([5, new Date(6), { c1: 7 }])]), [
    { c1: 5 },
    { c1: 6 },
    { c1: 7 },
  ])
  t.is(keys([]).block.rowCount, 0)
})

test('rows that are new are completed as an insert of them would be', (t) => {
  const encoder = changeEncoder(schema)
  const rows = [
    { host: 1, site: 'a', cpu: 1 },
    { host: 2, site: 'b', cpu: 2 },
  ]
  const [change] = encoder.upserts(rows)
  const whole = encoder.completed(change as ChangeBlock)
  const inserted = rowEncoder(schema).encode(rows)
  const values = (columns: readonly ColumnVector[]) =>
    schema.columns.map((column, c) => rows.map((_, i) => valueAt(column, columns[c] as ColumnVector, i)))
  t.deepEqual(values(whole.columns), values(inserted.columns))
  t.deepEqual(values(whole.columns)[4], [7, 7])
  const full = encoder.upserts([{ host: 1, site: 'a', cpu: 1, tag: 'x', level: 1, count: 1, raw: null, seen: null }])[0] as ChangeBlock
  t.is(encoder.completed(full), full.block)
})

test('a new row that lacks a column it needs is refused, and says that it is new', (t) => {
  const encoder = changeEncoder(schema)
  const blocks = encoder.upserts([
    { host: 1, site: 'a', cpu: 1 },
    { host: 2, site: 'b', tag: 'x' },
  ])
  const error = t.throws(() => encoder.completed(blocks[1] as ChangeBlock), {
    code: 'INVALID_VALUE',
    message: /hosts\.cpu, row 1: the value is missing, and the row is new: no row has its key\. Give cpu, or/,
  }) as VarveError
  t.deepEqual(error.context, { table: 'hosts', column: 'cpu', rowIndex: 1 })
  const none = { ...(blocks[1] as ChangeBlock), block: rowEncoder(schema).encode([]), inputRows: new Int32Array(0) }
  t.notThrows(() => encoder.completed(none))
})

test('the columns that updateWhere sets become constant vectors', (t) => {
  const { constants } = changeEncoder(schema)
  const raw = Uint8Array.of(1, 2)
  const change = constants({ level: -0, cpu: 0.5, tag: 'x', raw, count: null, seen: new Date(5) })
  raw[0] = 9
  t.deepEqual(change.positions, [0, 2, 4, 5, 6, 7])
  const vectors = change.values(2)
  t.deepEqual(
    change.positions.map((position, k) => valueAt(schema.columns[position] as ColumnSchema, vectors[k] as ColumnVector, 1)),
    [0.5, 'x', 0, null, Uint8Array.of(1, 2), 5],
  )
  t.true(vectors.every(({ length }) => length === 2))
  t.deepEqual(constants({ tag: undefined, host: undefined }).positions, [])
  const refused: [Row, string, RegExp][] = [
    [{ host: 1 }, 'host', /hosts\.host: a key column cannot be updated: the key says which row it is\. Delete the row/],
    [{ cpu: null }, 'cpu', /null is not allowed/],
    [{ cpu: '1' }, 'cpu', /not a valid double/],
    [{ cpv: 1 }, 'cpv', /no column "cpv"/],
    [{ count: 2 ** 53 }, 'count', /2\^53/],
  ]
  for (const [changes, column, message] of refused) {
    const error = t.throws(() => constants(changes), { code: 'INVALID_VALUE', message }) as VarveError
    t.deepEqual(error.context, { table: 'hosts', column, rowIndex: undefined })
  }
})

test('a block is laid out at the positions of the schema', (t) => {
  const [change] = changeEncoder(schema).updates([{ host: 1, site: 'a', cpu: 1 }])
  const spread = atSchemaPositions(change as ChangeBlock)
  t.is(spread.columns[3], change?.block.columns[2])
  t.is(spread.columns[2], undefined)
})
