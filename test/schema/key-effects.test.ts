import test from 'ava'
import { changeEncoder } from '../../src/schema/change-encoder.ts'
import { compose, type GivenColumns, type KeyEffect, type KeyOp, noEffect, type OpCounts } from '../../src/schema/key-effects.ts'
import { rowDecoder } from '../../src/schema/row-decoder.ts'
import { schemaOf } from './support/schemas.ts'

const schema = schemaOf(
  [
    { kind: 'int32', name: 'id' },
    { kind: 'int32', name: 'a' },
    { kind: 'int32', name: 'b', default: -1 },
  ],
  [0],
)

interface End {
  readonly row: GivenColumns | undefined
  readonly counts: OpCounts
  readonly refused?: { readonly at: number; readonly why: string }
}

/** One op after another on a table of one key. */
function oneByOne(first: GivenColumns | undefined, ops: readonly KeyOp[]): End {
  let row = first
  const counts = { inserted: 0, updated: 0, deleted: 0 }
  for (const op of ops) {
    if (op.op === 'insert') {
      if (row !== undefined && op.ifExists === 'error') return { row, counts, refused: { at: op.at, why: 'exists' } }
      if (row === undefined) {
        row = op.row
        counts.inserted++
      }
    } else if (op.op === 'delete') {
      if (row !== undefined) counts.deleted++
      row = undefined
    } else if (row !== undefined) {
      const changes = Object.entries(op.given).filter(([name]) => name !== 'id')
      if (changes.length > 0) counts.updated++
      row = { ...row, ...Object.fromEntries(changes) }
    } else if (op.op === 'upsert') {
      if (op.given.a === undefined) return { row, counts, refused: { at: op.at, why: 'incomplete' } }
      row = { id: op.given.id as number, a: op.given.a, b: op.given.b ?? -1 }
      counts.inserted++
    }
  }
  return { row, counts }
}

/** What an effect makes of a row or its absence. */
function applied(first: GivenColumns | undefined, effect: KeyEffect): End {
  const outcome = first === undefined ? effect.ifAbsent : effect.ifPresent
  const { counts } = outcome
  switch (outcome.does) {
    case 'refuse':
      return { row: undefined, counts, refused: { at: outcome.at, why: outcome.why } }
    case 'insert':
    case 'replace':
      return { row: outcome.row, counts }
    case 'update':
      return { row: { ...first, ...outcome.given }, counts }
    case 'delete':
      return { row: undefined, counts }
    case 'nothing':
      return { row: first, counts }
  }
}

/** Every kind of op, its values told by where it stands. */
function opsAt(at: number): KeyOp[] {
  const id = 1
  const upsert = (given: GivenColumns): KeyOp => ({ at, op: 'upsert', given, row: 'a' in given ? { b: -1, ...given } : undefined })
  return [
    { at, op: 'insert', row: { id, a: 10 + at, b: 20 + at }, ifExists: 'error' },
    { at, op: 'insert', row: { id, a: 30 + at, b: 40 + at }, ifExists: 'skip' },
    upsert({ id, a: 50 + at }),
    upsert({ id, b: 60 + at }),
    upsert({ id }),
    { at, op: 'update', given: { id, a: 70 + at } },
    { at, op: 'update', given: { id, b: 80 + at } },
    { at, op: 'update', given: { id } },
    { at, op: 'delete' },
  ]
}

test('ops composed do what they do one by one: all sequences of up to four', (t) => {
  const firsts = [undefined, { id: 1, a: 1, b: 2 }]
  const seen = new Set<string>()
  let sequences = 0
  const walk = (ops: readonly KeyOp[], effect: KeyEffect) => {
    sequences++
    for (const first of firsts) {
      const expected = oneByOne(first, ops)
      const actual = applied(first, effect)
      const outcome = first === undefined ? effect.ifAbsent : effect.ifPresent
      seen.add(`${first === undefined ? 'absent' : 'present'} ${outcome.does}`)
      const end = ({ row, counts, refused }: End) => [refused ?? Object.entries(row ?? {}).toSorted(), refused ? undefined : counts]
      if (JSON.stringify(end(actual)) !== JSON.stringify(end(expected)))
        t.deepEqual(end(actual), end(expected), `${JSON.stringify(ops)} on ${JSON.stringify(first)}`)
    }
    if (ops.length < 4) for (const op of opsAt(ops.length)) walk([...ops, op], compose(schema, effect, op))
  }
  walk([], noEffect)
  t.is(sequences, 1 + 9 + 9 ** 2 + 9 ** 3 + 9 ** 4)
  t.deepEqual(
    [...seen].sort(),
    [
      ...['insert', 'nothing', 'refuse'].map((does) => `absent ${does}`),
      ...['delete', 'nothing', 'refuse', 'replace', 'update'].map((does) => `present ${does}`),
    ].sort(),
  )
})

test('a row that is deleted and inserted again says so: it is replaced, not updated', (t) => {
  const [insert, , , , , , , , remove] = opsAt(0) as [KeyOp, ...KeyOp[]]
  const effect = [remove as KeyOp, insert].reduce((before, op) => compose(schema, before, op), noEffect)
  t.deepEqual(effect.ifPresent, { does: 'replace', row: { id: 1, a: 10, b: 20 }, counts: { inserted: 1, updated: 0, deleted: 1 } })
  t.deepEqual(effect.ifAbsent, { does: 'insert', row: { id: 1, a: 10, b: 20 }, counts: { inserted: 1, updated: 0, deleted: 0 } })
})

test('an effect changes none that it was composed of', (t) => {
  const [insert, , upsert] = opsAt(0) as [KeyOp, KeyOp, KeyOp]
  const once = compose(schema, noEffect, insert)
  const before = structuredClone(once)
  compose(schema, once, upsert)
  t.deepEqual(once, before)
  t.is(noEffect.ifAbsent.does, 'nothing')
})

test('columns that an op gives come out of a block of changes, and what an effect gives goes back into one', (t) => {
  const encoder = changeEncoder(schema)
  const [change] = encoder.updates([{ id: 1, b: 5 }])
  const given = rowDecoder(schema, change?.positions ?? []).row(change?.block.columns ?? [], 0)
  const effect = compose(schema, compose(schema, noEffect, { at: 0, op: 'update', given }), { at: 1, op: 'update', given: { id: 1, a: 6 } })
  t.deepEqual(effect.ifPresent, { does: 'update', given: { id: 1, a: 6, b: 5 }, counts: { inserted: 0, updated: 2, deleted: 0 } })
  const [back] = effect.ifPresent.does === 'update' ? encoder.updates([effect.ifPresent.given]) : []
  t.deepEqual(back?.positions, [0, 1, 2])
})
