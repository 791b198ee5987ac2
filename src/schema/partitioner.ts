import { encodeKeys } from './block-keys.ts'
import type { ColumnVector, KeyBlock, RowBlock } from './column-vector.ts'
import { keyBytes, keysFromBytes, leadingColumnEnds } from './key-bytes.ts'
import { hashKey, hashKeys, hashLeadingWords } from './key-hash.ts'
import { keyLayout } from './key-layout.ts'
import { compareBytes, compareKeyToBytes, prefixEnd } from './key-search.ts'
import { type PartitionPlan, partitionPlan } from './partition-encoding.ts'
import type { TableSchema } from './table-schema.ts'

/** The number of tablets of a table. */
export function tabletCount({ partition }: TableSchema): number {
  if (partition.scheme === 'none') return 1
  return partition.scheme === 'hash' ? partition.count : partition.boundsHex.length + 1
}

/** The tablet of each row; undefined if the table has one. `keys` are `encodeKeys(schema, rows)`. */
export function partitionRows(schema: TableSchema, rows: RowBlock, keys: KeyBlock): Uint16Array | undefined {
  const plan = partitionPlan(schema)
  if (plan === undefined) return undefined
  const out = new Uint16Array(keys.count)
  if (schema.partition.scheme === 'hash') {
    const hashes =
      plan.leadingWords !== undefined && keys.form === 'fixed'
        ? hashLeadingWords(keys, plan.leadingWords)
        : hashKeys(routingKeys(schema, plan, rows))
    const count = tabletCount(schema)
    for (let i = 0; i < out.length; i++) out[i] = tabletOfHash(hashes[i] as number, count)
    return out
  }
  const compared = plan.leading ? keys : routingKeys(schema, plan, rows)
  for (let i = 0; i < out.length; i++) out[i] = tabletOfKeyInRange(plan.bounds, compared, i)
  return out
}

/** The tablet of key i. Every point read of a partitioned table asks. */
export function partitionOfKeys(schema: TableSchema, keys: KeyBlock, i: number): number {
  const plan = partitionPlan(schema)
  if (plan === undefined) return 0
  if (schema.partition.scheme === 'range' && plan.leading) return tabletOfKeyInRange(plan.bounds, keys, i)
  if (plan.leadingWords !== undefined && keys.form === 'fixed' && schema.partition.scheme === 'hash') {
    const from = i * keys.wordsPerKey
    const words = keys.words.subarray(from, from + plan.leadingWords)
    return tabletOfHash(hashKey({ form: 'fixed', count: 1, wordsPerKey: plan.leadingWords, words }, 0), schema.partition.count)
  }
  return partitionOfKey(schema, keyBytes(keys, i, keyLayout(schema))) as number
}

/** The tablet that holds every key which begins with the encoded key or prefix; undefined if several may. */
export function partitionOfKey(schema: TableSchema, bytes: Uint8Array): number | undefined {
  const plan = partitionPlan(schema)
  if (plan === undefined) return 0
  const ends = leadingColumnEnds(schema, bytes, plan.leadingColumns)
  if (ends === undefined) return undefined
  const parts = plan.keyPlaces.map((place) => bytes.subarray(place === 0 ? 0 : ends[place - 1], ends[place]))
  const routing = keysFromBytes(plan.routing, [new Uint8Array(Buffer.concat(parts))])
  return schema.partition.scheme === 'hash'
    ? tabletOfHash(hashKey(routing, 0), schema.partition.count)
    : tabletOfKeyInRange(plan.bounds, routing, 0)
}

/**
 * The tablets, ascending, that may hold keys from `lower` (inclusive) up to `upper` (exclusive); undefined: open. All
 * of them, unless the range gives the partition columns, or narrows the leading ones of range partitions.
 */
export function tabletsForRange(
  schema: TableSchema,
  range: { readonly lower: Uint8Array | undefined; readonly upper: Uint8Array | undefined },
): number[] {
  const plan = partitionPlan(schema)
  if (plan === undefined) return [0]
  const only = tabletOfNarrowRange(schema, plan, range.lower, range.upper)
  if (only !== undefined) return [only]
  let first = 0
  let last = tabletCount(schema) - 1
  if (schema.partition.scheme === 'range' && plan.leading) {
    const { lower, upper } = range
    if (lower !== undefined) first = plan.bounds.filter((bound) => compareBytes(bound, lower) <= 0).length
    if (upper !== undefined) last = plan.bounds.filter((bound) => compareBytes(bound, upper) < 0).length
  }
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, k) => first + k)
}

/** The one tablet of a range whose keys all share the partition columns' values. */
function tabletOfNarrowRange(
  schema: TableSchema,
  plan: PartitionPlan,
  lower: Uint8Array | undefined,
  upper: Uint8Array | undefined,
): number | undefined {
  if (lower === undefined) return undefined
  const end = leadingColumnEnds(schema, lower, plan.leadingColumns)?.at(-1)
  if (end === undefined) return undefined
  const shared = lower.subarray(0, end)
  const sharedEnd = prefixEnd(shared)
  if (sharedEnd !== undefined && (upper === undefined || compareBytes(upper, sharedEnd) > 0)) return undefined
  return partitionOfKey(schema, shared)
}

function routingKeys(schema: TableSchema, plan: PartitionPlan, rows: RowBlock): KeyBlock {
  const columns = plan.keyPlaces.map((place) => rows.columns[schema.keyColumns[place] as number] as ColumnVector)
  return encodeKeys(plan.routing, { rowCount: rows.rowCount, columns })
}

/** Mixed once more, so that the hashes of one tablet's keys stay spread: its hash index and bloom filters use them too. STABLE ON DISK. */
function tabletOfHash(hash: number, count: number): number {
  let h = hash ^ 0x9e3779b9
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return ((h ^ (h >>> 16)) >>> 0) % count
}

function tabletOfKeyInRange(bounds: readonly Uint8Array[], keys: KeyBlock, i: number): number {
  let low = 0
  let high = bounds.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareKeyToBytes(keys, i, bounds[middle] as Uint8Array) >= 0) low = middle + 1
    else high = middle
  }
  return low
}
