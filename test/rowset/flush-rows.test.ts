import test from 'ava'
import { ChunkPool } from '../../src/rowset/chunk-pool.ts'
import { DiskBatch } from '../../src/rowset/disk-batch.ts'
import { type FlushInput, flushRows } from '../../src/rowset/flush-rows.ts'
import { MemRowSet } from '../../src/rowset/mem-rowset.ts'
import type { TableSchema } from '../../src/schema/table-schema.ts'
import { FileHandles } from '../../src/sstable/file-handles.ts'
import { SSTableReader } from '../../src/sstable/sstable-reader.ts'
import { MemoryVfs } from '../../src/vfs/memory-vfs.ts'
import { MapCache } from './support/caches.ts'
import {
  byKey,
  firstDifference,
  fixedKeySchema,
  type ModelRow,
  RandomTable,
  readBatches,
  variableKeySchema,
} from './support/random-table.ts'

function filled(schema: TableSchema, seed: number, batches = 6, rowsPerBatch = 700) {
  const table = new RandomTable(schema, seed)
  const store = new MemRowSet({ schema, generation: 1, chunks: new ChunkPool() })
  const model: ModelRow[] = []
  for (let i = 0; i < batches; i++) {
    const { block, keys, hashes, rows, keyHexes } = table.batch(rowsPerBatch)
    store.append(block, keys, hashes, { timestamp: 10 + i, opId: i })
    rows.forEach((row, at) => model.push({ row, keyHex: keyHexes[at] as string, timestamp: 10 + i }))
  }
  return { store, model: model.sort(byKey) }
}

function inputFor(store: MemRowSet, vfs: MemoryVfs, rowsPerOutput: number): FlushInput {
  const outputs = Array.from({ length: Math.ceil(store.rowCount / rowsPerOutput) }, (_, i) => ({ path: `${i}.sst` }))
  // As a worker would be given it.
  return { ...structuredClone({ frozen: store.freeze(), rowsPerOutput, outputs }), vfs: vfs.handle(), rowsPerGroup: 256 }
}

async function readTable(schema: TableSchema, vfs: MemoryVfs, fileNumber: number, path: string) {
  const reader = new SSTableReader({ fileNumber, path, schema, cache: new MapCache(), files: new FileHandles(vfs) })
  await reader.open()
  const groups = Array.from({ length: reader.groupCount }, (_, group) => group)
  const rows = readBatches(
    schema,
    groups.map((group) => new DiskBatch({ reader, group, cut: undefined, timestampMax: undefined })),
  )
  return { rows, timestamps: groups.flatMap((group) => [...reader.loadTimestampsSync(group)]) }
}

for (const [name, schema] of [
  ['fixed', fixedKeySchema],
  ['variable', variableKeySchema],
] as const) {
  test(`rows with ${name} keys come out in key order, complete, in tables of bounded size that do not overlap`, async (t) => {
    const { store, model } = filled(schema, 17)
    const vfs = new MemoryVfs()
    const written = await flushRows(inputFor(store, vfs, 1000))
    const summaries = written.rowsets.map(({ base }) => base)
    t.deepEqual(
      summaries.map(({ rows }) => rows),
      [1000, 1000, 1000, 1000, 200],
    )
    const rows = []
    const timestamps = []
    for (const [i, summary] of summaries.entries()) {
      const table = await readTable(schema, vfs, i, `${i}.sst`)
      const expected = model.slice(i * 1000, i * 1000 + summary.rows)
      t.is(Buffer.from(summary.minKey).toString('hex'), expected[0]?.keyHex as string)
      t.is(Buffer.from(summary.maxKey).toString('hex'), expected.at(-1)?.keyHex as string)
      t.deepEqual([summary.minTimestamp, summary.maxTimestamp], [Math.min(...table.timestamps), Math.max(...table.timestamps)])
      t.is(summary.sizeBytes, (await vfs.stat(`${i}.sst`))?.sizeBytes as number)
      rows.push(...table.rows)
      timestamps.push(...table.timestamps)
    }
    t.is(
      firstDifference(
        rows,
        model.map(({ row, keyHex }) => ({ row, keyHex })),
      ),
      undefined,
    )
    t.is(
      firstDifference(
        timestamps,
        model.map(({ timestamp }) => timestamp),
      ),
      undefined,
    )
  })
}

test('a flush that fails, at whatever call, leaves no file behind', async (t) => {
  const { store } = filled(variableKeySchema, 3)
  let failed = 0
  for (let nth = 1; nth <= 40; nth++) {
    const vfs = new MemoryVfs()
    const fault = vfs.inject({ op: ['create', 'append', 'sync'], nth, error: 'EIO' })
    try {
      await flushRows(inputFor(store, vfs, 1500))
    } catch (thrown) {
      failed++
      t.is((thrown as { code?: string }).code, 'EIO')
      t.deepEqual(await vfs.list('.'), [])
    }
    fault[Symbol.dispose]()
  }
  t.true(failed >= 9, `${failed} calls failed`)
})

test('a full disk is DISK_FULL, and leaves no file behind', async (t) => {
  const { store } = filled(variableKeySchema, 4)
  const vfs = new MemoryVfs({ capacityBytes: 50_000 })
  await t.throwsAsync(flushRows(inputFor(store, vfs, 1500)), { code: 'DISK_FULL' })
  t.deepEqual(await vfs.list('.'), [])
  const none = new MemoryVfs()
  none.inject({ op: 'create', error: 'ENOSPC' })
  await t.throwsAsync(flushRows(inputFor(store, none, 1500)), { code: 'DISK_FULL' })
})

test('a flush that is cancelled stops before its next row group and leaves no file behind', async (t) => {
  const { store } = filled(variableKeySchema, 5)
  const vfs = new MemoryVfs()
  const controller = new AbortController()
  const flushing = flushRows(inputFor(store, vfs, 1500), controller.signal)
  setImmediate(() => setImmediate(() => controller.abort()))
  await t.throwsAsync(flushing, { code: 'ABORTED' })
  t.deepEqual(await vfs.list('.'), [])
  const early = new AbortController()
  early.abort()
  await t.throwsAsync(flushRows(inputFor(store, vfs, 1500), early.signal), { code: 'ABORTED' })
})

test('a flush that is given too few outputs is misuse', async (t) => {
  const { store } = filled(variableKeySchema, 6, 1, 10)
  const vfs = new MemoryVfs()
  await t.throwsAsync(flushRows({ ...inputFor(store, vfs, 4), outputs: [{ path: 'a' }] }), { instanceOf: TypeError })
})
