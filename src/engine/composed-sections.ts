/** Sections of a batch that names a key several times: the ops on each key become one effect, and keys of like effect a section. */
import { VarveError } from '../base/errors.ts'
import type { ChangeBlock, ChangeEncoder } from '../schema/change-encoder.ts'
import { invalidValue } from '../schema/column-value.ts'
import type { KeyBlock, RowBlock } from '../schema/column-vector.ts'
import { compose, type GivenColumns, type KeyEffect, type KeyOp, noEffect } from '../schema/key-effects.ts'
import { encodeKeys, keyBytes, keyLayout } from '../schema/key-encoding.ts'
import { rowDecoder } from '../schema/row-decoder.ts'
import type { RowEncoder } from '../schema/row-encoder.ts'
import type { TableSchema } from '../schema/table-schema.ts'
import { gatherBlock } from '../schema/vector-ops.ts'
import type { WriteSection } from './write.ts'
import { changeSections, type SectionSource, type Wish } from './write-sections.ts'

/** An op as a batch has taken it. */
export type RecordedOp =
  | { readonly op: 'insert'; readonly rows: RowBlock; readonly ifExists: 'error' | 'skip' }
  | { readonly op: 'upsert' | 'update' | 'delete'; readonly changes: readonly ChangeBlock[] }

interface Encoders {
  readonly rows: RowEncoder
  readonly changes: ChangeEncoder
}

/** `countOps`: what counts is the ops that take effect; else the rows that change. */
export function composedSections(
  source: SectionSource,
  ops: readonly RecordedOp[],
  encoders: Encoders,
  o: { countOps: boolean },
): WriteSection[] {
  const { schema } = source
  const effects = new Map<string, { effect: KeyEffect; key: GivenColumns }>()
  let at = 0
  for (const { key, values, op } of keyOps(schema, ops, encoders, () => at++)) {
    const before = effects.get(key)
    effects.set(key, { effect: compose(schema, before?.effect ?? noEffect, op), key: before?.key ?? values })
  }
  const alike = new Map<string, { effect: KeyEffect; key: GivenColumns }[]>()
  for (const one of effects.values()) {
    const { ifAbsent, ifPresent } = one.effect
    const set = ifPresent.does === 'update' ? Object.keys(ifPresent.given).sort() : []
    const name = JSON.stringify([ifAbsent.does, ifAbsent.counts, ifPresent.does, ifPresent.counts, set])
    const others = alike.get(name)
    if (others) others.push(one)
    else alike.set(name, [one])
  }
  return [...alike.values()].flatMap((group) => sectionsOf(source, group, encoders, o))
}

function sectionsOf(
  source: SectionSource,
  group: readonly { effect: KeyEffect; key: GivenColumns }[],
  { rows, changes }: Encoders,
  { countOps }: { countOps: boolean },
): WriteSection[] {
  const { schema } = source
  const [{ effect: like }] = group as [{ effect: KeyEffect; key: GivenColumns }]
  const wish: Wish = {
    ifAbsent: like.ifAbsent.does === 'nothing' ? 'nothing' : 'insert',
    ifPresent: like.ifPresent.does === 'replace' ? 'update' : like.ifPresent.does,
  }
  const present = group.map(({ effect, key }) => {
    if (effect.ifPresent.does === 'update') return effect.ifPresent.given
    return effect.ifPresent.does === 'replace' ? effect.ifPresent.row : key
  })
  const absent = group.map(({ effect }) => (effect.ifAbsent.does === 'insert' ? effect.ifAbsent.row : undefined))
  const whole = (inputRows: Int32Array): RowBlock => {
    const refused = group[inputRows.find((row) => absent[row] === undefined) ?? -1]
    if (refused) throw refusal(schema, refused)
    return rows.encode(Array.from(inputRows, (row) => absent[row] as object))
  }
  const counts = { absent: like.ifAbsent.counts, present: like.ifPresent.counts }
  return changes.updates(present).flatMap((change) =>
    changeSections(source, wish, change, changes).map((section): WriteSection => {
      const inputRows = section.inputRows as Int32Array
      return {
        ...section,
        ...(countOps && { counts }),
        positions: change.positions,
        whole: (indexes) => whole(indexes.map((i) => inputRows[i] as number)),
      }
    }),
  )
}

function* keyOps(
  schema: TableSchema,
  ops: readonly RecordedOp[],
  { changes: encoder }: Encoders,
  nextAt: () => number,
): Generator<{ key: string; values: GivenColumns; op: KeyOp }> {
  const all = schema.columns.map((_, position) => position)
  for (const op of ops) {
    if (op.op === 'insert') {
      const keys = encodeKeys(schema, op.rows)
      const decoder = rowDecoder(schema, all)
      for (let i = 0; i < keys.count; i++) {
        const row = decoder.row(op.rows.columns, i)
        yield { key: keyText(schema, keys, i), values: keyOf(schema, row), op: { at: nextAt(), op: 'insert', row, ifExists: op.ifExists } }
      }
      continue
    }
    for (const { change, i } of inOrder(op.changes)) {
      const given = rowDecoder(schema, change.positions).row(change.block.columns, i)
      const at = nextAt()
      const keyOp: KeyOp =
        op.op === 'upsert'
          ? { at, op: 'upsert', given, row: completed(schema, encoder, change, i) }
          : op.op === 'update'
            ? { at, op: 'update', given }
            : { at, op: 'delete' }
      yield { key: keyText(schema, change.keys, i), values: keyOf(schema, given), op: keyOp }
    }
  }
}

/** The rows of blocks by columns, as the caller gave them. */
function inOrder(changes: readonly ChangeBlock[]): { change: ChangeBlock; i: number }[] {
  const rows = changes.flatMap((change) => Array.from(change.inputRows, (row, i) => ({ change, i, row })))
  return changes.length === 1 ? rows : rows.sort((a, b) => a.row - b.row)
}

/** The new row that an upsert makes; undefined if it lacks a column. */
function completed(schema: TableSchema, encoder: ChangeEncoder, change: ChangeBlock, i: number): GivenColumns | undefined {
  const given = new Set(change.positions)
  const lacks = schema.columns.some(
    ({ nullable, default: fallback }, position) => !given.has(position) && !nullable && (fallback ?? null) === null,
  )
  if (lacks) return undefined
  const row = Int32Array.of(i)
  const block = encoder.completed({ block: gatherBlock(change.block, row), inputRows: row, positions: change.positions })
  return rowDecoder(
    schema,
    schema.columns.map((_, position) => position),
  ).row(block.columns, 0)
}

function keyText(schema: TableSchema, keys: KeyBlock, i: number): string {
  return Buffer.from(keyBytes(keys, i, keyLayout(schema))).toString('latin1')
}

function keyOf(schema: TableSchema, row: GivenColumns): GivenColumns {
  return Object.fromEntries(
    schema.keyColumns.map((position) => {
      const name = schema.columns[position]?.name ?? ''
      return [name, row[name] ?? null]
    }),
  )
}

function shown(key: GivenColumns): string {
  return Object.entries(key)
    .map(([name, value]) => `${name} = ${String(value)}`)
    .join(', ')
}

/** Why a key that has no row makes the batch fail. */
function refusal(schema: TableSchema, { effect, key }: { effect: KeyEffect; key: GivenColumns }): VarveError {
  if (effect.ifAbsent.does === 'refuse' && effect.ifAbsent.why === 'incomplete') return incomplete(schema, key)
  return new VarveError(
    'KEY_EXISTS',
    `Table ${schema.name}: the key (${shown(key)}) has a row when the batch inserts it again; nothing of the batch was applied.`,
    { context: { table: schema.name, key } },
  )
}

function incomplete(schema: TableSchema, key: GivenColumns): VarveError {
  const needed = schema.columns.find(({ nullable, default: fallback }) => !nullable && (fallback ?? null) === null && !nullable)
  return invalidValue(
    schema.name,
    needed?.name,
    undefined,
    `the batch upserts the key (${shown(key)}), which has no row, without all columns that a new row needs`,
  )
}
