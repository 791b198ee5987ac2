/** Random steps, as data: what fast-check makes, prints and shrinks. */
import fc from 'fast-check'
import type { DatabaseConfig } from '../../src/index.ts'
/** A row, or a part of one, as the product shows it. */
export type Row = Record<string, unknown>
export type TableName = 'plain' | 'hashed'

export interface Op {
  readonly op: 'insert' | 'skip' | 'upsert' | 'update' | 'delete'
  readonly table: TableName
  readonly rows: readonly Row[]
}

export type Step =
  | { readonly kind: 'write'; readonly op: Op }
  | { readonly kind: 'batch'; readonly ops: readonly Op[] }
  | { readonly kind: 'conflict'; readonly snapshot: number; readonly op: Op }
  | { readonly kind: 'where'; readonly what: 'update' | 'delete'; readonly below: number; readonly value: number }
  | { readonly kind: 'snapshot' }
  | { readonly kind: 'close snapshot'; readonly which: number }
  | { readonly kind: 'flush' }
  | { readonly kind: 'compact'; readonly how: Compaction }
  | { readonly kind: 'check' }
  | { readonly kind: 'point reads'; readonly ids: readonly number[] }
  | { readonly kind: 'past'; readonly which: number }
  | { readonly kind: 'changes'; readonly which: readonly [number, number] }
  | { readonly kind: 'checkpoint' }
  | { readonly kind: 'reopen' }
  | {
      readonly kind: 'crash'
      /** A power cut takes what is not synced; what was written until then is synced first. */
      readonly mode: 'kill' | 'power'
      /** What is under way, so many turns of the event loop after it was called. */
      readonly during: 'flush' | Compaction | 'checkpoint' | undefined
      readonly turns: number
      readonly seed: number
    }

export type Compaction = 'merging' | 'minor-delta' | 'major-delta' | 'full'

const idMax = 24
const id = fc.integer({ min: 0, max: idMax })
const words = ['', 'a', 'bb', 'ccc', 'zürich', '日本', 'a\0b']
const text = fc.constantFrom(...words)
const plainKey = id.map((value): Row => ({ id: value }))
const hashedKey = fc.record({ k: fc.constantFrom('x', 'y', 'zz'), n: fc.integer({ min: 0, max: 7 }) })
const plainValues = {
  a: fc.integer({ min: -5, max: 20 }),
  s: fc.option(text),
  d: fc.constantFrom(0, -1.5, 2.25),
  big: fc.option(fc.constantFrom(0n, 1n, -(2n ** 60n))),
}
const hashedValues = { t: fc.option(fc.integer({ min: 0, max: 1000 })), flag: fc.boolean(), text }

const some = <T>(one: fc.Arbitrary<T>) => fc.array(one, { minLength: 1, maxLength: 6 })
const merged = (key: fc.Arbitrary<Row>, values: fc.Arbitrary<Row>) => fc.tuple(key, values).map(([a, b]): Row => ({ ...a, ...b }))

const plainOp: fc.Arbitrary<Op> = fc.oneof(
  fc.record({
    op: fc.constantFrom('insert', 'skip'),
    table: fc.constant('plain'),
    rows: some(merged(plainKey, fc.record(plainValues, { requiredKeys: ['a'] }))),
  }),
  fc.record({
    op: fc.constantFrom('upsert', 'update'),
    table: fc.constant('plain'),
    rows: some(merged(plainKey, fc.record(plainValues, { requiredKeys: [] }))),
  }),
  fc.record({
    op: fc.constant('upsert'),
    table: fc.constant('plain'),
    rows: some(merged(plainKey, fc.record(plainValues, { requiredKeys: ['a'] }))),
  }),
  fc.record({ op: fc.constant('delete'), table: fc.constant('plain'), rows: some(plainKey) }),
) as fc.Arbitrary<Op>
const hashedOp: fc.Arbitrary<Op> = fc.oneof(
  fc.record({
    op: fc.constantFrom('insert', 'skip', 'upsert', 'upsert', 'update'),
    table: fc.constant('hashed'),
    rows: some(merged(hashedKey, fc.record(hashedValues, { requiredKeys: [] }))),
  }),
  fc.record({ op: fc.constant('delete'), table: fc.constant('hashed'), rows: some(hashedKey) }),
) as fc.Arbitrary<Op>
const op = fc.oneof({ weight: 3, arbitrary: plainOp }, { weight: 2, arbitrary: hashedOp })

/** How a run's database is configured: what it holds must not depend on it. */
export const configs: fc.Arbitrary<Partial<DatabaseConfig>> = fc
  .record({
    retentionMs: fc.constantFrom(0, 0, 900_000),
    rowsetSize: fc.constantFrom('1KiB', '4KiB', '4KiB', '32MiB'),
    segmentBytes: fc.constantFrom('4KiB', '8MiB'),
    rowCache: fc.constantFrom(undefined, 0, 4096),
    disable: fc.constantFrom([], ['clock-row-cache']),
    compression: fc.constantFrom('none', 'deflate'),
  })
  .map(({ retentionMs, rowsetSize, segmentBytes, rowCache, disable, compression }) => ({
    history: { retentionMs },
    wal: { segmentBytes },
    disable,
    plugins: [
      ['flush', { rowsetSize, compression }],
      ['merging-compaction', { rowsetSize, compression }],
      ...(rowCache === undefined || disable.length > 0 ? [] : [['clock-row-cache', { capacity: rowCache }] as [string, object]]),
    ],
  }))

const compactions = ['merging', 'minor-delta', 'major-delta', 'full'] as const

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 40, arbitrary: op.map((one): Step => ({ kind: 'write', op: one })) },
  { weight: 8, arbitrary: fc.array(op, { minLength: 1, maxLength: 4 }).map((ops): Step => ({ kind: 'batch', ops })) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('conflict'), snapshot: fc.nat(7), op }) as fc.Arbitrary<Step> },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('where'),
      what: fc.constantFrom('update', 'update', 'delete'),
      below: fc.integer({ min: -5, max: 8 }),
      value: fc.integer({ min: 0, max: 20 }),
    }) as fc.Arbitrary<Step>,
  },
  { weight: 4, arbitrary: fc.constant<Step>({ kind: 'snapshot' }) },
  { weight: 3, arbitrary: fc.nat(7).map((which): Step => ({ kind: 'close snapshot', which })) },
  { weight: 10, arbitrary: fc.constant<Step>({ kind: 'flush' }) },
  {
    weight: 8,
    arbitrary: fc.constantFrom(...compactions).map((how): Step => ({ kind: 'compact', how })),
  },
  { weight: 6, arbitrary: fc.constant<Step>({ kind: 'check' }) },
  { weight: 8, arbitrary: fc.array(id, { minLength: 1, maxLength: 5 }).map((ids): Step => ({ kind: 'point reads', ids })) },
  { weight: 3, arbitrary: fc.nat(99).map((which): Step => ({ kind: 'past', which })) },
  { weight: 3, arbitrary: fc.tuple(fc.nat(99), fc.nat(99)).map((which): Step => ({ kind: 'changes', which })) },
  { weight: 2, arbitrary: fc.constant<Step>({ kind: 'reopen' }) },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'checkpoint' }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('crash'),
      mode: fc.constantFrom('kill', 'power'),
      during: fc.constantFrom(undefined, 'flush', 'checkpoint', ...compactions),
      turns: fc.integer({ min: 0, max: 60 }),
      seed: fc.nat(),
    }) as fc.Arbitrary<Step>,
  },
)

/** In place of a step: shrinking takes steps out this way. */
const almostNever = 2 ** 20

/** The steps of one run, so many of them; fewer once they have been shrunk. */
export const steps = (count: number): fc.Arbitrary<Step[]> =>
  fc
    .array(fc.option(step, { nil: undefined, freq: almostNever }), { minLength: count, maxLength: count, size: 'max' })
    .map((list) => list.filter((one) => one !== undefined))
