import test from 'ava'
import type { DeltaMemStore } from '../../src/rowset/delta-mem-store.ts'
import type { TableSchema } from '../../src/schema/table-schema.ts'
import { CarryOver } from '../../src/tablet/carry-over.ts'

test('a round ends, though with each part of it that is carried over another change comes', async (t) => {
  let changeCount = 1
  const source = {
    get changeCount() {
      return changeCount
    },
    blocks: () => {
      if (changeCount < 10_000) changeCount++
      return []
    },
  }
  const carry = new CarryOver({ schema: {} as TableSchema, outputs: [], append: () => undefined })
  await carry.rounds(() => [source as unknown as DeltaMemStore])
  t.is(changeCount, 2, 'what is left is few enough for the installation')
})
