import test from 'ava'
import type { RowBlock } from '../../src/schema/column-vector.ts'
import { MemoryVfs } from '../../src/vfs/memory-vfs.ts'
import { decodeBatch } from '../../src/wal/batch-decoder.ts'
import { BatchEncoder } from '../../src/wal/batch-encoder.ts'
import type { LogSection, SectionKind, SectionPlace } from '../../src/wal/batch-format.ts'
import { frameHeaderBytes } from '../../src/wal/frame.ts'
import { inspectWal } from '../../src/wal/inspect-wal.ts'
import { openWal, place, recover, rows } from './log-kit.ts'

const disk = { target: 'disk', tableId: 2, tablet: 3, schemaVersion: 5 } as const

/** Rows of one int32 column, the key. */
function keysBlock(...keys: number[]): RowBlock {
  return { rowCount: keys.length, columns: [{ form: 'fixed', length: keys.length, values: Int32Array.from(keys), nulls: undefined }] }
}

/** A batch's payload. */
function payload(sections: readonly [SectionKind, SectionPlace, RowBlock][]): Uint8Array {
  const encoder = new BatchEncoder(1 << 20)
  encoder.begin(7, 9)
  for (const [kind, where, block] of sections) encoder.section(kind, where, block)
  encoder.end()
  return encoder.seal({ seed: 1, position: 64, syncedBytes: 0, predecessor: 0 }).slice(frameHeaderBytes)
}

function decode(bytes: Uint8Array): readonly LogSection[] {
  return decodeBatch(bytes, { start: 0, end: bytes.length, path: 'x.wal', offset: 64 }).sections
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

test('a delete and an update are the bytes that the format says, for good', (t) => {
  const bytes = payload([
    ['delete', { ...disk, columnIds: [4] }, keysBlock(-1)],
    ['update', { ...place, generation: 6, columnIds: [1, 3] }, { rowCount: 1, columns: [...keysBlock(5).columns, nullString] }],
  ])
  t.is(
    hex(bytes),
    [
      // Op id, timestamp, two sections.
      '07000000000000000900000000000000' + '0200000000000000',
      // 88 bytes, delete, disk, one column, table, tablet, no generation, schema version, one row, the block at 48.
      '58000000' + '03010100' + '02000000' + '03000000' + '0000000000000000' + '05000000' + '01000000' + '30000000' + '00000000',
      '04000000' + '00000000',
      // The block: 40 bytes, one row, one column; fixed, int32; −1.
      '28000000' + '01000000' + '01000000' + '00000000' + '00030000' + '00000000' + '00000000' + '00000000' + 'ffffffff00000000',
      // 120 bytes, update, memory, two columns; the block at 48.
      '78000000' + '02000200' + '01000000' + '00000000' + '0600000000000000' + '01000000' + '01000000' + '30000000' + '00000000',
      '01000000' + '03000000',
      '48000000' + '01000000' + '02000000' + '00000000' + '00030000' + '00000000' + '00000000' + '00000000' + '0500000000000000',
      // Bytes, with nulls: a mark, offsets, nothing.
      '01000100' + '00000000' + '00000000' + '00000000' + '0100000000000000' + '0000000000000000',
    ].join(''),
  )
})

const nullString = {
  form: 'bytes',
  length: 1,
  offsets: new Uint32Array(2),
  bytes: new Uint8Array(0),
  nulls: Uint8Array.of(1),
} as const

test('the code of each kind stays', (t) => {
  const kinds = ['insert', 'update', 'delete', 'live'] as const
  const codes = kinds.map((kind) => payload([[kind, { ...disk, columnIds: [4] }, keysBlock(1)]])[24 + 4])
  t.deepEqual(codes, [1, 2, 3, 4])
})

test('every kind comes back, with its target and the columns that it names', (t) => {
  const sections: [SectionKind, SectionPlace, RowBlock][] = [
    ['insert', place, rows(0)],
    ['update', { ...disk, columnIds: [1, 2] }, rows(5, 2)],
    ['delete', { ...place, generation: 2 ** 40, columnIds: [1] }, keysBlock(1, 2, 3)],
    ['live', { ...disk, columnIds: [1, 2] }, rows(9, 1)],
  ]
  t.deepEqual(
    decode(payload(sections)),
    sections.map(([kind, where, block]) => ({ kind, ...where, rows: block })),
  )
})

test('a kind that no version has written is CORRUPTION', (t) => {
  for (const code of [0, 5, 255]) {
    const bytes = payload([['delete', { ...disk, columnIds: [4] }, keysBlock(1)]])
    bytes[24 + 4] = code
    t.throws(() => decode(bytes), { code: 'CORRUPTION', message: /a section of an unknown kind/ })
  }
})

test('a log of changes is recovered and described', async (t) => {
  const vfs = new MemoryVfs()
  const wal = await openWal(vfs)
  wal.begin(1, 10)
  wal.section('insert', place, rows(0))
  wal.end()
  wal.begin(2, 20)
  wal.section('delete', { ...place, columnIds: [1] }, keysBlock(1, 2))
  wal.section('live', { ...disk, columnIds: [1, 2] }, rows(3, 1))
  wal.section('update', { ...disk, columnIds: [1, 2] }, rows(4, 2))
  wal.end()
  await wal.commit()
  const kinds: string[] = []
  await recover(vfs, { onBatch: ({ sections }) => void kinds.push(...sections.map(({ kind }) => kind)) })
  t.deepEqual(kinds, ['insert', 'delete', 'live', 'update'])
  const { batches } = await inspectWal('000001.wal', await vfs.readFile('/db/000001.wal'))
  t.deepEqual(
    batches[1]?.sections.map(({ kind, target, columnIds, rows: count }) => [kind, target, columnIds, count]),
    [
      ['delete', 'memory', [1], 2],
      ['live', 'disk', [1, 2], 1],
      ['update', 'disk', [1, 2], 2],
    ],
  )
})
