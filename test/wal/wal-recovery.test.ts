import test from 'ava'
import { SeededRandom } from '../../src/base/seeded-random.ts'
import { MemoryVfs } from '../../src/vfs/memory-vfs.ts'
import { BatchEncoder } from '../../src/wal/batch-encoder.ts'
import { frameHeaderBytes, sealFrame } from '../../src/wal/frame.ts'
import { decodeSegmentHeader, segmentSeed } from '../../src/wal/segment-header.ts'
import { directory, openWal, place, put, recover, rows, upTo } from './log-kit.ts'

const path = (n: number) => `/db/${String(n).padStart(6, '0')}.wal`
const sizeOf = async (vfs: MemoryVfs, n: number) => (await vfs.stat(path(n)))?.sizeBytes as number

/** A log of `segments` segments of two batches each, killed. */
async function written(segments: number): Promise<MemoryVfs> {
  const vfs = new MemoryVfs()
  const wal = await openWal(vfs)
  for (let i = 0; i < segments; i++) {
    if (i > 0) await wal.roll()
    await put(wal, 2 * i + 1)
    await put(wal, 2 * i + 2)
  }
  return vfs.crash({ mode: 'kill' })
}

test('no log is an empty log', async (t) => {
  const vfs = new MemoryVfs()
  await vfs.makeDirectory(directory)
  const { ops, segments, lastOpId } = await recover(vfs)
  t.deepEqual([ops, segments, lastOpId], [[], [], 0])
})

test('a segment that came back without its successor is not used, and is deleted', async (t) => {
  const vfs = await written(3)
  const before = vfs.clone()
  await vfs.remove(path(2))
  const { ops, strays } = await recover(vfs)
  t.deepEqual(ops, [5, 6], 'ops 1 and 2 must not come back without 3 and 4')
  t.deepEqual(
    strays.map(({ fileNumber }) => fileNumber),
    [1],
  )
  t.deepEqual(await vfs.list(directory), ['000003.wal'])
  t.deepEqual((await recover(before)).ops, upTo(6), 'whereas the whole chain is used')
})

test('a newest segment whose creation was cut short is dropped', async (t) => {
  for (const size of [0, 10, 63]) {
    const vfs = await written(2)
    const file = await vfs.create(path(3))
    await file.append(new Uint8Array(size).fill(7))
    const { ops, strays, segments } = await recover(vfs)
    t.deepEqual(ops, upTo(4))
    t.deepEqual([strays.map((s) => s.fileNumber), segments.length, (await vfs.list(directory)).length], [[3], 2, 2])
  }
})

test('a newest segment with a damaged header and records behind it is CORRUPTION', async (t) => {
  const vfs = await written(2)
  vfs.mutate(path(2), 20, 1)
  const error = await t.throwsAsync(recover(vfs), { code: 'CORRUPTION' })
  t.regex(error?.message ?? '', /000002\.wal is damaged at offset 0/)
})

test('a torn tail is cut off, durably, before anything new is written', async (t) => {
  const vfs = await written(1)
  const size = await sizeOf(vfs, 1)
  const file = await vfs.openAppend(path(1))
  await file.append(new Uint8Array(100).fill(9))
  await file.close()
  const first = await recover(vfs)
  t.deepEqual(first.cut && [first.cut.path, first.cut.offset, first.cut.droppedBytes], [path(1), size, 100])
  t.is(await sizeOf(vfs, 1), size)
  const wal = await openWal(vfs, { segments: first.segments })
  await put(wal, 3)
  for (let seed = 0; seed < 20; seed++) {
    const after = vfs.clone().crash({ mode: 'power', random: new SeededRandom(seed) })
    const { ops } = await recover(after)
    t.deepEqual(ops.slice(0, 2), [1, 2], `seed ${seed}`)
  }
})

test('recovery syncs the log that it kept', async (t) => {
  const vfs = await written(1)
  const before = vfs.clone().crash({ mode: 'power', random: { next: () => 0, below: () => 0 } })
  t.deepEqual((await recover(before)).ops, [], 'nothing was synced yet')
  await recover(vfs)
  for (let seed = 0; seed < 20; seed++)
    t.deepEqual((await recover(vfs.clone().crash({ mode: 'power', random: new SeededRandom(seed) }))).ops, [1, 2])
})

test('damage below what a later record says was synced is CORRUPTION with file and offset; above it the log is cut', async (t) => {
  const vfs = new MemoryVfs()
  const wal = await openWal(vfs)
  await put(wal, 1)
  const second = await sizeOf(vfs, 1)
  await put(wal, 2)
  const third = await sizeOf(vfs, 1)
  await put(wal, 3)
  const unsynced = vfs.clone()
  unsynced.mutate(path(1), second + 40, 1)
  const { ops, cut } = await recover(unsynced)
  t.deepEqual([ops, cut?.offset], [[1], second], 'never synced: cut, though record 3 is whole')

  await wal.sync()
  await put(wal, 4)
  vfs.mutate(path(1), second + 40, 1)
  const error = await t.throwsAsync(recover(vfs), { code: 'CORRUPTION' })
  t.regex(error?.message ?? '', new RegExp(`000001\\.wal is damaged at offset ${second}: .*salvage`))
  t.deepEqual((error as unknown as { context: unknown }).context, { path: path(1), offset: second })
  t.is((await sizeOf(vfs, 1)) > third, true, 'nothing was changed')
})

test('a sync that nothing follows is known too: damage to the very last batch is CORRUPTION', async (t) => {
  const vfs = new MemoryVfs()
  const wal = await openWal(vfs)
  await put(wal, 1)
  const last = await sizeOf(vfs, 1)
  await put(wal, 2)
  await wal.sync()
  const copy = vfs.crash({ mode: 'kill' })
  copy.mutate(path(1), last + 40, 1)
  await t.throwsAsync(recover(copy), { code: 'CORRUPTION' })
})

test('damage anywhere in a segment before the newest is CORRUPTION; so is one cut short', async (t) => {
  const vfs = await written(2)
  const size = await sizeOf(vfs, 1)
  for (let offset = 0; offset < size; offset += 5) {
    const copy = vfs.clone()
    copy.mutate(path(1), offset, 16)
    await t.throwsAsync(recover(copy), { code: 'CORRUPTION' }, `offset ${offset}`)
  }
  for (let length = 0; length < size; length += 3) {
    const copy = vfs.clone()
    copy.truncateTo(path(1), length)
    await t.throwsAsync(recover(copy), { code: 'CORRUPTION' }, `length ${length}`)
  }
})

test('salvage cuts the log at damage and never skips over it', async (t) => {
  const vfs = await written(3)
  const size = await sizeOf(vfs, 2)
  for (let offset = 0; offset < size; offset += 9) {
    const copy = vfs.clone()
    copy.mutate(path(2), offset, 1)
    await t.throwsAsync(recover(copy.clone()), { code: 'CORRUPTION' })
    const { ops, cut, segments } = await recover(copy, { mode: 'salvage' })
    t.deepEqual(ops, upTo(ops.length), `offset ${offset}`)
    t.true(ops.length >= 2 && ops.length < 4, `offset ${offset}: ${ops}`)
    t.is(cut?.path, path(2))
    // What is left is sound, and can be gone on with.
    const wal = await openWal(copy, { segments, lastOpId: 10 })
    await put(wal, 11)
    t.deepEqual((await recover(copy)).ops, [...ops, 11], `offset ${offset}`)
  }
})

test('a salvage that a power cut interrupts keeps a beginning of the log', async (t) => {
  const damaged = await written(4)
  damaged.mutate(path(2), 120, 1)
  const random = new SeededRandom(5)
  const whole = damaged.clone()
  await recover(whole, { mode: 'salvage' })
  for (let call = 1; call <= whole.callCount; call++) {
    for (let i = 0; i < 4; i++) {
      const vfs = damaged.clone()
      vfs.crashAtCall(call, { share: random })
      await recover(vfs, { mode: 'salvage' }).catch(() => {})
      const { ops } = await recover(vfs.crash({ mode: 'power', random }), { mode: 'salvage' })
      t.deepEqual(ops, upTo(ops.length), `call ${call}`)
      t.true(ops.length >= 2, `call ${call}: ${ops}`)
    }
  }
})

test('reading only changes nothing', async (t) => {
  const vfs = await written(2)
  await vfs.create(path(3))
  const file = await vfs.openAppend(path(2))
  await file.append(new Uint8Array(50).fill(1))
  const before = vfs.snapshot()
  t.deepEqual((await recover(vfs, { readOnly: true })).ops, upTo(4))
  t.deepEqual(vfs.snapshot(), before)
})

test('a log that ends before what the manifest knows to be synced is CORRUPTION, even where it is whole', async (t) => {
  const vfs = await written(1)
  const manifest = { fileNumber: 9, sizeBytes: 100, lastOpId: 2, logSyncedThrough: 2, logNeededFrom: undefined }
  t.deepEqual((await recover(vfs.clone(), { manifest })).ops, [1, 2])
  await t.throwsAsync(recover(vfs.clone(), { manifest: { ...manifest, logSyncedThrough: 3 } }), {
    code: 'CORRUPTION',
    message: /ends at offset \d+ with op 2.*through op 3/,
  })
  const empty = new MemoryVfs()
  await empty.makeDirectory(directory)
  await t.throwsAsync(recover(empty, { manifest }), { code: 'CORRUPTION', message: /there is no log/ })
  t.deepEqual((await recover(vfs, { manifest: { ...manifest, logSyncedThrough: 3 }, mode: 'salvage' })).ops, [1, 2])
})

test('a log that begins after what the manifest holds is CORRUPTION', async (t) => {
  const vfs = await written(3)
  await vfs.remove(path(1))
  const manifest = { fileNumber: 9, sizeBytes: 100, lastOpId: 2, logSyncedThrough: 0, logNeededFrom: undefined }
  t.deepEqual((await recover(vfs.clone(), { manifest })).ops, [3, 4, 5, 6])
  await t.throwsAsync(recover(vfs, { manifest: { ...manifest, lastOpId: 1 } }), {
    code: 'CORRUPTION',
    message: /begins with op 3.*ends with op 1/,
  })
})

test('a manifest shorter or older than the log has seen it is CORRUPTION', async (t) => {
  const vfs = new MemoryVfs()
  const wal = await openWal(vfs, { manifest: () => ({ fileNumber: 9, sizeBytes: 100 }) })
  await put(wal, 1)
  await wal.close()
  const manifest = { fileNumber: 9, sizeBytes: 100, lastOpId: 1, logSyncedThrough: 1, logNeededFrom: undefined }
  t.deepEqual((await recover(vfs, { manifest })).ops, [1])
  t.deepEqual((await recover(vfs, { manifest: { ...manifest, fileNumber: 10, sizeBytes: 1 } })).ops, [1])
  await t.throwsAsync(recover(vfs, { manifest: { ...manifest, sizeBytes: 99 } }), { code: 'CORRUPTION' })
  await t.throwsAsync(recover(vfs, { manifest: { ...manifest, fileNumber: 8, sizeBytes: 900 } }), { code: 'CORRUPTION' })
})

test('a byte flipped anywhere in a log that was closed is found, or changes nothing', async (t) => {
  const vfs = new MemoryVfs()
  const wal = await openWal(vfs, { fragmentBytes: 128 })
  for (const opId of upTo(4)) {
    await put(wal, opId, rows(opId * 100, opId === 2 ? 60 : 3))
    if (opId === 2) await wal.roll()
  }
  await wal.close()
  const { keys } = await recover(vfs.clone())
  const random = new SeededRandom(20261124)
  for (const number of [1, 2]) {
    for (let i = 0; i < 400; i++) {
      const copy = vfs.clone()
      const offset = random.below(await sizeOf(vfs, number))
      copy.mutate(path(number), offset, 1 << random.below(8))
      try {
        t.deepEqual((await recover(copy)).keys, keys, `segment ${number}, offset ${offset}`)
      } catch (error) {
        t.true(
          ['CORRUPTION', 'FORMAT_UNSUPPORTED'].includes((error as { code: string }).code),
          `segment ${number}, offset ${offset}: ${error}`,
        )
      }
    }
  }
})

test('bytes of another segment are never taken for records', async (t) => {
  const vfs = await written(1)
  const records = (await vfs.readFile(path(1))).slice(64)
  const recovered = await recover(vfs)
  const wal = await openWal(vfs, { segments: recovered.segments })
  const file = await vfs.openAppend(path(2))
  await file.append(records)
  t.deepEqual((await recover(vfs)).ops, [1, 2])
  t.is(wal.lastOpId, 2)
})

const headerOf = async (vfs: MemoryVfs, n: number) => decodeSegmentHeader(await vfs.readFile(path(n)), n, path(n))

/** A log whose first segment got another batch after the header of the second one was written, killed; `begun`: the second one has a record. */
async function overlapping(begun: boolean) {
  let during: (() => void) | undefined
  const disk = new MemoryVfs({ onCall: ({ op }) => op === 'syncDirectory' && during?.() })
  const wal = await openWal(disk, { segmentBytes: 600 })
  const putNow = (op: number) => {
    wal.begin(op, op)
    wal.section('insert', place, rows(op * 100))
    wal.end()
    return wal.commit()
  }
  let lastBatchAt = 0
  during = () => {
    during = undefined
    lastBatchAt = wal.retainedBytes
    void putNow(4)
  }
  for (const op of [1, 2, 3]) void putNow(op)
  while (during) await new Promise(setImmediate)
  await new Promise(setImmediate)
  if (begun) await putNow(5)
  return { vfs: disk.clone(), disk, wal, opId: begun ? 5 : 4, lastBatchAt }
}

test('a segment that another was written to after it is durable to its end', async (t) => {
  const { vfs, lastBatchAt, opId } = await overlapping(true)
  t.true(((await headerOf(vfs, 2))?.predecessorSyncedBytes as number) <= lastBatchAt, 'the header alone does not say so')
  t.deepEqual((await recover(vfs.clone())).ops, upTo(opId))
  vfs.mutate(path(1), lastBatchAt + 40, 1)
  await t.throwsAsync(recover(vfs), { code: 'CORRUPTION', message: /synced before segment 2 was written to/ })
})

test('what a segment was when the next one was made is durable, though that one has no record yet; what came later may be torn', async (t) => {
  const { vfs, lastBatchAt, opId } = await overlapping(false)
  const early = vfs.clone()
  early.mutate(path(1), 100, 1)
  await t.throwsAsync(recover(early), { code: 'CORRUPTION', message: /segment 2 was begun when \d+ bytes of it had been synced/ })
  vfs.mutate(path(1), lastBatchAt + 40, 1)
  const { ops, strays } = await recover(vfs)
  t.deepEqual(ops, upTo(opId - 1))
  t.deepEqual(
    strays.map(({ fileNumber }) => fileNumber),
    [2],
  )
})

test('what a kill left unsynced before a segment made ahead outlasts a power cut once the log goes on, and is known to be durable', async (t) => {
  for (let seed = 1; seed <= 20; seed++) {
    const { disk, opId, lastBatchAt } = await overlapping(false)
    const left = disk.crash({ mode: 'kill' })
    const { segments, ops } = await recover(left)
    t.deepEqual(ops, upTo(opId))
    const wal = await openWal(left, { segments })
    await put(wal, opId + 1)
    await wal.sync()
    const cut = left.crash({ mode: 'power', random: new SeededRandom(seed) })
    t.deepEqual((await recover(cut.clone())).ops, upTo(opId + 1), `seed ${seed}`)
    cut.mutate(path(1), lastBatchAt + 40, 1)
    await t.throwsAsync(recover(cut), { code: 'CORRUPTION', message: /synced before segment 3 was written to/ })
  }
})

test('a segment cut short between two batches is noticed by the mark of the next', async (t) => {
  const { disk, wal, lastBatchAt, opId } = await overlapping(true)
  await wal.sync()
  t.deepEqual((await recover(disk.clone())).ops, upTo(opId))
  disk.truncateTo(path(1), lastBatchAt)
  await t.throwsAsync(recover(disk), { code: 'CORRUPTION', message: /it ends here, yet had \d+ bytes when segment 2 was begun/ })
})

test('op ids that do not rise are CORRUPTION', async (t) => {
  const vfs = await written(1)
  const { segments } = await recover(vfs)
  const wal = await openWal(vfs, { segments, lastOpId: 0 })
  await put(wal, 2)
  await t.throwsAsync(recover(vfs), { code: 'CORRUPTION', message: /batch 2 follows batch 2/ })
})

test('bytes of another place of the same segment are never taken for records', async (t) => {
  const vfs = await written(1)
  const file = await vfs.openAppend(path(1))
  await file.append((await vfs.readFile(path(1))).slice(64))
  const { ops, cut } = await recover(vfs)
  t.deepEqual(ops, [1, 2])
  t.truthy(cut)
})

test('a large batch whose commit does not fit its parts is CORRUPTION', async (t) => {
  for (const [field, change] of [
    ['total bytes', 8],
    ['number of parts', 16],
    ['checksum of checksums', 20],
  ] as const) {
    const vfs = new MemoryVfs()
    await openWal(vfs)
    const encoder = new BatchEncoder(64)
    encoder.begin(1, 1)
    encoder.section('insert', place, rows(1, 20))
    encoder.end()
    const at = { seed: segmentSeed(1), position: 64, syncedBytes: 64, predecessor: 0 }
    const bytes = encoder.seal(at).slice()
    const commit = bytes.length - frameHeaderBytes - 24
    const view = new DataView(bytes.buffer)
    const offset = commit + frameHeaderBytes + change
    view.setUint32(offset, view.getUint32(offset, true) ^ 1, true)
    sealFrame(bytes, view, commit, { ...at, position: 64 + commit })
    await (await vfs.openAppend(path(1))).append(bytes)
    await t.throwsAsync(recover(vfs), { code: 'CORRUPTION', message: /does not end as it should/ }, field)
  }
})

const needs = (opId: number, segment: number) => ({
  fileNumber: 9,
  sizeBytes: 100,
  lastOpId: 99,
  logSyncedThrough: 0,
  logNeededFrom: { opId, segment },
})

test('a log that lacks the segment from which on the manifest needs it is CORRUPTION; one that has more is not', async (t) => {
  const vfs = await written(4)
  for (const segment of [1, 2, 3, 4]) {
    const manifest = needs(2 * segment - 1, segment)
    t.deepEqual((await recover(vfs.clone(), { manifest })).ops, upTo(8), `needed from segment ${segment}, all there`)
    for (const missing of [1, 2, 3]) {
      const copy = vfs.clone()
      await copy.remove(path(missing))
      if (missing < segment) {
        t.deepEqual((await recover(copy, { manifest })).ops, upTo(8).slice(2 * missing), `needed from ${segment}, without ${missing}`)
        continue
      }
      const before = copy.snapshot()
      for (const readOnly of [false, true]) {
        const error = await t.throwsAsync(recover(copy, { manifest, readOnly }), { code: 'CORRUPTION' })
        t.regex(
          error?.message ?? '',
          new RegExp(`begins with segment .*${missing + 1}.wal, yet .* op ${manifest.logNeededFrom.opId} in .*${segment}.wal`),
        )
        t.is((error as unknown as { context: { path: string } }).context.path, path(segment))
      }
      t.deepEqual(copy.snapshot(), before, 'nothing was changed')
    }
  }
  const empty = new MemoryVfs()
  await empty.makeDirectory(directory)
  await t.throwsAsync(recover(empty, { manifest: needs(1, 1) }), { code: 'CORRUPTION', message: /there is no log/ })
})

test('salvage takes the log up to the segment that is missing, and nothing behind it; more than one life later too', async (t) => {
  for (const [missing, ops] of [
    [[3], [1, 2, 3, 4]],
    [
      [2, 4],
      [1, 2],
    ],
    [[1], []],
    [[1, 3], []],
  ] as const) {
    const vfs = await written(5)
    for (const number of missing) await vfs.remove(path(number))
    const recovered = await recover(vfs, { manifest: needs(1, 1), mode: 'salvage' })
    t.deepEqual(recovered.ops, [...ops], `without ${missing}`)
    t.deepEqual([recovered.cut?.problem, recovered.cut?.path], ['it is missing', path(missing[0] as number)])
    t.is((await vfs.list(directory)).length, recovered.segments.length, 'what follows the gap is gone')
    t.deepEqual((await recover(vfs, { manifest: needs(1, 1), mode: 'salvage' })).ops, [...ops])
  }
})

test('a salvage before a missing segment that a power cut interrupts comes to the same', async (t) => {
  const gapped = await written(5)
  await gapped.remove(path(3))
  await gapped.syncDirectory(directory)
  const o = { manifest: needs(1, 1), mode: 'salvage' } as const
  const random = new SeededRandom(6)
  const whole = gapped.clone()
  await recover(whole, o)
  for (let call = 1; call <= whole.callCount; call++) {
    for (let i = 0; i < 4; i++) {
      const vfs = gapped.clone()
      vfs.crashAtCall(call, { share: random })
      await recover(vfs, o).catch(() => {})
      const { ops } = await recover(vfs.crash({ mode: 'power', random }), o)
      t.deepEqual(ops, upTo(4), `call ${call}`)
    }
  }
})

test('a missing segment is noticed though the header of the next was written before its last batch', async (t) => {
  const { vfs } = await overlapping(true)
  t.is((await headerOf(vfs, 2))?.firstOpId, 4, 'as far as the header tells, op 4 could be in it')
  const manifest = needs(4, 1)
  t.deepEqual((await recover(vfs.clone(), { manifest })).ops, upTo(5))
  await vfs.remove(path(1))
  t.deepEqual((await recover(vfs.clone())).ops, [5], 'nobody else would notice')
  await t.throwsAsync(recover(vfs, { manifest }), { code: 'CORRUPTION' })
})

test('an empty segment made ahead of its first op is no log cut short once what it follows is in files', async (t) => {
  const { disk, wal } = await overlapping(false)
  await wal.sync()
  await put(wal, 5)
  await wal.sync()
  const manifest = { ...needs(5, 2), logSyncedThrough: 4 }
  await disk.remove(path(1))
  t.deepEqual((await recover(disk.clone(), { manifest })).ops, [5])
  const cut = disk.clone()
  cut.truncateTo(path(2), 64)
  t.deepEqual((await recover(cut.clone(), { manifest })).ops, [], 'op 5 was never said to be synced')
  await t.throwsAsync(recover(cut, { manifest: { ...manifest, logSyncedThrough: 5 } }), { code: 'CORRUPTION', message: /through op 5/ })
})
