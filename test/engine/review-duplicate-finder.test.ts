import test from 'ava'
import { findDuplicate } from '../../src/engine/duplicate-finder.ts'
import type { WriteSection } from '../../src/engine/write.ts'
import { encodeKeys, hashKeys } from '../../src/schema/key-encoding.ts'
import { rowEncoder } from '../../src/schema/row-encoder.ts'
import { schemaFromDefinition } from '../../src/schema/table-definition.ts'
import type { Tablet } from '../../src/tablet/tablet.ts'
import { rowsFrom, small } from './kit.ts'

const schema = schemaFromDefinition(small, { tableId: 1 })
const tablet = {} as Tablet

function sectionOf(rows: object[], firstRow: number): WriteSection {
  const block = rowEncoder(schema).encode(rows)
  const keys = encodeKeys(schema, block)
  return {
    tablet,
    ifAbsent: 'insert',
    ifPresent: 'refuse',
    positions: undefined,
    rows: block,
    keys,
    hashes: hashKeys(keys),
    inputRows: undefined,
    firstRow,
  }
}

test('looking for duplicates stops in every section, ascending or not, so that the event loop can be let through', (t) => {
  const sections = Array.from({ length: 20 }, (_, i) => sectionOf(rowsFrom(i * 100, 100), i * 100))
  const ascending = [...findDuplicate(sections)]
  t.true(ascending.length >= 19)
  const withTwins = [...sections.slice(1), sections[0] as WriteSection, sectionOf(rowsFrom(5), 2000)]
  const steps = findDuplicate(withTwins)
  let count = 0
  let step = steps.next()
  for (; !step.done; step = steps.next()) count++
  t.true(count >= 2 * withTwins.length, `${count} steps`)
  t.deepEqual([step.value?.section, step.value?.row], [withTwins.at(-1), 0])
})
