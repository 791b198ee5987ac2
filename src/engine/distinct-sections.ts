/**
 * A call that names keys several times, each time with the same columns, comes to one of the rows of each key: to the last
 * that it gives, or, where rows that are there are left alone, to the first. No value need be looked at to see which.
 */
import { compareKeys, gatherHashes, gatherKeys } from '../schema/key-encoding.ts'
import { gatherBlock } from '../schema/vector-ops.ts'
import { inputRow, type WriteSection } from './write.ts'

/** The sections with one row of each key, in the same order; undefined: they are not of the same columns. */
export function distinctSections(sections: readonly WriteSection[], keep: 'first' | 'last'): WriteSection[] | undefined {
  const [first] = sections
  if (!first || !sections.every((section) => sameColumns(section, first))) return undefined
  const seen = new SeenKeys(sections)
  const distinct = sections.map((section) => section)
  const order = sections.map((_, index) => index)
  if (keep === 'last') order.reverse()
  for (const index of order) {
    const { section, kept } = keptRows(sections, index, keep, seen)
    if (kept.length < section.keys.count) distinct[index] = gatherSection(section, kept)
  }
  return distinct.filter(({ keys }) => keys.count > 0)
}

function keptRows(sections: readonly WriteSection[], index: number, keep: 'first' | 'last', seen: SeenKeys) {
  const section = sections[index] as WriteSection
  const { count } = section.keys
  const kept = new Int32Array(count)
  let keptCount = 0
  for (let k = 0; k < count; k++) {
    const row = keep === 'first' ? k : count - 1 - k
    if (seen.add(index, row)) kept[keptCount++] = row
  }
  const rows = kept.subarray(0, keptCount)
  return { section, kept: keep === 'first' ? rows : rows.reverse() }
}

function gatherSection(section: WriteSection, kept: Int32Array): WriteSection {
  const { whole } = section
  return {
    ...section,
    rows: gatherBlock(section.rows, kept),
    keys: gatherKeys(section.keys, kept),
    hashes: gatherHashes(section.hashes, kept),
    inputRows: kept.map((row) => inputRow(section, row)),
    ...(whole && { whole: (indexes: Int32Array) => whole(indexes.map((i) => kept[i] as number)) }),
  }
}

function sameColumns({ positions: a }: WriteSection, { positions: b }: WriteSection): boolean {
  if (a === undefined || b === undefined) return a === b
  return a.length === b.length && a.every((position, i) => position === b[i])
}

/** Rows of sections by key: open addressing at half load or less. */
class SeenKeys {
  readonly #sections: readonly WriteSection[]
  /** Two words a slot: the section + 1 (0: empty), and the row. */
  readonly #slots: Int32Array

  constructor(sections: readonly WriteSection[]) {
    const rowCount = sections.reduce((sum, { keys }) => sum + keys.count, 0)
    this.#sections = sections
    this.#slots = new Int32Array(2 * 2 ** Math.ceil(Math.log2(Math.max(2, rowCount * 2))))
  }

  /** False: its key is there already. */
  add(index: number, row: number): boolean {
    const slots = this.#slots
    const mask = slots.length - 1
    const section = this.#sections[index] as WriteSection
    const hash = section.hashes[row] as number
    let at = (hash << 1) & mask
    while (slots[at] !== 0) {
      const other = this.#sections[(slots[at] as number) - 1] as WriteSection
      const otherRow = slots[at + 1] as number
      const isSame =
        other.hashes[otherRow] === hash && other.tablet === section.tablet && compareKeys(other.keys, otherRow, section.keys, row) === 0
      if (isSame) return false
      at = (at + 2) & mask
    }
    slots[at] = index + 1
    slots[at + 1] = row
    return true
  }
}
