import { isDeepStrictEqual } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import type { DeltaFileSummary } from '../../../src/rowset/delta-file-writer.ts'
import { deltaOps, deltaSchema } from '../../../src/rowset/delta-schema.ts'
import { MemoryVfs } from '../../../src/vfs/memory-vfs.ts'
import { problemsOf } from '../../sstable/fixtures/tables.ts'
import { firstDifference } from '../support/random-table.ts'
import { majorCompaction, minorCompaction } from './support/compactions.ts'
import { RandomHistory } from './support/random-history.ts'
import { type FileChange, pathOf, RowSetDisk, type RowSetFiles, readAt, readRowSet } from './support/rowset-files.ts'

const seed = Number(process.env['VARVE_SEED'] ?? 20_260_727)

/** Every snapshot at or after the horizon reads the truth, by a plain model of reading and by the product's own. */
async function checkReads(
  t: ExecutionContext,
  disk: RowSetDisk,
  files: RowSetFiles,
  history: RandomHistory,
  horizon: number,
  what: string,
) {
  const content = await readRowSet(disk, files, history.schema)
  for (const time of history.timesFrom(horizon)) {
    const difference = firstDifference(readAt(content, time), history.truthAt(time))
    if (difference !== undefined) return t.fail(`${what}: at ${time}, ${difference}`)
  }
  for (const time of [horizon, history.time]) {
    const expected = history.truthAt(time).filter((row) => row !== undefined)
    const difference = firstDifference(disk.scan(files, history.schema, time), expected)
    if (difference !== undefined) return t.fail(`${what}: a scan at ${time}, ${difference}`)
  }
  return t.pass()
}

/** What is known of a file is what is in it, and its structure is sound. */
async function checkFile(t: ExecutionContext, disk: RowSetDisk, fileNumber: number, history: RandomHistory, summary: DeltaFileSummary) {
  t.deepEqual(await problemsOf(await disk.open(fileNumber, deltaSchema(history.schema).schema)), [])
  const changes = await disk.readDeltas(fileNumber, history.schema)
  const count = (claim: (change: FileChange) => boolean) => changes.filter(claim).length
  const updates = history.schema.columns.flatMap(({ id }, position) => {
    const setters = history.schema.keyColumns.includes(position) ? 0 : count(({ values }) => values[position] !== undefined)
    return setters === 0 ? [] : [[id, setters]]
  })
  const rows = changes.map(({ row }) => row)
  const times = changes.map(({ time }) => time)
  t.deepEqual(summary.deltas, {
    updates: updates as [number, number][],
    deletes: count(({ op }) => op === deltaOps.delete),
    lives: count(({ op }) => op === deltaOps.live),
    minRow: Math.min(...rows),
    maxRow: Math.max(...rows),
  })
  t.deepEqual([summary.rows, summary.minTimestamp, summary.maxTimestamp], [rows.length, Math.min(...times), Math.max(...times)])
  t.is(summary.sizeBytes, (await disk.vfs.stat(pathOf(fileNumber)))?.sizeBytes as number)
  const truth = history.truthAt(20)
  // Every change says on its own whose row it changes.
  for (const { row, values } of changes)
    if (!isDeepStrictEqual(values.slice(0, 2), truth[row]?.slice(0, 2))) t.fail(`row ${row} has another key`)
  t.true(
    changes.every(({ op, values }) => op !== deltaOps.update || values.slice(2).some((value) => value !== undefined)),
    'an update sets nothing',
  )
}

for (let round = 0; round < 8; round++) {
  test(`after any compactions, every snapshot from the horizon on reads what it read before (${round})`, async (t) => {
    t.log(`VARVE_SEED=${seed}`)
    const history = new RandomHistory(seed + round, { rowCount: 40, rowsPerGroup: 16 })
    const { random } = history
    const disk = new RowSetDisk(new MemoryVfs())
    if (random.below(3) === 0) history.alter()
    let files = await history.flush(disk, 10 + random.below(60))
    let horizon = 20
    for (let step = 0; step < 6; step++) {
      if (random.below(4) === 0) history.alter()
      while (files.redo.length < 3) files = { ...files, redo: [...files.redo, await history.change(disk, 5 + random.below(60))] }
      await checkReads(t, disk, files, history, horizon, `step ${step}, before`)
      if (random.below(2) === 0) horizon += random.below(Math.ceil((history.time - horizon) / 2))
      const o = { schema: history.schema, horizon, rowsPerGroup: 8 + random.below(20), codec: random.below(2) === 0 ? 'none' : 'deflate' }
      const kind = random.below(2) === 0 || files.undo.length === 0 ? 'redo' : 'undo'
      if (random.below(2) === 0) {
        const from = random.below(files[kind].length)
        const to = kind === 'undo' ? files.undo.length : from + 1 + random.below(files[kind].length - from)
        const before = (await readRowSet(disk, files, history.schema))[kind]
        const { output, files: after } = await minorCompaction(disk, files, { ...o, kind, from, to })
        if (output.file !== undefined) await checkFile(t, disk, after[kind][from] as number, history, output.file)
        t.true(output.forgottenThrough <= horizon)
        t.true((await readRowSet(disk, after, history.schema))[kind].length <= before.length)
        await checkReads(t, disk, after, history, horizon, `step ${step}, ${kind} ${from}–${to} merged`)
        files = after
      } else {
        const values = history.schema.columns.slice(2).map(({ id }) => id)
        const columns = values.filter(() => random.below(3) === 0)
        if (columns.length === 0) columns.push(values[0] as number)
        const runLength = random.below(files.redo.length + 1)
        const { output, files: after } = await majorCompaction(disk, files, { ...o, columns, runLength })
        if (output.redo !== undefined) await checkFile(t, disk, after.redo[0] as number, history, output.redo)
        if (output.undo !== undefined) await checkFile(t, disk, after.undo.at(-1) as number, history, output.undo)
        t.deepEqual(await problemsOf(await disk.open(after.base, history.schema)), [])
        t.true(output.forgottenThrough <= horizon)
        await checkReads(t, disk, after, history, horizon, `step ${step}, columns ${columns} of ${runLength} files`)
        files = after
      }
    }
  })
}
