/**
 * Predicates bound to a schema, over batches of columns. Each node narrows a selection; `and` narrows step by step, so
 * that later predicates look at fewer rows; `or` unites. `not` is carried down to the leaves, where a null makes a row
 * fall out either way: unknown stays unknown.
 */
import { describeValue } from '../schema/column-value.ts'
import type { ColumnSchema, TableSchema } from '../schema/table-schema.ts'
import { columnAt, columnPosition } from './columns.ts'
import { betweenRange, comparisonRange, literalBytes, literalNumber, prefixRange } from './literal-range.ts'
import { MemberLeaf } from './member-leaf.ts'
import type { Predicate, PredicateNode } from './predicate.ts'
import { NullLeaf, RangeLeaf } from './predicate-leaves.ts'
import type { PredicateBatch, PredicatePart, ZoneMaps } from './predicate-part.ts'
import { RowSelector } from './row-selector.ts'

export interface CompiledPredicate extends PredicatePart {
  /** Positions of the columns that it reads. */
  readonly columns: readonly number[]
}

const knownOps: ReadonlySet<unknown> = new Set<PredicateNode['op']>([
  'compare',
  'between',
  'in',
  'startsWith',
  'isNull',
  'notNull',
  'and',
  'or',
  'not',
])

/** Binds a predicate to a schema. TypeError for an unknown column, a literal of the wrong type, or something that is no predicate. */
export function compilePredicate(schema: TableSchema, node: PredicateNode): CompiledPredicate {
  const columns = new Set<number>()
  const part = compile(schema, node, true, columns)
  return {
    columns: [...columns],
    mightMatch: (zoneMaps) => part.mightMatch(zoneMaps),
    select: (batch, selection) => part.select(batch, selection),
  }
}

function compile(schema: TableSchema, node: PredicateNode, wanted: boolean, columns: Set<number>): PredicatePart {
  if (node === null || typeof node !== 'object' || !knownOps.has(node.op)) {
    throw new TypeError(`where takes a predicate, such as eq('column', value); got ${describeValue(node)}.`)
  }
  if (node.op === 'not') return compile(schema, node.arg, !wanted, columns)
  if (node.op === 'and' || node.op === 'or') {
    const parts = node.args.map((arg) => compile(schema, arg, wanted, columns))
    return (node.op === 'and') === wanted ? new AllOf(parts) : new AnyOf(parts)
  }
  const leaf = node as LeafNode
  const position = columnPosition(schema, leaf.column)
  columns.add(position)
  return compileLeaf(schema.name, columnAt(schema, position), position, leaf, wanted)
}

type LeafNode = Exclude<PredicateNode, { readonly op: 'not' | 'and' | 'or' }>

function compileLeaf(table: string, column: ColumnSchema, position: number, node: LeafNode, wanted: boolean): PredicatePart {
  switch (node.op) {
    case 'compare': {
      const range = comparisonRange(table, column, node.comparison, node.value)
      return new RangeLeaf(position, range, node.comparison === 'ne' ? !wanted : wanted)
    }
    case 'between':
      return new RangeLeaf(position, betweenRange(table, column, node.low, node.high), wanted)
    case 'startsWith':
      return new RangeLeaf(position, prefixRange(table, column, node.prefix), wanted)
    case 'in': {
      if (!Array.isArray(node.values)) throw new TypeError(`inList takes an array of values for ${table}.${column.name}.`)
      const text = column.kind === 'string' || column.kind === 'binary'
      const values = node.values.map((value) => (text ? literalBytes(table, column, value) : literalNumber(table, column, value)))
      return new MemberLeaf(position, values, wanted)
    }
    default:
      return new NullLeaf(position, (node.op === 'isNull') === wanted)
  }
}

class AllOf implements PredicatePart {
  readonly #parts: readonly PredicatePart[]

  constructor(parts: readonly PredicatePart[]) {
    this.#parts = parts
  }

  mightMatch(zoneMaps: ZoneMaps): boolean {
    return this.#parts.every((part) => part.mightMatch(zoneMaps))
  }

  select(batch: PredicateBatch, selection: Int32Array | undefined): Int32Array | undefined {
    let left = selection
    for (const part of this.#parts) {
      left = part.select(batch, left)
      if (left?.length === 0) return left
    }
    return left
  }
}

class AnyOf implements PredicatePart {
  readonly #parts: readonly PredicatePart[]
  readonly #selector = new RowSelector()
  #chosen = new Uint8Array(0)

  constructor(parts: readonly PredicatePart[]) {
    this.#parts = parts
  }

  mightMatch(zoneMaps: ZoneMaps): boolean {
    return this.#parts.some((part) => part.mightMatch(zoneMaps))
  }

  select(batch: PredicateBatch, selection: Int32Array | undefined): Int32Array | undefined {
    if (this.#chosen.length < batch.rowCount) this.#chosen = new Uint8Array(batch.rowCount)
    const chosen = this.#chosen.fill(0, 0, batch.rowCount)
    for (const part of this.#parts) {
      const rows = part.select(batch, selection)
      if (rows === undefined || rows === selection) return selection
      for (let k = 0; k < rows.length; k++) chosen[rows[k] as number] = 1
    }
    return this.#selector.flagged(chosen, 0, { rowCount: batch.rowCount, selection })
  }
}

/** The node under a typed predicate. */
export function predicateNode(predicate: Predicate<never>): PredicateNode {
  return predicate as unknown as PredicateNode
}
