/** Calls that name a key several times: their changes apply in order, which for changes of one kind means that later values win. */
import type { ChangeBlock } from '../schema/change-encoder.ts'
import { keyBytes, keyLayout } from '../schema/key-encoding.ts'
import { findDuplicate } from './duplicate-finder.ts'
import { inputRow, type WriteSection } from './write.ts'

/** Whether some key comes twice. */
export function hasSameKey(sections: readonly WriteSection[]): boolean {
  const steps = findDuplicate(sections)
  let step = steps.next()
  while (!step.done) step = steps.next()
  return step.value !== undefined
}

/** Of what was given, rows or keys, the first with each key, in the order of their coming. */
export function firstOfEachKey<G>(given: readonly G[], sections: readonly WriteSection[]): G[] {
  return Array.from(byKey(sections).values(), ([first]) => given[first as number] as G)
}

/** Rows that name one key become one row, later values over earlier ones. */
export function encodeMerged(
  rows: readonly object[],
  sections: readonly WriteSection[],
  encode: (rows: readonly object[], from: number, to: number) => ChangeBlock[],
): ChangeBlock[] {
  const merged = Array.from(
    byKey(sections).values(),
    (places) => Object.assign({}, ...places.map((place) => given(rows[place] as object))) as object,
  )
  return encode(merged, 0, merged.length)
}

/** Where each key stands in the caller's input, ascending. */
function byKey(sections: readonly WriteSection[]): Map<string, number[]> {
  const places: [place: number, key: string][] = []
  for (const section of sections) {
    const layout = keyLayout(section.tablet.schema)
    for (let i = 0; i < section.keys.count; i++) {
      places.push([inputRow(section, i), Buffer.from(keyBytes(section.keys, i, layout)).toString('latin1')])
    }
  }
  const keys = new Map<string, number[]>()
  for (const [place, key] of places.sort(([a], [b]) => a - b)) {
    const earlier = keys.get(key)
    if (earlier) earlier.push(place)
    else keys.set(key, [place])
  }
  return keys
}

/** What a row gives: a property that is undefined is not given. */
function given(row: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined))
}
