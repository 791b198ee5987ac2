import test, { type ExecutionContext } from 'ava'
import { deltaSchema } from '../../../src/rowset/delta-schema.ts'
import { MemoryVfs } from '../../../src/vfs/memory-vfs.ts'
import { problemsOf } from '../../sstable/fixtures/tables.ts'
import { firstDifference } from '../support/random-table.ts'
import { RandomHistory } from './support/random-history.ts'
import { RowSetDisk } from './support/rowset-files.ts'
import { ScatteredRows } from './support/scattered-rows.ts'

const seed = Number(process.env['VARVE_SEED'] ?? 20_260_728)

async function checkReads(t: ExecutionContext, rows: ScatteredRows, horizon: number, what: string) {
  const readAt = await rows.reader()
  for (const time of rows.history.timesFrom(horizon)) {
    const truth = rows.history.truthAt(time).filter((row) => row !== undefined)
    const difference = firstDifference(readAt(time), truth)
    if (difference !== undefined) return t.fail(`${what}: at ${time}, ${difference}`)
  }
  return t.pass()
}

for (let round = 0; round < 12; round++) {
  test(`after any merge, every snapshot from the horizon on reads what it read before (${round})`, async (t) => {
    t.log(`VARVE_SEED=${seed}`)
    const history = new RandomHistory(seed + round, { rowCount: 60, rowsPerGroup: 8 })
    const { random } = history
    const rows = new ScatteredRows(new RowSetDisk(new MemoryVfs()), history)
    if (random.below(3) === 0) history.alter()
    await rows.flush(10 + random.below(60), 1 + random.below(4))
    let horizon = 20
    for (let step = 0; step < 4; step++) {
      if (random.below(4) === 0) history.alter()
      for (let i = random.below(4); i > 0; i--) {
        await rows.change(5 + random.below(60))
        if (random.below(3) > 0) horizon += random.below(history.time - horizon + 1)
        const o = { schema: history.schema, horizon, rowsPerGroup: 8 }
        for (let k = random.below(3); k > 0; k--) await rows.compactSome(o)
      }
      await checkReads(t, rows, horizon, `step ${step}, before`)
      if (random.below(3) > 0) horizon += random.below(history.time - horizon + 1)
      const rowsPerOutput = 5 + random.below(60)
      const o = { schema: history.schema, horizon, rowsPerGroup: 4 + random.below(20), codec: random.below(2) === 0 ? 'none' : 'deflate' }
      const { rowsets, forgottenThrough } = await rows.merge({ ...o, rowsPerOutput })
      t.true(forgottenThrough <= horizon)
      for (const [i, { base }] of rowsets.entries())
        t.is(base.rows <= rowsPerOutput && (i === rowsets.length - 1 || base.rows === rowsPerOutput), true)
      for (const files of rows.rowsets) {
        t.deepEqual(await problemsOf(await rows.disk.open(files.base, history.schema)), [])
        for (const number of [...files.undo, ...files.redo])
          t.deepEqual(await problemsOf(await rows.disk.open(number, deltaSchema(history.schema).schema)), [])
      }
      await checkReads(t, rows, horizon, `step ${step}, merged`)
    }
  })
}
