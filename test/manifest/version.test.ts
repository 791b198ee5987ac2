import test from 'ava'
import { InvariantError } from '../../src/base/errors.ts'
import { decodeEdit, encodeEdit } from '../../src/manifest/edit-codec.ts'
import { Version } from '../../src/manifest/version.ts'
import { VersionBuilder } from '../../src/manifest/version-builder.ts'
import { edit, file, flush, table } from './edits.ts'

const where = { path: 'M', offset: 0 }
const one = Version.empty.apply(edit({ tables: [table(1)] }))

test('an edit makes the next version and leaves the one before as it was', (t) => {
  const two = one.apply(flush(7))
  t.deepEqual([...one.liveFiles()], [])
  t.deepEqual([...two.liveFiles()], [file(7)])
  t.is(two.tablet(1, 0).rowsets.get(7)?.flushedThroughOp, 7)
  t.is(two.tablet(1, 0).state.flushedGeneration, 7)
  t.is(one.tablet(1, 0).state.flushedGeneration, 0)
  t.is(two.tablesByName.get('t1')?.tableId, 1)
  t.is(two.tables, one.tables, 'what an edit did not touch is shared')
})

test('a rowset keeps its redo files in the order of their ops, also after some were replaced', (t) => {
  const redo = (n: number, flushedThroughOp: number) => file(n, { role: 'redo', rowset: 7, flushedThroughOp })
  const before = one
    .apply(flush(7))
    .apply(edit({ addedFiles: [redo(8, 10), redo(9, 11), redo(10, 12), file(11, { role: 'undo', rowset: 7 })] }))
  const after = before.apply(edit({ removedFiles: [8, 9], addedFiles: [redo(12, 11)] }))
  const rowset = after.tablet(1, 0).rowsets.get(7)
  t.deepEqual(
    rowset?.redo.map((f) => f.fileNumber),
    [12, 10],
  )
  t.is(rowset?.flushedThroughOp, 12)
  t.deepEqual(
    rowset?.undo.map((f) => f.fileNumber),
    [11],
  )
})

test('dropping a table drops its files', (t) => {
  const two = one
    .apply(edit({ tables: [table(2)] }))
    .apply(flush(7))
    .apply(edit({ addedFiles: [file(8, { tableId: 2 })] }))
  const three = two.apply(edit({ droppedTables: [1] }))
  t.deepEqual(
    [...three.liveFiles()].map((f) => f.fileNumber),
    [8],
  )
  t.is(three.tablet(1, 0).rowsets.size, 0)
  t.is(two.files.size, 2)
})

test('counters only rise', (t) => {
  const high = one.apply(edit({ lastOpId: 50, lastTimestamp: 60, nextFileNumber: 2000, logSyncedThrough: 40 }))
  const next = high.apply(edit({ lastOpId: 5 }))
  t.deepEqual([next.lastOpId, next.lastTimestamp, next.nextFileNumber, next.nextTableId, next.logSyncedThrough], [50, 60, 2000, 100, 40])
})

const misfits = {
  'adds a file twice': [flush(7), flush(7)],
  'removes an unknown file': [edit({ removedFiles: [3] })],
  'adds a file to an unknown table': [edit({ addedFiles: [file(7, { tableId: 9 })] })],
  'adds a file whose number was never given out': [flush(1000)],
  'drops an unknown table': [edit({ droppedTables: [9] })],
  'changes a table without raising its version': [edit({ tables: [table(1)] })],
  'gives two tables one name': [edit({ tables: [table(2, 't1')] })],
  'leaves a rowset without its base': [flush(7, { addedFiles: [file(7, { role: 'redo' })] })],
  'leaves a rowset with two bases': [flush(7), edit({ addedFiles: [file(8, { rowset: 7 })] })],
}
for (const [title, edits] of Object.entries(misfits)) {
  test(`an edit that ${title} is refused`, (t) => {
    const last = edits.at(-1)
    const before = edits.slice(0, -1).reduce((version, e) => version.apply(e), one)
    t.throws(() => before.apply(last as never), { instanceOf: InvariantError })
  })
}

const deltas = { updates: [[2, 10]], deletes: 3, lives: 0, minRow: 4, maxRow: 700 } as const

test('of two edits made side by side, the one that is applied later takes nothing back', (t) => {
  const flushed = { tableId: 1, tablet: 0, flushedGeneration: 3, flushedCut: 30, historyHorizon: 4 }
  const compacted = { ...flushed, flushedGeneration: 2, flushedCut: 20, historyHorizon: 5 }
  for (const [first, second] of [
    [flushed, compacted],
    [compacted, flushed],
  ] as const) {
    const version = one.apply(edit({ tablets: [first] })).apply(edit({ tablets: [second] }))
    t.deepEqual(version.tablet(1, 0).state, { ...flushed, historyHorizon: 5 })
  }
})

test('a snapshot edit, written and read back, makes the same version', (t) => {
  const version = one
    .apply(edit({ tables: [table(2)] }))
    .apply(flush(7))
    .apply(flush(8, { lastTimestamp: 99, logSyncedThrough: 8, logNeededFrom: { opId: 5, segment: 3 } }))
    .apply(edit({ addedFiles: [file(9, { role: 'redo', rowset: 7, deltas })] }))
  const bytes = encodeEdit(version.snapshotEdit(123))
  t.is(bytes.length % 8, 0)
  const copy = Version.empty.apply(decodeEdit(bytes, where))
  t.deepEqual(copy.tables, version.tables)
  t.deepEqual(copy.tablets, version.tablets)
  t.deepEqual(copy.files, version.files)
  t.deepEqual(copy.snapshotEdit(1), version.snapshotEdit(1))
  t.deepEqual(copy.logNeededFrom, { opId: 5, segment: 3 })
})

test('what is JSON and yet no edit is CORRUPTION that says where', (t) => {
  const good = edit({ addedFiles: [file(7)] })
  const bad = [
    {},
    null,
    { ...good, lastOpId: -1 },
    { ...good, addedFiles: {} },
    { ...good, addedFiles: [{ ...file(7), role: 'x' }] },
    { ...good, addedFiles: [{ ...file(7), deltas: null }] },
    { ...good, addedFiles: [{ ...file(7), deltas: { ...deltas, minRow: -1 } }] },
    { ...good, addedFiles: [{ ...file(7), deltas: { ...deltas, updates: [[2]] } }] },
    { ...good, addedFiles: [{ ...file(7), deltas: { ...deltas, updates: {} } }] },
    { ...good, reason: undefined },
    { ...good, logNeededFrom: null },
    { ...good, logNeededFrom: { opId: 5 } },
    { ...good, logNeededFrom: { opId: 5, segment: -1 } },
  ]
  for (const value of bad) {
    const bytes = new TextEncoder().encode(JSON.stringify(value))
    const error = t.throws(() => decodeEdit(bytes, { path: 'M', offset: 40 }), { code: 'CORRUPTION' })
    t.regex(error?.message ?? '', /M is damaged.*offset 40/)
  }
  t.throws(() => decodeEdit(new Uint8Array([1, 2]), where), { code: 'CORRUPTION' })
})

test('a manifest of ten thousand edits is read in time proportional to its length', (t) => {
  const time = (count: number) => {
    const files = Array.from({ length: count }, (_, i) => encodeEdit(flush(i + 1, { nextFileNumber: 20_000 })))
    const startMs = performance.now()
    const builder = new VersionBuilder(one)
    for (const bytes of files) builder.apply(decodeEdit(bytes, where))
    t.is(builder.build().files.size, count)
    return performance.now() - startMs
  }
  time(500)
  const ratio = time(10_000) / time(1000)
  t.true(ratio < 40, `ten times the edits took ${ratio.toFixed(1)} times as long`)
})
