/**
 * Finds a key that comes twice within one write.
 *   1. Keys that ascend from row to row, and from section to section, are distinct: one comparison each.
 *   2. Else the rows' hashes are dealt into buckets by their top bits, and put, bucket by bucket, into one small
 *      open-addressed table that stays in the processor's cache; there two equal ones meet.
 *   3. Only rows with such a hash (there are hardly any: hashes have 32 bits) are compared by their keys.
 */
import { compareKeys } from '../schema/key-encoding.ts'
import type { WriteSection } from './write.ts'

const bucketRows = 4096

export interface Duplicate {
  readonly section: WriteSection
  /** The row, in its section, whose key came before. */
  readonly row: number
}

/** Looks for a duplicate; yields where the event loop may be let through. */
export function* findDuplicate(sections: readonly WriteSection[]): Generator<void, Duplicate | undefined> {
  if (yield* areAscending(sections)) return undefined
  const suspects = new Set<number>()
  if (sections.length === 1) {
    const { hashes } = sections[0] as WriteSection
    collectEqual(hashes, 0, hashes.length, suspects)
  } else {
    const { dealt, ends } = yield* deal(sections)
    for (let bucket = 0, from = 0; bucket < ends.length; bucket++) {
      const to = ends[bucket] as number
      collectEqual(dealt, from, to, suspects)
      from = to
      yield
    }
  }
  return suspects.size === 0 ? undefined : yield* compareSuspects(sections, suspects)
}

/** Whether some key comes twice. */
export function hasSameKey(sections: readonly WriteSection[]): boolean {
  const steps = findDuplicate(sections)
  let step = steps.next()
  while (!step.done) step = steps.next()
  return step.value !== undefined
}

let table = new Uint32Array(bucketRows * 4)

/** Puts hashes into the table, and those that are there already into `suspects`. An empty slot holds 0, so that a hash of 0 is always one. */
function collectEqual(hashes: Uint32Array, from: number, to: number, suspects: Set<number>): void {
  const size = 2 ** Math.ceil(Math.log2(Math.max(2, (to - from) * 2)))
  if (table.length < size) table = new Uint32Array(size)
  else table.fill(0, 0, size)
  const slots = table
  const mask = size - 1
  for (let i = from; i < to; i++) {
    const hash = hashes[i] as number
    let at = hash & mask
    let there = slots[at] as number
    while (there !== 0 && there !== hash) {
      at = (at + 1) & mask
      there = slots[at] as number
    }
    if (there === hash) suspects.add(hash)
    slots[at] = hash
  }
}

function* areAscending(sections: readonly WriteSection[]): Generator<void, boolean> {
  let before: WriteSection | undefined
  for (const section of sections) {
    const { keys, tablet } = section
    if (before) yield
    if (before && before.tablet !== tablet) return false
    if (before && compareKeys(before.keys, before.keys.count - 1, keys, 0) >= 0) return false
    for (let i = 1; i < keys.count; i++) if (compareKeys(keys, i - 1, keys, i) >= 0) return false
    before = section
  }
  return true
}

/** All hashes, those with the same top bits together; and where each such bucket ends. */
function* deal(sections: readonly WriteSection[]): Generator<void, { dealt: Uint32Array; ends: Uint32Array }> {
  const rowCount = sections.reduce((total, { hashes }) => total + hashes.length, 0)
  const bits = Math.min(16, Math.max(1, Math.ceil(Math.log2(rowCount / bucketRows))))
  const ends = new Uint32Array(2 ** bits)
  for (const { hashes } of sections) count(hashes, 32 - bits, ends)
  for (let bucket = 0, start = 0; bucket < ends.length; bucket++) {
    const size = ends[bucket] as number
    ends[bucket] = start
    start += size
  }
  const dealt = new Uint32Array(rowCount)
  for (const { hashes } of sections) {
    scatter(hashes, 32 - bits, ends, dealt)
    yield
  }
  return { dealt, ends }
}

function count(hashes: Uint32Array, shift: number, counts: Uint32Array): void {
  for (let i = 0; i < hashes.length; i++) {
    const bucket = (hashes[i] as number) >>> shift
    counts[bucket] = (counts[bucket] as number) + 1
  }
}

function scatter(hashes: Uint32Array, shift: number, next: Uint32Array, dealt: Uint32Array): void {
  for (let i = 0; i < hashes.length; i++) {
    const hash = hashes[i] as number
    const bucket = hash >>> shift
    const at = next[bucket] as number
    dealt[at] = hash
    next[bucket] = at + 1
  }
}

function* compareSuspects(sections: readonly WriteSection[], suspects: ReadonlySet<number>): Generator<void, Duplicate | undefined> {
  const seen = new Map<number, Duplicate[]>()
  // One look tells most rows from the suspects.
  const marks = new Uint8Array(1 << 16)
  for (const hash of suspects) marks[hash & 0xffff] = 1
  for (const section of sections) {
    const { hashes } = section
    yield
    for (let row = 0; row < hashes.length; row++) {
      const hash = hashes[row] as number
      if (marks[hash & 0xffff] === 0 || !suspects.has(hash)) continue
      const earlier = seen.get(hash) ?? []
      const isSame = (other: Duplicate) =>
        other.section.tablet === section.tablet && compareKeys(other.section.keys, other.row, section.keys, row) === 0
      if (earlier.some(isSame)) return { section, row }
      earlier.push({ section, row })
      seen.set(hash, earlier)
    }
  }
  return undefined
}
